import { ByteReader } from './byte-reader.ts';
import { detectImageFormat } from './image-format.ts';
import { readWebpStructure } from './webp-structure.ts';

/** The brand of an AVIF that is a sequence. */
const SEQUENCE_BRAND = 'avis';

/**
 * The format of an animated picture file: a GIF, PNG or WebP with several frames, or an AVIF sequence.
 * @param bytes - the file.
 * @returns undefined for a single picture, or a damaged file.
 */
export function animationFormat(bytes: Uint8Array): 'GIF' | 'PNG' | 'WebP' | 'AVIF' | undefined {
  const { format } = detectImageFormat(bytes);
  try {
    if (format === 'GIF') return hasSecondGifFrame(bytes) ? format : undefined;
    if (format === 'PNG') return hasAnimationChunk(bytes) ? format : undefined;
    if (format === 'AVIF') return new ByteReader(bytes, 'big-endian').tag(8) === SEQUENCE_BRAND ? format : undefined;
    return format === 'WebP' && readWebpStructure(bytes).frames.length > 1 ? format : undefined;
  } catch {
    return undefined;
  }
}

function hasSecondGifFrame(bytes: Uint8Array): boolean {
  const file = new ByteReader(bytes, 'little-endian');
  const tableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  let position = 13 + tableBytes(file.uint8(10));
  let frames = 0;
  for (;;) {
    const kind = file.uint8(position);
    if (kind === 0x2c) {
      frames++;
      if (frames === 2) return true;
      position += 11 + tableBytes(file.uint8(position + 9));
    } else if (kind === 0x21) position += 2;
    else return false;
    for (let size = file.uint8(position); size > 0; size = file.uint8(position)) position += 1 + size;
    position += 1;
  }
}

function hasAnimationChunk(bytes: Uint8Array): boolean {
  const file = new ByteReader(bytes, 'big-endian');
  for (let at = 8; ; at += 12 + file.uint32(at)) {
    const name = file.tag(at + 4);
    if (name === 'acTL') return file.uint32(at + 8) > 1;
    if (name === 'IDAT') return false;
  }
}
