import { readFile } from 'node:fs/promises';
import { ImageDecodeError } from '../errors.ts';
import type { RgbaImage } from '../types.ts';
import { type DecodeImageOptions, decodeImage } from './decode-image.ts';

/**
 * Reads a picture file.
 * @param path - a JPEG, PNG, BMP, GIF or TIFF file, whatever its name ends in.
 * @throws ImageDecodeError naming the file: not there, not readable, not a picture, truncated, too large.
 */
export async function readImage(path: string, options: Omit<DecodeImageOptions, 'path'> = {}): Promise<RgbaImage> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new ImageDecodeError(path, readFailure(cause), { cause });
  }
  return decodeImage(bytes, { ...options, path });
}

function readFailure(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'this is a folder';
  if (code === 'EACCES') return 'permission denied';
  return `cannot be read (${code ?? String(cause)})`;
}
