import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ImageDecodeError } from '../errors.ts';
import type { RgbaImage } from '../types.ts';
import { type DecodeImageOptions, decodeImage } from './decode-image.ts';

/** Larger than any picture within the limit of pixels. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/**
 * Reads a picture file.
 * @param path - a file as {@link decodeImage} takes it, whatever its name ends in; devices and pipes are refused, because they
 *   may never end.
 * @throws ImageDecodeError naming the file: not there, not readable, not a picture, truncated, too large.
 */
export async function readImage(path: string, options: Omit<DecodeImageOptions, 'path'> = {}): Promise<RgbaImage> {
  let bytes: Uint8Array;
  let file: FileHandle | undefined;
  try {
    // A pipe that nobody writes to would keep the opening waiting for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile() && !found.isDirectory())
      throw new ImageDecodeError(path, 'this is a device or pipe, not a file');
    if (found.size > MAX_FILE_BYTES) throw new ImageDecodeError(path, 'the file is larger than 2 GiB');
    bytes = await file.readFile();
  } catch (cause) {
    if (cause instanceof ImageDecodeError) throw cause;
    throw new ImageDecodeError(path, readFailure(cause), { cause });
  } finally {
    await file?.close();
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
