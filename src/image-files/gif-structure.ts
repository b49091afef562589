/** Why a GIF is refused. */
const DAMAGED = 'the GIF data is damaged';

const IMAGE_DESCRIPTOR = 0x2c;
const EXTENSION = 0x21;
const MAX_CODES = 4096;

/**
 * Checks the first frame of a GIF before a decoder sees it: that it lies within the canvas, whose size has been checked
 * already, and that its compressed data says exactly as many pixels as it has. The decoder trusts all of that: it allocates
 * what a frame claims to be, runs for ever on codes that name themselves, and prints where it should throw.
 * @throws Error when the frame is damaged, cut off, larger than the canvas or not there.
 * @see GIF89a specification, appendix F
 */
export function checkFirstGifFrame(bytes: Uint8Array): void {
  const position = findImageDescriptor(bytes);
  const uint16 = (offset: number): number => (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
  const width = uint16(position + 5);
  const height = uint16(position + 7);
  const fits = uint16(position + 1) + width <= uint16(6) && uint16(position + 3) + height <= uint16(8);
  if (!fits) throw new Error('a frame of the GIF is larger than the picture');
  const dataPosition = position + 10 + colourTableBytes(bytes[position + 9] ?? 0);
  const minCodeSize = bytes[dataPosition] ?? 0;
  if (minCodeSize < 1 || minCodeSize > 8) throw new Error(DAMAGED);
  checkCodes(joinSubBlocks(bytes, dataPosition + 1), minCodeSize, width * height);
}

function findImageDescriptor(bytes: Uint8Array): number {
  let position = 13 + colourTableBytes(bytes[10] ?? 0);
  while (bytes[position] === EXTENSION) {
    position += 2;
    while ((bytes[position] ?? 0) > 0) position += 1 + bytes[position];
    position += 1;
  }
  if (bytes[position] !== IMAGE_DESCRIPTOR) throw new Error('the GIF has no frame');
  return position;
}

function colourTableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

/** The data of a chain of blocks, each with its length before it, up to an empty one. */
function joinSubBlocks(bytes: Uint8Array, start: number): Uint8Array {
  const joined = new Uint8Array(bytes.length - start);
  let length = 0;
  let position = start;
  for (;;) {
    const size = bytes[position];
    if (size === undefined || position + size >= bytes.length) throw new Error('the file is truncated');
    if (size === 0) return joined.subarray(0, length);
    joined.set(bytes.subarray(position + 1, position + 1 + size), length);
    length += size;
    position += 1 + size;
  }
}

/** Follows the codes with the lengths of what they stand for; the pixels themselves do not matter. */
function checkCodes(data: Uint8Array, minCodeSize: number, pixelCount: number): void {
  const clearCode = 1 << minCodeSize;
  const endCode = clearCode + 1;
  const lengths = new Uint32Array(MAX_CODES).fill(1, 0, clearCode);
  let nextCode = endCode + 1;
  let codeSize = minCodeSize + 1;
  let previous = -1;
  let pixels = 0;
  let bits = 0;
  let bitCount = 0;
  let position = 0;
  while (pixels <= pixelCount) {
    while (bitCount < codeSize && position < data.length) {
      bits |= data[position++] << bitCount;
      bitCount += 8;
    }
    // Some writers leave out the end code.
    const code = bitCount < codeSize ? endCode : bits & ((1 << codeSize) - 1);
    bits >>>= codeSize;
    bitCount -= codeSize;
    if (code === endCode) {
      if (pixels !== pixelCount) throw new Error('the file is truncated');
      return;
    }
    if (code === clearCode) {
      nextCode = endCode + 1;
      codeSize = minCodeSize + 1;
      previous = -1;
      continue;
    }
    const isKnown = previous < 0 ? code < clearCode : code < nextCode;
    if (!isKnown && (previous < 0 || code !== nextCode)) throw new Error(DAMAGED);
    const grownLength = previous < 0 ? 1 : lengths[previous] + 1;
    pixels += isKnown ? lengths[code] : grownLength;
    if (previous >= 0 && nextCode < MAX_CODES) {
      lengths[nextCode++] = grownLength;
      if (nextCode === 1 << codeSize && codeSize < 12) codeSize++;
    }
    previous = code;
  }
  throw new Error(DAMAGED);
}
