import { ByteReader } from '../byte-reader.ts';

/** Bytes of a value by the type of a field; others are left out. */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  12: 8,
  16: 8,
};
const RATIONAL = 5;

/** Values of a page's fields by their tags. Text and bytes are numbers; a rational is its quotient. */
export type TiffFields = ReadonlyMap<number, readonly number[]>;

/** A TIFF of which the fields of the first page have been read. */
export interface TiffFile {
  readonly file: ByteReader;
  readonly byteOrder: 'little-endian' | 'big-endian';
  readonly fields: TiffFields;
}

/**
 * Reads the fields of the first page of a TIFF or BigTIFF, or those of EXIF, which is one. All values lie in the file, so
 * there are no more than it has bytes.
 * @throws Error where it is none or is damaged.
 * @see TIFF revision 6.0, section 2
 */
export function readTiffFields(bytes: Uint8Array): TiffFile {
  const byteOrder = bytes[0] === 0x49 ? 'little-endian' : 'big-endian';
  const file = new ByteReader(bytes, byteOrder);
  const version = file.uint16(2);
  const isBig = version === 43;
  if (version !== 42 && !isBig) throw new Error('this is no TIFF');
  const page = isBig ? file.uint64(8) : file.uint32(4);
  const entryCount = isBig ? file.uint64(page) : file.uint16(page);
  const entryBytes = isBig ? 20 : 12;
  const inlineBytes = isBig ? 8 : 4;
  const start = page + (isBig ? 8 : 2);
  file.slice(start, entryCount * entryBytes);
  const fields = new Map<number, readonly number[]>();
  let valueBytes = 0;
  for (let entry = start; entry < start + entryCount * entryBytes; entry += entryBytes) {
    const tag = file.uint16(entry);
    const type = file.uint16(entry + 2);
    const size = TYPE_BYTES[type];
    // What describes and annotates a picture may be anywhere, or be cut off.
    if (size === undefined || !isNeeded(tag)) continue;
    if (fields.has(tag)) throw new Error('its header has a field twice');
    const count = isBig ? file.uint64(entry + 4) : file.uint32(entry + 4);
    const inline = entry + entryBytes - inlineBytes;
    const at = count * size <= inlineBytes ? inline : isBig ? file.uint64(inline) : file.uint32(inline);
    file.slice(at, count * size);
    // Fields may share their values, but not so often that reading them takes for ever.
    valueBytes += count * size;
    if (valueBytes > 4 * bytes.length) throw new Error('a field of the TIFF is damaged');
    fields.set(
      tag,
      Array.from({ length: count }, (_, i) => readValue(file, type, at + i * size)),
    );
  }
  return { file, byteOrder, fields };
}

/** Tags that say how pixels are stored; those about cameras, places and programs are of no use here. */
function isNeeded(tag: number): boolean {
  return (tag >= 254 && tag <= 347) || (tag >= 529 && tag <= 532);
}

function readValue(file: ByteReader, type: number, at: number): number {
  if (type === RATIONAL) return file.uint32(at) / file.uint32(at + 4);
  const size = TYPE_BYTES[type];
  if (size === 1) return file.uint8(at);
  if (size === 2) return file.uint16(at);
  return size === 4 ? file.uint32(at) : file.uint64(at);
}
