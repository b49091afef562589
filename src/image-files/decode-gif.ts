import { ByteReader } from './byte-reader.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';

/**
 * The first frame of a GIF.
 *
 * Our own code because the packages (omggif, gifwrap, which jimp uses) trust the file: they allocate whatever size a
 * frame states, loop for ever on codes and blocks that refer to themselves, and print instead of throwing. Checking all
 * that means following every code; writing out its pixels takes only a few more lines.
 * @see GIF89a specification, appendix F
 */

const DAMAGED = 'the GIF data is damaged';
const HEADER_BYTES = 13;
const IMAGE_DESCRIPTOR = 0x2c;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const MAX_CODES = 4096;
/** First row and row distance of the four passes of an interlaced frame. */
const INTERLACE_PASSES = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
] as const;

/**
 * Decodes the first frame, on a canvas of the background colour if it does not fill it.
 * @throws Error if the frame is damaged, truncated, larger than the canvas or missing.
 */
export function decodeGif(bytes: Uint8Array, checkSize: CheckSize): DecodedPicture {
  const file = new ByteReader(bytes, 'little-endian');
  const width = file.uint16(6);
  const height = file.uint16(8);
  checkSize(width, height);
  const globalTable = colourTable(file, HEADER_BYTES, file.uint8(10));
  const { position, transparentIndex } = findFrame(file, HEADER_BYTES + globalTable.length);
  const left = file.uint16(position + 1);
  const top = file.uint16(position + 3);
  const frameWidth = file.uint16(position + 5);
  const frameHeight = file.uint16(position + 7);
  if (left + frameWidth > width || top + frameHeight > height) {
    throw new Error('a frame of the GIF is larger than the picture');
  }
  const flags = file.uint8(position + 9);
  const localTable = colourTable(file, position + 10, flags);
  const dataPosition = position + 10 + localTable.length;
  const indices = decompress(joinSubBlocks(file, dataPosition + 1), file.uint8(dataPosition), frameWidth * frameHeight);

  const table = localTable.length > 0 ? localTable : globalTable;
  const image = new Uint8Array(width * height * 4);
  const put = (at: number, colours: Uint8Array, index: number): void => {
    if (3 * index + 3 > colours.length) throw new Error("a pixel has a colour that is not in the GIF's palette");
    image[at] = colours[3 * index];
    image[at + 1] = colours[3 * index + 1];
    image[at + 2] = colours[3 * index + 2];
    image[at + 3] = index === transparentIndex ? 0 : 255;
  };
  if (frameWidth < width || frameHeight < height) {
    const background = transparentIndex ?? file.uint8(11);
    const hasBackground = 3 * background + 3 <= globalTable.length;
    if (hasBackground) for (let at = 0; at < image.length; at += 4) put(at, globalTable, background);
  }
  const rows = (flags & 0x40) === 0 ? undefined : interlacedRows(frameHeight);
  for (let row = 0; row < frameHeight; row++) {
    const y = top + (rows?.[row] ?? row);
    for (let x = 0; x < frameWidth; x++) put((y * width + left + x) * 4, table, indices[row * frameWidth + x]);
  }
  return { image: { data: image, width, height }, orientation: 1 };
}

function colourTable(file: ByteReader, at: number, flags: number): Uint8Array {
  return file.slice(at, (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
}

function findFrame(file: ByteReader, start: number): { position: number; transparentIndex?: number } {
  let transparentIndex: number | undefined;
  let position = start;
  while (file.uint8(position) === EXTENSION) {
    if (file.uint8(position + 1) === GRAPHIC_CONTROL && file.uint8(position + 2) >= 4) {
      transparentIndex = (file.uint8(position + 3) & 1) === 1 ? file.uint8(position + 6) : undefined;
    }
    position += 2;
    for (let size = file.uint8(position); size > 0; size = file.uint8(position)) position += 1 + size;
    position += 1;
  }
  if (file.uint8(position) !== IMAGE_DESCRIPTOR) throw new Error('the GIF has no frame');
  return { position, ...(transparentIndex !== undefined && { transparentIndex }) };
}

/** The data of a chain of blocks, each preceded by its length, up to an empty one. */
function joinSubBlocks(file: ByteReader, start: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let position = start; ; ) {
    const size = file.uint8(position);
    if (size === 0) return Buffer.concat(blocks);
    blocks.push(file.slice(position + 1, size));
    position += 1 + size;
  }
}

/** Decodes LZW: each code is a run of pixels seen before, or the previous run followed by its own first pixel. */
function decompress(data: Uint8Array, minCodeSize: number, pixelCount: number): Uint8Array {
  if (minCodeSize < 1 || minCodeSize > 8) throw new Error(DAMAGED);
  // A code stands for at most as many pixels as there were codes before it.
  if (pixelCount > ((data.length * 8) / (minCodeSize + 1) + 1) * MAX_CODES) throw new Error('the file is truncated');
  const pixels = new Uint8Array(pixelCount);
  const clearCode = 1 << minCodeSize;
  const endCode = clearCode + 1;
  // Each code is a run of pixels already written: its start and its length.
  const starts = new Uint32Array(MAX_CODES);
  const lengths = new Uint32Array(MAX_CODES).fill(1, 0, clearCode);
  let nextCode = endCode + 1;
  let codeSize = minCodeSize + 1;
  let previous = -1;
  let previousStart = 0;
  let count = 0;
  let bits = 0;
  let bitCount = 0;
  let position = 0;
  for (;;) {
    while (bitCount < codeSize && position < data.length) {
      bits |= data[position++] << bitCount;
      bitCount += 8;
    }
    // Some writers omit the end code.
    const code = bitCount < codeSize ? endCode : bits & ((1 << codeSize) - 1);
    bits >>>= codeSize;
    bitCount -= codeSize;
    if (code === endCode) {
      if (count !== pixelCount) throw new Error('the file is truncated');
      return pixels;
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
    const length = isKnown ? lengths[code] : grownLength;
    if (count + length > pixelCount) throw new Error(DAMAGED);
    if (code < clearCode) {
      pixels[count] = code;
    } else {
      const from = isKnown ? starts[code] : previousStart;
      // One by one: a run may extend into what it writes.
      for (let i = 0; i < length; i++) pixels[count + i] = pixels[from + i];
    }
    if (previous >= 0 && nextCode < MAX_CODES) {
      // The previous run and the first pixel of this one are adjacent.
      starts[nextCode] = previousStart;
      lengths[nextCode++] = grownLength;
      if (nextCode === 1 << codeSize && codeSize < 12) codeSize++;
    }
    previous = code;
    previousStart = count;
    count += length;
  }
}

function interlacedRows(height: number): number[] {
  const rows: number[] = [];
  for (const [first, step] of INTERLACE_PASSES) for (let row = first; row < height; row += step) rows.push(row);
  return rows;
}
