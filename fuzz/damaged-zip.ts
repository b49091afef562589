import { crc32 } from '../converters/crc32.ts';
import { below, EXTREMES, pick, type Random } from './mutate.ts';
import { storedDeflate } from './stored-deflate.ts';

/** Names with a special meaning to code that writes files. */
const NAMES = ['../x', '/etc/passwd', '__proto__', 'constructor', '', 'a/', '\u0000', 'C:\\x', 'data.pkl', 'a.npy'];

/** Copies of an entry. */
const RARELY_MANY = [...new Array<number>(20).fill(1), ...new Array<number>(4).fill(10), 1000];

interface Entry {
  name: string;
  readonly stored: Buffer;
  readonly method: number;
  crc: number;
  compressedBytes: number;
  bytes: number;
  flags: number;
  /** Where its header is claimed to be; by default its true place. */
  offset?: number;
}

/**
 * A zip archive with one to four false statements: sizes, checksums, offsets, counts, names, entries that overlap or occur twice,
 * zip64 records that are needed, unnecessary or false.
 */
export function damagedZip(contents: ReadonlyMap<string, Uint8Array>, random: Random): Uint8Array {
  const entries = [...contents].map(([name, content]): Entry => {
    const isDeflated = random() < 0.5;
    const stored = isDeflated ? storedDeflate(content) : Buffer.from(content);
    const sizes = { compressedBytes: stored.length, bytes: content.length };
    return { name, stored, method: isDeflated ? 8 : 0, crc: crc32(content), ...sizes, flags: 0 };
  });
  let countLie: number | undefined;
  let directoryLie: number | undefined;
  let isZip64 = random() < 0.3;
  for (let left = below(random, 5); left > 0; left--) {
    const entry = pick(random, entries, undefined);
    if (entry === undefined) break;
    const lie = pick(random, EXTREMES, 0);
    switch (below(random, 11)) {
      case 0:
        entry.bytes = lie;
        break;
      case 1:
        entry.compressedBytes = lie;
        break;
      case 2:
        entry.crc = lie;
        break;
      case 3:
        entry.offset = pick(random, [lie, 0, 30], 0);
        break;
      case 4:
        entry.name = pick(random, NAMES, '');
        break;
      case 5:
        for (let n = pick(random, RARELY_MANY, 1); n > 0; n--) entries.push({ ...entry, name: `${entry.name}${n}` });
        break;
      case 6:
        entries.splice(entries.indexOf(entry), 1);
        break;
      case 7:
        entry.flags = pick(random, [1, 8, 0x800, 0xffff], 0);
        break;
      case 8:
        countLie = pick(random, [lie, entries.length + 1], 0);
        break;
      case 9:
        directoryLie = pick(random, [lie, 0], 0);
        break;
      default:
        isZip64 = !isZip64;
    }
  }
  return writeZip(entries, isZip64, random, countLie, directoryLie);
}

function writeZip(
  entries: readonly Entry[],
  isZip64: boolean,
  random: Random,
  countLie: number | undefined,
  directoryLie: number | undefined,
): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let length = 0;
  const push = (bytes: Buffer): void => {
    parts.push(bytes);
    length += bytes.length;
  };
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const offset = entry.offset ?? length;
    const common = Buffer.alloc(22);
    common.writeUInt16LE(entry.flags, 2);
    common.writeUInt16LE(entry.method, 4);
    common.writeUInt32LE(entry.crc, 10);
    common.writeUInt32LE(entry.compressedBytes, 14);
    common.writeUInt32LE(entry.bytes, 18);
    const names = Buffer.alloc(4);
    names.writeUInt16LE(name.length);
    push(Buffer.concat([Buffer.from('PK\x03\x04'), common, names, name, entry.stored]));
    const tail = Buffer.alloc(18);
    tail.writeUInt16LE(name.length, 0);
    tail.writeUInt32LE(offset, 14);
    const extra = isZip64 ? zip64Extra([entry.bytes, entry.compressedBytes, offset], random) : Buffer.alloc(0);
    tail.writeUInt16LE(extra.length, 2);
    if (isZip64) {
      common.writeUInt32LE(0xffffffff, 14);
      common.writeUInt32LE(0xffffffff, 18);
      tail.writeUInt32LE(0xffffffff, 14);
    }
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0'), common, tail, name, extra]));
  }
  const directoryAt = directoryLie ?? length;
  const count = countLie ?? entries.length;
  const start = length;
  for (const bytes of directory) push(bytes);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(isZip64 ? 0xffff : count & 0xffff, 8);
  end.writeUInt16LE(isZip64 ? 0xffff : count & 0xffff, 10);
  end.writeUInt32LE(length - start, 12);
  end.writeUInt32LE(isZip64 ? 0xffffffff : directoryAt, 16);
  if (isZip64) {
    const record = Buffer.alloc(56);
    record.write('PK\x06\x06', 'latin1');
    record.writeBigUInt64LE(44n, 4);
    record.writeBigUInt64LE(wide(count, random), 24);
    record.writeBigUInt64LE(wide(count, random), 32);
    record.writeBigUInt64LE(BigInt(length - start), 40);
    record.writeBigUInt64LE(wide(directoryAt, random), 48);
    const locator = Buffer.alloc(20);
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(wide(length, random), 8);
    push(record);
    push(locator);
  }
  return Buffer.concat([...parts, end]);
}

function zip64Extra(values: readonly number[], random: Random): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, i) => void extra.writeBigUInt64LE(wide(value, random), 4 + 8 * i));
  return extra;
}

/** A 64-bit number, now and then one that no file contains. */
function wide(value: number, random: Random): bigint {
  return random() < 0.05 ? pick(random, [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, 2n ** 40n], 0n) : BigInt(value);
}
