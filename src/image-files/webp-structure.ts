import { ByteReader } from './byte-reader.ts';
import { readExifOrientation } from './exif-orientation.ts';

const HEADER_BYTES = 12;
const ANIMATED = 0x02;
const FRAME_HEADER_BYTES = 16;

/** A frame of a WebP; a still picture has one. */
export interface WebpFrame {
  /** Position on the canvas, px. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly durationMs: number;
  /** Whether it replaces what is under it, including alpha, instead of being blended over it. */
  readonly isReplacing: boolean;
  /** Whether its area is cleared afterwards. */
  readonly isCleared: boolean;
  /** A WebP file with this picture only. */
  readonly file: Uint8Array;
}

/** Contents of the chunks of a WebP file. */
export interface WebpStructure {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly WebpFrame[];
  /** From EXIF, 1..8. */
  readonly orientation: number;
}

interface Chunk {
  readonly name: string;
  readonly content: Uint8Array;
}

/**
 * Reads the chunks of a WebP file.
 * @throws Error if they are truncated, damaged or contradictory.
 * @see https://developers.google.com/speed/webp/docs/riff_container
 */
export function readWebpStructure(bytes: Uint8Array): WebpStructure {
  const file = new ByteReader(bytes, 'little-endian');
  const riffBytes = file.uint32(4);
  if (riffBytes < 4) throw new Error('the WebP data is damaged');
  const chunks = readChunks(file.slice(HEADER_BYTES, riffBytes - 4));
  const extended = chunks.find(({ name }) => name === 'VP8X')?.content;
  const exif = chunks.find(({ name }) => name === 'EXIF')?.content;
  const orientation = exif === undefined ? 1 : readExifOrientation(exif);
  const isAnimated = extended !== undefined && (extended[0] & ANIMATED) !== 0;
  if (!isAnimated) {
    const frame = readFrame(chunks);
    const isCanvas =
      extended === undefined || (uint24(extended, 4) + 1 === frame.width && uint24(extended, 7) + 1 === frame.height);
    if (!isCanvas) throw new Error('the size of its picture does not match its header');
    return { width: frame.width, height: frame.height, frames: [frame], orientation };
  }
  const width = uint24(extended, 4) + 1;
  const height = uint24(extended, 7) + 1;
  const frames = chunks.filter(({ name }) => name === 'ANMF').map(({ content }) => readAnimationFrame(content));
  if (frames.length === 0) throw new Error('there is no picture in this WebP');
  if (frames.some((frame) => frame.x + frame.width > width || frame.y + frame.height > height)) {
    throw new Error('a frame of the WebP is larger than the picture');
  }
  return { width, height, frames, orientation };
}

function readChunks(bytes: Uint8Array): Chunk[] {
  const file = new ByteReader(bytes, 'little-endian');
  const chunks: Chunk[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = file.uint32(at + 4);
    chunks.push({ name: file.tag(at), content: file.slice(at + 8, length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}

function readAnimationFrame(content: Uint8Array): WebpFrame {
  const header = new ByteReader(content, 'little-endian').slice(0, FRAME_HEADER_BYTES);
  const frame = readFrame(readChunks(content.subarray(FRAME_HEADER_BYTES)));
  if (uint24(header, 6) + 1 !== frame.width || uint24(header, 9) + 1 !== frame.height) {
    throw new Error('the size of a frame of the WebP does not match its header');
  }
  return {
    ...frame,
    x: 2 * uint24(header, 0),
    y: 2 * uint24(header, 3),
    durationMs: uint24(header, 12),
    isReplacing: (header[15] & 2) !== 0,
    isCleared: (header[15] & 1) !== 0,
  };
}

/** The picture in a list of chunks, with its own size. */
function readFrame(chunks: readonly Chunk[]): WebpFrame {
  const picture = chunks.find(({ name }) => name === 'VP8 ' || name === 'VP8L');
  if (picture === undefined) throw new Error('there is no picture in this WebP');
  const { width, height } = picture.name === 'VP8L' ? losslessSize(picture.content) : lossySize(picture.content);
  const alpha = picture.name === 'VP8 ' ? chunks.find(({ name }) => name === 'ALPH') : undefined;
  const file = alpha === undefined ? writeRiff([picture]) : writeRiff([canvasChunk(width, height), alpha, picture]);
  return { x: 0, y: 0, width, height, durationMs: 0, isReplacing: true, isCleared: false, file };
}

/** @see RFC 6386, section 9.1 */
function lossySize(content: Uint8Array): { width: number; height: number } {
  const file = new ByteReader(content, 'little-endian');
  const isKeyFrame = (file.uint8(0) & 1) === 0;
  if (!isKeyFrame || file.uint8(3) !== 0x9d || file.uint16(4) !== 0x2a01) throw new Error('the WebP data is damaged');
  return { width: file.uint16(6) & 0x3fff, height: file.uint16(8) & 0x3fff };
}

/** @see the specification of the WebP lossless bitstream, section 3 */
function losslessSize(content: Uint8Array): { width: number; height: number } {
  const file = new ByteReader(content, 'little-endian');
  if (file.uint8(0) !== 0x2f) throw new Error('the WebP data is damaged');
  const bits = file.uint32(1);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

function canvasChunk(width: number, height: number): Chunk {
  const content = Buffer.alloc(10);
  content[0] = 0x10; // has alpha
  content.writeUIntLE(width - 1, 4, 3);
  content.writeUIntLE(height - 1, 7, 3);
  return { name: 'VP8X', content };
}

function writeRiff(chunks: readonly Chunk[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { name, content } of chunks) {
    const header = Buffer.from(`${name}\0\0\0\0`, 'latin1');
    header.writeUInt32LE(content.length, 4);
    parts.push(header, content, new Uint8Array(content.length % 2));
  }
  const body = Buffer.concat(parts);
  const header = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  header.writeUInt32LE(body.length + 4, 4);
  return Buffer.concat([header, body]);
}

function uint24(bytes: Uint8Array, at: number): number {
  const file = new ByteReader(bytes, 'little-endian');
  return file.uint16(at) | (file.uint8(at + 2) << 16);
}
