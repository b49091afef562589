import type { RgbaImage } from '../types.ts';
import { type DecodeImageOptions, decodeImage } from './decode-image.ts';
import { readPictureFile } from './read-picture-file.ts';

/**
 * Reads a picture file.
 * @param path - a file as {@link decodeImage} takes it, whatever its name ends in; devices and pipes are refused, because they
 *   may never end.
 * @throws ImageDecodeError naming the file: not there, not readable, not a picture, truncated, too large.
 */
export async function readImage(path: string, options: Omit<DecodeImageOptions, 'path'> = {}): Promise<RgbaImage> {
  const { bytes } = await readPictureFile(path);
  return decodeImage(bytes, { ...options, path });
}
