import { constants, inflateSync } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { isExif, readExifOrientation } from './exif-orientation.ts';

/**
 * PNG, all colour types, depths and interlacing.
 *
 * Our own code because no package was reliable: fast-png 8, which writes our PNG files, returns wrong pixels for
 * interlaced pictures of less than 8 bits and inflates without limit; pngjs 7 loops for ever on damaged data, refuses
 * bytes after the end and blanks the colours under a transparent key.
 * @see https://www.w3.org/TR/png-3/
 */

const SIGNATURE_BYTES = 8;
const HEADER_BYTES = 13;
const GREY = 0;
const RGB = 2;
const PALETTE = 3;
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Deflate produces at most this many bytes from one. */
const MAX_INFLATION = 1032;
/** Some writers add a few bytes more than the pixels need. */
const SPARE_BYTES = 65_536;
/** EXIF has at most 64 kB in a JPEG, where it comes from, and twice as many digits. */
const MAX_PROFILE_BYTES = 1 << 20;
const MAX_INFLATE_CHUNK = 1 << 24;

/** Start of an interlacing pass, and how far its pixels are apart. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly xStep: number;
  readonly yStep: number;
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, xStep: 1, yStep: 1 }];
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, xStep: 8, yStep: 8 },
  { x: 4, y: 0, xStep: 8, yStep: 8 },
  { x: 0, y: 4, xStep: 4, yStep: 8 },
  { x: 2, y: 0, xStep: 4, yStep: 4 },
  { x: 0, y: 2, xStep: 2, yStep: 4 },
  { x: 1, y: 0, xStep: 2, yStep: 2 },
  { x: 0, y: 1, xStep: 1, yStep: 2 },
];

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

interface PngChunks {
  readonly header: Header;
  readonly palette: Uint8Array;
  readonly transparency: Uint8Array;
  readonly orientation: number;
  readonly data: readonly Uint8Array[];
}

/**
 * Decodes a PNG; of an animated one the picture that other programs show.
 * @throws Error naming what is damaged, missing or not supported.
 */
export function decodePng(bytes: Uint8Array, checkSize: CheckSize): DecodedPicture {
  const chunks = readChunks(bytes, checkSize);
  const { header, orientation } = chunks;
  const passes = header.isInterlaced ? ADAM7 : WHOLE;
  const raw = inflate(
    chunks.data,
    passes.reduce((sum, pass) => sum + passBytes(header, pass), 0),
  );
  const data = new Uint8Array(header.width * header.height * 4);
  const writeRow = rowWriter(chunks, data);
  let at = 0;
  for (const pass of passes) {
    const { columns, rows } = passSize(header, pass);
    const rowBytes = bytesPerRow(header, columns);
    if (columns === 0) continue;
    for (let row = 0; row < rows; row++) {
      unfilter(raw, at, rowBytes, row === 0, Math.ceil(bitsPerPixel(header) / 8));
      writeRow(raw, at + 1, pass, pass.y + row * pass.yStep, columns);
      at += 1 + rowBytes;
    }
  }
  return { image: { data, width: header.width, height: header.height }, orientation };
}

/** The orientation of a PNG, 1..8, from EXIF: 1 if it states none or is damaged. */
export function readPngOrientation(bytes: Uint8Array): number {
  try {
    return readChunks(bytes, () => {}).orientation;
  } catch {
    return 1;
  }
}

function readChunks(bytes: Uint8Array, checkSize: CheckSize): PngChunks {
  const file = new ByteReader(bytes, 'big-endian');
  let header: Header | undefined;
  let palette: Uint8Array = new Uint8Array(0);
  let transparency: Uint8Array = new Uint8Array(0);
  let orientation: number | undefined;
  let orientationInText: number | undefined;
  const data: Uint8Array[] = [];
  for (let at = SIGNATURE_BYTES; ; ) {
    const length = file.uint32(at);
    const name = file.tag(at + 4);
    const content = file.slice(at + 8, length);
    if (name === 'IHDR' && header === undefined) {
      header = readHeader(content);
      checkSize(header.width, header.height);
    } else if (name === 'IHDR' || header === undefined) {
      throw new Error(
        name === 'CgBI' ? "Apple's variant of PNG (CgBI) is not supported" : 'its header is not where it should be',
      );
    }
    const crc = file.uint32(at + 8 + length);
    const isCritical = (bytes[at + 4] & 0x20) === 0;
    // The data has its own checksum.
    if (name !== 'IDAT' && (isCritical || name === 'tRNS') && crc !== crc32(file.slice(at + 4, length + 4))) {
      throw new Error(`the checksum of its ${name} chunk is wrong`);
    }
    if (name === 'PLTE') palette = content;
    else if (name === 'tRNS') transparency = content;
    else if (name === 'eXIf') orientation = readExifOrientation(content);
    else if (name === 'tEXt' || name === 'zTXt') orientationInText ??= readTextOrientation(name, content);
    else if (name === 'IDAT') data.push(content);
    else if (name === 'IEND') break;
    else if (isCritical && name !== 'IHDR') throw new Error(`its ${JSON.stringify(name)} chunk is unknown`);
    at += 12 + length;
  }
  if (header.colourType === PALETTE && (palette.length < 3 || palette.length % 3 !== 0)) {
    throw new Error('it has no palette');
  }
  return { header, palette, transparency, orientation: orientation ?? orientationInText ?? 1, data };
}

/**
 * The orientation of EXIF data stored as text, as ImageMagick and exiftool did before there was a chunk for it: a name,
 * a count of bytes, and the bytes as hexadecimal digits.
 * @returns undefined if the text is about something else.
 */
function readTextOrientation(chunk: 'tEXt' | 'zTXt', content: Uint8Array): number | undefined {
  const keyEnd = content.indexOf(0);
  const key = Buffer.from(content.subarray(0, Math.max(0, keyEnd))).toString('latin1');
  if (key !== 'Raw profile type exif' && key !== 'Raw profile type APP1') return undefined;
  const profile = /^\n[^\n]*\n\s*\d+\n([\da-f\s]*)$/i.exec(readText(chunk, content.subarray(keyEnd + 1)))?.[1];
  const exif = Buffer.from(profile?.replace(/\s/g, '') ?? '', 'hex');
  // APP1 may also be XMP.
  return isExif(exif) || key.endsWith('exif') ? readExifOrientation(exif) : undefined;
}

/** @returns an empty text for one that is damaged or much longer than EXIF can be. */
function readText(chunk: 'tEXt' | 'zTXt', text: Uint8Array): string {
  if (text.length > MAX_PROFILE_BYTES) return '';
  if (chunk === 'tEXt') return Buffer.from(text).toString('latin1');
  try {
    return inflateSync(text.subarray(1), { maxOutputLength: MAX_PROFILE_BYTES }).toString('latin1');
  } catch {
    return '';
  }
}

function readHeader(content: Uint8Array): Header {
  if (content.length !== HEADER_BYTES) throw new Error('its header is damaged');
  const reader = new ByteReader(content, 'big-endian');
  const [depth = 0, colourType = 0, compression, filter, interlacing] = content.subarray(8);
  if (DEPTHS[colourType]?.includes(depth) !== true) {
    throw new Error(`colour type ${colourType} with ${depth} bits is not valid in PNG`);
  }
  if (compression !== 0 || filter !== 0 || (interlacing !== 0 && interlacing !== 1)) {
    throw new Error('its compression, filter or interlacing is unknown');
  }
  return { width: reader.uint32(0), height: reader.uint32(4), depth, colourType, isInterlaced: interlacing === 1 };
}

function bitsPerPixel({ depth, colourType }: Header): number {
  return depth * (CHANNELS[colourType] ?? 0);
}

function bytesPerRow(header: Header, columns: number): number {
  return Math.ceil((columns * bitsPerPixel(header)) / 8);
}

function passSize({ width, height }: Header, { x, y, xStep, yStep }: Pass): { columns: number; rows: number } {
  return { columns: Math.max(0, Math.ceil((width - x) / xStep)), rows: Math.max(0, Math.ceil((height - y) / yStep)) };
}

function passBytes(header: Header, pass: Pass): number {
  const { columns, rows } = passSize(header, pass);
  return columns === 0 ? 0 : rows * (1 + bytesPerRow(header, columns));
}

/** Inflates data to no more than the pixels need, however much it contains. */
function inflate(parts: readonly Uint8Array[], expectedBytes: number): Uint8Array {
  const deflated = Buffer.concat(parts);
  if (expectedBytes > deflated.length * MAX_INFLATION) throw new Error('the file is truncated');
  let raw: Uint8Array;
  try {
    raw = inflateSync(deflated, {
      maxOutputLength: expectedBytes + SPARE_BYTES,
      chunkSize: Math.min(MAX_INFLATE_CHUNK, Math.max(1024, expectedBytes + 1)),
      finishFlush: constants.Z_FINISH,
    });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new Error('it holds more data than pixels', { cause });
    throw new Error(code === 'Z_BUF_ERROR' ? 'the file is truncated' : 'its data is damaged', { cause });
  }
  if (raw.length < expectedBytes) throw new Error('the file is truncated');
  return raw;
}

/**
 * Undoes the filter of a row in place.
 * @param at - position of its filter byte; the previous row is right before it.
 */
function unfilter(raw: Uint8Array, at: number, rowBytes: number, isFirst: boolean, pixelBytes: number): void {
  const filter = raw[at];
  const start = at + 1;
  const end = start + rowBytes;
  const up = rowBytes + 1;
  if (filter === 0) return;
  if (filter > 4) throw new Error('its data is damaged');
  for (let i = start; i < end; i++) {
    const left = i - pixelBytes >= start ? raw[i - pixelBytes] : 0;
    const above = isFirst ? 0 : raw[i - up];
    if (filter === 1) raw[i] += left;
    else if (filter === 2) raw[i] += above;
    else if (filter === 3) raw[i] += (left + above) >> 1;
    else {
      const aboveLeft = isFirst || i - pixelBytes < start ? 0 : raw[i - up - pixelBytes];
      const toLeft = Math.abs(above - aboveLeft);
      const toAbove = Math.abs(left - aboveLeft);
      const toAboveLeft = Math.abs(left + above - 2 * aboveLeft);
      if (toLeft <= toAbove && toLeft <= toAboveLeft) raw[i] += left;
      else raw[i] += toAbove <= toAboveLeft ? above : aboveLeft;
    }
  }
}

type WriteRow = (raw: Uint8Array, start: number, pass: Pass, y: number, columns: number) => void;

/** Converts the samples of a row to RGBA: samples of less than 8 bits and of 16 bits are scaled. */
function rowWriter({ header, palette, transparency }: PngChunks, data: Uint8Array): WriteRow {
  const { width, depth, colourType } = header;
  const channels = CHANNELS[colourType] ?? 0;
  const isGrey = channels <= 2;
  const hasAlpha = channels === 2 || channels === 4;
  const maxSample = 2 ** depth - 1;
  const scale = 255 / maxSample;
  const hasKey = (colourType === GREY || colourType === RGB) && transparency.length >= 2 * channels;
  const key = hasKey
    ? Array.from({ length: channels }, (_, i) => ((transparency[2 * i] << 8) | transparency[2 * i + 1]) & maxSample)
    : [];
  const colourCount = palette.length / 3;

  return (raw, start, { x, xStep }, y, columns) => {
    const sample = (index: number): number => {
      if (depth === 8) return raw[start + index];
      if (depth === 16) return (raw[start + 2 * index] << 8) | raw[start + 2 * index + 1];
      const bit = index * depth;
      return (raw[start + (bit >> 3)] >> (8 - depth - (bit & 7))) & maxSample;
    };
    const scaled = (value: number): number => (depth === 8 ? value : Math.round(value * scale));
    for (let column = 0; column < columns; column++) {
      const to = (y * width + x + column * xStep) * 4;
      const from = column * channels;
      if (colourType === PALETTE) {
        const index = sample(from);
        if (index >= colourCount) throw new Error('a pixel has a colour that is not in the palette');
        data[to] = palette[3 * index];
        data[to + 1] = palette[3 * index + 1];
        data[to + 2] = palette[3 * index + 2];
        data[to + 3] = index < transparency.length ? transparency[index] : 255;
        continue;
      }
      const first = sample(from);
      const second = isGrey ? first : sample(from + 1);
      const third = isGrey ? first : sample(from + 2);
      data[to] = scaled(first);
      data[to + 1] = scaled(second);
      data[to + 2] = scaled(third);
      if (hasAlpha) data[to + 3] = scaled(sample(from + channels - 1));
      else data[to + 3] = hasKey && first === key[0] && (isGrey || (second === key[1] && third === key[2])) ? 0 : 255;
    }
  };
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
