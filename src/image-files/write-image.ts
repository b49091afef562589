import { encode } from 'fast-png';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import type { RgbaImage, RgbImage } from '../types.ts';

/**
 * Writes a PNG; the file appears whole or not at all.
 * @param path - where to; an existing file is replaced.
 * @param image - RGBA or RGB bytes.
 * @throws TddfaError naming the path when it cannot be written.
 */
export async function writeImage(path: string, image: RgbaImage | RgbImage): Promise<void> {
  await writeFileAtomically(path, encodePng(image));
}

/** Encodes 8-bit RGBA or RGB bytes as PNG. */
export function encodePng({ data, width, height }: RgbaImage | RgbImage): Uint8Array {
  const channels = data.length / (width * height);
  if (channels !== 3 && channels !== 4) {
    throw new RangeError(`image.data has ${data.length} bytes, expected 3 or 4 for each of ${width}x${height} pixels`);
  }
  return encode({ width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length), channels, depth: 8 });
}

/** Encodes 16-bit grey values, `[height x width]`, as PNG. */
export function encodeGrey16Png(image: {
  readonly data: Uint16Array;
  readonly width: number;
  readonly height: number;
}): Uint8Array {
  const { data, width, height } = image;
  return encode({ width, height, data, channels: 1, depth: 16 });
}
