/**
 * Deflate streams of stored blocks: making one takes a tenth of the time of compressing, and makes no difference to an inflater.
 * The seeds contain compressed streams.
 */

/** Maximum bytes of a stored block. */
const MAX_BLOCK = 0xffff;
const ADLER_BASE = 65521;
/** Sums over this many bytes fit in 32 bits. */
const ADLER_RUN = 3800;

/** A bare stream (RFC 1951). */
export function storedDeflate(content: Uint8Array): Buffer {
  const count = Math.max(1, Math.ceil(content.length / MAX_BLOCK));
  const stream = Buffer.allocUnsafe(content.length + 5 * count);
  let to = 0;
  for (let block = 0; block < count; block++) {
    const part = content.subarray(block * MAX_BLOCK, (block + 1) * MAX_BLOCK);
    stream[to] = block === count - 1 ? 1 : 0;
    stream.writeUInt16LE(part.length, to + 1);
    stream.writeUInt16LE(~part.length & 0xffff, to + 3);
    stream.set(part, to + 5);
    to += 5 + part.length;
  }
  return stream;
}

/** A stream with header and checksum (RFC 1950). */
export function storedZlib(content: Uint8Array): Buffer {
  const sum = Buffer.allocUnsafe(4);
  sum.writeUInt32BE(adler32(content));
  return Buffer.concat([Buffer.of(0x78, 0x01), storedDeflate(content), sum]);
}

function adler32(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (let start = 0; start < bytes.length; start += ADLER_RUN) {
    const end = Math.min(start + ADLER_RUN, bytes.length);
    for (let i = start; i < end; i++) {
      low += bytes[i];
      high += low;
    }
    low %= ADLER_BASE;
    high %= ADLER_BASE;
  }
  return high * 65536 + low;
}
