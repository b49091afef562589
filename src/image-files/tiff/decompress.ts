import { constants, inflateSync } from 'node:zlib';

const TRUNCATED = 'the file is truncated';
const DAMAGED = 'its data is damaged';
const MAX_CODES = 4096;
const CLEAR = 256;
const END = 257;

/** Undoes PackBits. @returns `byteCount` bytes. @see TIFF revision 6.0, section 9 */
export function unpackBits(data: Uint8Array, byteCount: number): Uint8Array {
  const unpacked = new Uint8Array(byteCount);
  let filled = 0;
  let position = 0;
  while (filled < byteCount) {
    if (position + 1 >= data.length) throw new Error(TRUNCATED);
    const code = data[position++];
    if (code === 128) continue;
    const room = byteCount - filled;
    if (code < 128) {
      const copied = data.subarray(position, position + Math.min(code + 1, room));
      unpacked.set(copied, filled);
      filled += copied.length;
      position += code + 1;
      if (position > data.length) throw new Error(TRUNCATED);
    } else {
      const count = Math.min(257 - code, room);
      unpacked.fill(data[position++], filled, filled + count);
      filled += count;
    }
  }
  return unpacked;
}

/** Inflates at most `byteCount` bytes, however much the data contains. */
export function inflateTo(data: Uint8Array, byteCount: number): Uint8Array {
  try {
    const inflated = inflateSync(data, { maxOutputLength: byteCount + 65_536, finishFlush: constants.Z_SYNC_FLUSH });
    if (inflated.length < byteCount) throw new Error(TRUNCATED);
    return inflated.subarray(0, byteCount);
  } catch (cause) {
    if (cause instanceof Error && cause.message === TRUNCATED) throw cause;
    const isTooMuch = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new Error(isTooMuch ? 'it holds more data than pixels' : DAMAGED, { cause });
  }
}

/**
 * Undoes TIFF's LZW: codes from the left, which grow one code earlier than GIF's. Each code consumes bits, so it
 * terminates.
 * @returns `byteCount` bytes.
 * @see TIFF revision 6.0, section 13
 */
export function decompressLzw(data: Uint8Array, byteCount: number): Uint8Array {
  if (data[0] === 0 && (data[1] & 1) === 1) throw new Error('old-style LZW compression is not supported');
  const pixels = new Uint8Array(byteCount);
  // Each code is a run of bytes already written: its start and its length.
  const starts = new Uint32Array(MAX_CODES);
  const lengths = new Uint32Array(MAX_CODES).fill(1, 0, CLEAR);
  let nextCode = END + 1;
  let codeSize = 9;
  let previous = -1;
  let previousStart = 0;
  let filled = 0;
  let bits = 0;
  let bitCount = 0;
  let position = 0;
  while (filled < byteCount) {
    while (bitCount < codeSize) {
      if (position >= data.length) throw new Error(TRUNCATED);
      bits = ((bits << 8) | data[position++]) & 0xffffff;
      bitCount += 8;
    }
    bitCount -= codeSize;
    const code = (bits >> bitCount) & ((1 << codeSize) - 1);
    if (code === END) throw new Error(TRUNCATED);
    if (code === CLEAR) {
      nextCode = END + 1;
      codeSize = 9;
      previous = -1;
      continue;
    }
    const isKnown = previous < 0 ? code < CLEAR : code < nextCode;
    if (!isKnown && (previous < 0 || code !== nextCode)) throw new Error(DAMAGED);
    const grownLength = previous < 0 ? 1 : lengths[previous] + 1;
    const length = Math.min(isKnown ? lengths[code] : grownLength, byteCount - filled);
    if (code < CLEAR) {
      pixels[filled] = code;
    } else {
      const from = isKnown ? starts[code] : previousStart;
      // One by one: a run may extend into what it writes.
      for (let i = 0; i < length; i++) pixels[filled + i] = pixels[from + i];
    }
    if (previous >= 0 && nextCode < MAX_CODES) {
      starts[nextCode] = previousStart;
      lengths[nextCode++] = grownLength;
      if (nextCode + 1 === 1 << codeSize && codeSize < 12) codeSize++;
    }
    previous = code;
    previousStart = filled;
    filled += length;
  }
  return pixels;
}
