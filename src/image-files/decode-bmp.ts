import { ByteReader } from './byte-reader.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';

/**
 * BMP of Windows and OS/2: 1, 2, 4, 8, 16, 24 and 32 bits, RLE4 and RLE8, masks, any pixel offset.
 *
 * Our own code because packages read only part of the format, and read the rest wrongly; `docs/formats.md` has the
 * figures.
 * @see BITMAPFILEHEADER to BITMAPV5HEADER in the documentation of Windows; OS/2's in its Presentation Manager reference
 */

const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;
const INFO_HEADER_BYTES = 40;
/** From this size on the header contains the colour masks, and from the next size on the alpha mask too. */
const HEADER_BYTES_WITH_MASKS = 52;
const HEADER_BYTES_WITH_ALPHA = 56;
/**
 * Headers of Windows; those of OS/2 have 16 to 64 bytes, of which the first 40 mean the same except for compression.
 */
const WINDOWS_HEADERS: ReadonlySet<number> = new Set([CORE_HEADER_BYTES, INFO_HEADER_BYTES, 52, 56, 108, 124]);
const OS2_HEADER_BYTES = { least: 16, most: 64 } as const;

const NONE = 0;
const RLE8 = 1;
const RLE4 = 2;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;
const REFUSED_COMPRESSIONS: Readonly<Record<number, string>> = {
  4: 'JPEG',
  5: 'PNG',
  11: 'CMYK',
  12: 'CMYK',
  13: 'CMYK',
};
const REFUSED_OS2_COMPRESSIONS: Readonly<Record<number, string>> = { 3: 'Huffman', 4: 'RLE24' };

/** Bits per pixel by compression. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  [NONE]: [1, 2, 4, 8, 16, 24, 32],
  [RLE8]: [8],
  [RLE4]: [4],
  [BIT_FIELDS]: [16, 32],
  [ALPHA_BIT_FIELDS]: [16, 32],
};
const MASK_BYTES_BEHIND_HEADER: Readonly<Record<number, number>> = { [BIT_FIELDS]: 12, [ALPHA_BIT_FIELDS]: 16 };
const MASKS_16 = [0x7c00, 0x03e0, 0x001f, 0] as const;
const MASKS_32 = [0xff0000, 0x00ff00, 0x0000ff, 0] as const;

/** RLE produces at most this many pixels per byte; jumps over pixels are rare and small. */
const MAX_RLE_PIXELS = 128;
const SPARE_RLE_PIXELS = 1 << 20;

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly depth: number;
  readonly compression: number;
  /** Position of the pixels in the file. */
  readonly offset: number;
  /** `[colours x 3]`, RGB. */
  readonly palette: Uint8Array;
  /** Red, green, blue, alpha. */
  readonly masks: readonly number[];
}

/**
 * Decodes a BMP.
 * @throws Error naming what is damaged, missing or not supported.
 */
export function decodeBmp(bytes: Uint8Array, checkSize: CheckSize): DecodedPicture {
  const file = new ByteReader(bytes, 'little-endian');
  const layout = readLayout(file);
  const { width, height, depth, compression } = layout;
  checkSize(width, height);
  if (compression === RLE4 || compression === RLE8) {
    const data = file.slice(layout.offset, Math.max(0, file.length - layout.offset));
    if (width * height > SPARE_RLE_PIXELS + data.length * MAX_RLE_PIXELS) throw new Error('the file is truncated');
    return toPicture(layout, decodeRunLengths(data, layout));
  }
  const stride = Math.ceil((width * depth) / 32) * 4;
  const lastRow = Math.ceil((width * depth) / 8);
  const data = file.slice(layout.offset, stride * (height - 1) + lastRow);
  return depth <= 8 ? toPicture(layout, unpackIndices(data, layout, stride)) : decodeColours(data, layout, stride);
}

function readLayout(file: ByteReader): Layout {
  const headerBytes = file.uint32(FILE_HEADER_BYTES);
  const isCore = headerBytes === CORE_HEADER_BYTES;
  const isOs2 = !WINDOWS_HEADERS.has(headerBytes);
  if (isOs2 && !(headerBytes >= OS2_HEADER_BYTES.least && headerBytes <= OS2_HEADER_BYTES.most)) {
    throw new Error(`a header of ${headerBytes} bytes is unknown`);
  }
  /** A field of the longer headers; those of OS/2 may end before it, which means 0. */
  const field = (at: number): number => (at + 4 <= headerBytes ? file.uint32(FILE_HEADER_BYTES + at) : 0);
  const width = isCore ? file.uint16(18) : file.int32(18);
  const signedHeight = isCore ? file.uint16(20) : file.int32(22);
  const depth = file.uint16(isCore ? 24 : 28);
  const compression = isCore ? NONE : field(16);
  const refused = (isOs2 ? REFUSED_OS2_COMPRESSIONS : REFUSED_COMPRESSIONS)[compression];
  if (refused !== undefined) throw new Error(`${refused} compression in a BMP is not supported`);
  if (DEPTHS[compression]?.includes(depth) !== true) {
    throw new Error(`compression ${compression} with ${depth} bits per pixel is not valid in BMP`);
  }
  const isTopDown = signedHeight < 0;
  if (isTopDown && (compression === RLE4 || compression === RLE8))
    throw new Error('RLE from top to bottom is not valid in BMP');

  const masks = readMasks(file, headerBytes, depth, compression);
  const maskBytes = headerBytes === INFO_HEADER_BYTES ? (MASK_BYTES_BEHIND_HEADER[compression] ?? 0) : 0;
  const headersEnd = FILE_HEADER_BYTES + headerBytes + maskBytes;
  const entryBytes = isCore ? 3 : 4;
  const mostColours = depth <= 8 ? 2 ** depth : 0;
  const statedColours = isCore ? 0 : field(32);
  const colours = depth > 8 ? 0 : Math.min(statedColours === 0 ? mostColours : statedColours, mostColours);
  const statedOffset = file.uint32(10);
  const offset = statedOffset === 0 ? headersEnd + colours * entryBytes : statedOffset;
  if (offset < headersEnd) throw new Error('its pixel offset points into its header');
  // Some writers omit unused colours, which shows only in where the pixels begin.
  const storedColours = Math.min(colours, Math.floor((offset - headersEnd) / entryBytes));
  const palette = new Uint8Array(storedColours * 3);
  for (let i = 0; i < storedColours; i++) {
    const [blue = 0, green = 0, red = 0] = file.slice(headersEnd + i * entryBytes, 3);
    palette.set([red, green, blue], 3 * i);
  }
  return { width, height: Math.abs(signedHeight), isTopDown, depth, compression, offset, palette, masks };
}

function readMasks(file: ByteReader, headerBytes: number, depth: number, compression: number): readonly number[] {
  if (compression === NONE) return depth === 16 ? MASKS_16 : MASKS_32;
  if (compression !== BIT_FIELDS && compression !== ALPHA_BIT_FIELDS) return MASKS_32;
  const hasAlpha = compression === ALPHA_BIT_FIELDS || headerBytes >= HEADER_BYTES_WITH_ALPHA;
  if (headerBytes < HEADER_BYTES_WITH_MASKS && headerBytes !== INFO_HEADER_BYTES)
    throw new Error('its masks are missing');
  const masks = [0, 1, 2, 3].map((i) =>
    i < 3 || hasAlpha ? file.uint32(FILE_HEADER_BYTES + INFO_HEADER_BYTES + 4 * i) : 0,
  );
  let used = 0;
  for (const mask of masks) {
    const { shift, max } = maskParts(mask);
    const isRun = mask === 0 || (max & (max + 1)) === 0;
    if (!isRun || (used & mask) !== 0 || (depth === 16 && mask > 0xffff) || shift > 31) {
      throw new Error('its masks are damaged');
    }
    used |= mask;
  }
  return masks;
}

/** How far a mask's bits are from the right, and their maximum value. */
function maskParts(mask: number): { shift: number; max: number } {
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  return { shift, max: mask >>> shift };
}

/** Unpacks palette indices from rows, in file order. */
function unpackIndices(data: Uint8Array, { width, height, depth }: Layout, stride: number): Uint8Array {
  const indices = new Uint8Array(width * height);
  const mask = 2 ** depth - 1;
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      indices[row * width + x] = (data[row * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return indices;
}

/** Decodes palette indices from runs, in file order. Skipped pixels get the first colour. */
function decodeRunLengths(data: Uint8Array, { width, height, compression }: Layout): Uint8Array {
  const isNibbles = compression === RLE4;
  const indices = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  let position = 0;
  const next = (): number => {
    if (position >= data.length) throw new Error('the file is truncated');
    return data[position++];
  };
  const put = (index: number): void => {
    if (x < width && y < height) indices[y * width + x] = index;
    x++;
  };
  // Some writers omit the end marker.
  while (y < height && !(y === height - 1 && x >= width && position >= data.length)) {
    const count = next();
    const value = next();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(isNibbles ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += next();
      y += next();
    } else {
      const start = position;
      const byteCount = isNibbles ? Math.ceil(value / 2) : value;
      for (let i = 0; i < value; i++) {
        if (!isNibbles) put(next());
        else put(i % 2 === 0 ? (data[position] ?? 0) >> 4 : next() & 15);
      }
      position = start + byteCount + (byteCount % 2);
    }
  }
  return indices;
}

function toPicture({ width, height, isTopDown, palette }: Layout, indices: Uint8Array): DecodedPicture {
  const data = new Uint8Array(width * height * 4);
  for (let row = 0; row < height; row++) {
    const y = isTopDown ? row : height - 1 - row;
    for (let x = 0; x < width; x++) {
      const from = indices[row * width + x] * 3;
      const to = (y * width + x) * 4;
      if (from >= palette.length) throw new Error('a pixel has a colour that is not in the palette');
      data[to] = palette[from];
      data[to + 1] = palette[from + 1];
      data[to + 2] = palette[from + 2];
      data[to + 3] = 255;
    }
  }
  return { image: { data, width, height }, orientation: 1 };
}

/** Decodes pixels stored as colours: 16, 24 and 32 bits. */
function decodeColours(pixels: Uint8Array, layout: Layout, stride: number): DecodedPicture {
  const { width, height, isTopDown, depth, masks } = layout;
  const data = new Uint8Array(width * height * 4);
  const [red, green, blue, alpha] = masks.map(maskParts);
  const pixelBytes = depth / 8;
  const channel = (value: number, part: { shift: number; max: number } | undefined, absent: number): number =>
    part === undefined || part.max === 0
      ? absent
      : Math.round((((value >>> part.shift) & part.max) >>> 0) * (255 / part.max));
  for (let row = 0; row < height; row++) {
    const y = isTopDown ? row : height - 1 - row;
    for (let x = 0; x < width; x++) {
      const from = row * stride + x * pixelBytes;
      const to = (y * width + x) * 4;
      let value = pixels[from] | (pixels[from + 1] << 8);
      if (pixelBytes > 2) value |= pixels[from + 2] << 16;
      if (pixelBytes > 3) value |= pixels[from + 3] << 24;
      data[to] = channel(value, red, 0);
      data[to + 1] = channel(value, green, 0);
      data[to + 2] = channel(value, blue, 0);
      data[to + 3] = channel(value, alpha, 255);
    }
  }
  return { image: { data, width, height }, orientation: 1 };
}
