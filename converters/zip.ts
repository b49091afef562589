/**
 * Reads zip archives (torch checkpoints, `.npz`) in memory, as specified in PKWARE's APPNOTE.TXT: end record (found
 * from the back), zip64 end record if that overflows, central directory, and for each entry a local header before the
 * data.
 *
 * Our own code rather than fflate's `unzipSync` (0.8), which trusts the file: it does not check CRC-32, so damaged
 * weights pass; it silently drops data beyond the declared size; and it loops over as many entries as the file claims
 * to have.
 */
import { type ByteReader, hasBytes } from './byte-reader.ts';
import { crc32 } from './crc32.ts';
import { inflateRaw } from './inflate.ts';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_RECORD = 0x06054b50;
const ZIP64_END_RECORD = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;

const END_RECORD_BYTES = 22;
const ZIP64_LOCATOR_BYTES = 20;
const CENTRAL_HEADER_BYTES = 46;
const MAX_COMMENT_BYTES = 0xffff;
const ZIP64_EXTRA = 1;
const OVERFLOW_16 = 0xffff;
const OVERFLOW_32 = 0xffffffff;

const STORED = 0;
const DEFLATED = 8;
/** General purpose flag: the entry is encrypted. */
const ENCRYPTED = 1;

/** Charged for each directory entry, bytes: when gzipped, a directory of millions is small. */
const ENTRY_COST = 512;

interface ZipEntry {
  readonly method: number;
  readonly flags: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly headerOffset: number;
}

/** Whether the file begins like a zip. */
export function isZip(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, [0x50, 0x4b, 3, 4]) || hasBytes(bytes, 0, [0x50, 0x4b, 5, 6]);
}

/** An opened archive; entries are decompressed individually, when read. */
export class ZipArchive {
  readonly reader: ByteReader;
  /** Names of the entries, in the order of the central directory. */
  readonly names: readonly string[];
  readonly #entries: ReadonlyMap<string, ZipEntry>;

  /** @throws WeightFormatError if the directory is damaged. */
  constructor(reader: ByteReader) {
    this.reader = reader;
    this.#entries = readDirectory(reader);
    this.names = [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Content of an entry: a view of the file if it is stored uncompressed.
   * @throws WeightFormatError if there is no such entry, or it does not match the directory (size, CRC-32).
   */
  read(name: string): Uint8Array {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw this.reader.error(`has no entry '${name}'`);
    const content = this.#decompress(entry, this.#locate(name, entry), `entry '${name}'`);
    if (crc32(content) !== entry.crc32)
      throw this.reader.error(`has a damaged entry '${name}' (CRC-32 does not match)`);
    return content;
  }

  /** The entry's bytes as stored in the file. */
  #locate(name: string, entry: ZipEntry): Uint8Array {
    const { reader } = this;
    if (entry.flags & ENCRYPTED) throw reader.error(`has an encrypted entry '${name}'`);
    reader.seek(entry.headerOffset);
    if (reader.uint32() !== LOCAL_HEADER) throw reader.error(`has no header for its entry '${name}'`);
    reader.skip(22);
    reader.skip(reader.uint16() + reader.uint16());
    return reader.take(entry.compressedBytes);
  }

  #decompress(entry: ZipEntry, stored: Uint8Array, what: string): Uint8Array {
    const { reader } = this;
    if (entry.method === DEFLATED) return inflateRaw(reader, stored, entry.bytes, what);
    if (entry.method !== STORED || entry.bytes !== entry.compressedBytes) {
      throw reader.error(`${what} uses an unknown compression`, {
        expected: 'stored or deflated',
        actual: `method ${entry.method}, ${entry.compressedBytes} bytes for ${entry.bytes}`,
      });
    }
    // Not copied, but charged all the same: overlapping entries would be checked again and again.
    reader.allocate(entry.bytes, what);
    return stored;
  }
}

function readDirectory(reader: ByteReader): Map<string, ZipEntry> {
  const { entryCount, offset } = readEndRecord(reader);
  reader.seek(offset);
  const entries = new Map<string, ZipEntry>();
  for (let i = 0; i < entryCount; i++) {
    if (reader.remaining < CENTRAL_HEADER_BYTES || reader.uint32() !== CENTRAL_HEADER) {
      throw reader.error('has a damaged zip directory', { expected: `${entryCount} entries`, actual: `${i}` });
    }
    reader.allocate(ENTRY_COST, 'the directory');
    reader.skip(4);
    const flags = reader.uint16();
    const method = reader.uint16();
    reader.skip(4);
    const crc = reader.uint32();
    const sizes = [reader.uint32(), reader.uint32()] as [number, number];
    const nameBytes = reader.uint16();
    const extraBytes = reader.uint16();
    const commentBytes = reader.uint16();
    reader.skip(8);
    let headerOffset = reader.uint32();
    const name = Buffer.from(reader.take(nameBytes)).toString('utf8');
    const extra = reader.part(reader.take(extraBytes));
    reader.skip(commentBytes);
    let [compressedBytes, bytes] = sizes;
    if (bytes === OVERFLOW_32 || compressedBytes === OVERFLOW_32 || headerOffset === OVERFLOW_32) {
      const wide = findZip64Extra(extra);
      if (bytes === OVERFLOW_32) bytes = wide.uint64();
      if (compressedBytes === OVERFLOW_32) compressedBytes = wide.uint64();
      if (headerOffset === OVERFLOW_32) headerOffset = wide.uint64();
    }
    if (entries.has(name)) throw reader.error(`has two entries '${name.slice(0, 200)}'`);
    entries.set(name, { method, flags, crc32: crc, compressedBytes, bytes, headerOffset });
  }
  return entries;
}

function readEndRecord(reader: ByteReader): { entryCount: number; offset: number } {
  const { bytes } = reader;
  const first = Math.max(0, bytes.length - END_RECORD_BYTES - MAX_COMMENT_BYTES);
  for (let start = bytes.length - END_RECORD_BYTES; start >= first; start--) {
    reader.seek(start);
    if (reader.uint32() !== END_RECORD) continue;
    reader.skip(6);
    const entryCount = reader.uint16();
    reader.skip(4);
    const offset = reader.uint32();
    return entryCount === OVERFLOW_16 || offset === OVERFLOW_32
      ? readZip64EndRecord(reader, start)
      : { entryCount, offset };
  }
  throw reader.error('is a truncated zip archive: it has no directory');
}

function readZip64EndRecord(reader: ByteReader, endRecord: number): { entryCount: number; offset: number } {
  reader.seek(endRecord - ZIP64_LOCATOR_BYTES);
  if (reader.uint32() === ZIP64_LOCATOR) {
    reader.skip(4);
    reader.seek(reader.uint64());
    if (reader.uint32() === ZIP64_END_RECORD) {
      reader.skip(28);
      const entryCount = reader.uint64();
      reader.skip(8);
      return { entryCount, offset: reader.uint64() };
    }
  }
  throw reader.error('has a damaged zip64 directory');
}

function findZip64Extra(extra: ByteReader): ByteReader {
  while (extra.remaining >= 4) {
    const id = extra.uint16();
    const field = extra.take(extra.uint16());
    if (id === ZIP64_EXTRA) return extra.part(field);
  }
  throw extra.error('has a zip entry without its zip64 sizes');
}
