import type { RgbaImage } from '../types.ts';
import { type DecodeImageOptions, decodeImage } from './decode-image.ts';
import { readPictureFile } from './read-picture-file.ts';

/**
 * Reads a picture file.
 * @param path - a file supported by {@link decodeImage}, whatever its extension; devices and pipes are refused, because
 *   they may never end.
 * @throws ImageDecodeError naming the file: missing, not readable, not a picture, truncated, too large.
 */
export async function readImage(path: string, options: Omit<DecodeImageOptions, 'path'> = {}): Promise<RgbaImage> {
  const { bytes } = await readPictureFile(path);
  return decodeImage(bytes, { ...options, path });
}
