import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ImageDecodeError } from '../errors.ts';

/** Larger than any picture within the pixel limit. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;

/** A picture file as it was when read. */
export interface PictureFile {
  readonly bytes: Uint8Array;
  /** Bytes. */
  readonly size: number;
  /** Time of the last change, whole ms since 1970. */
  readonly mtimeMs: number;
}

/**
 * Reads the bytes of a picture file. Devices and pipes are refused, because they may never end.
 * @throws ImageDecodeError naming the file: missing, not readable, too large.
 */
export async function readPictureFile(path: string): Promise<PictureFile> {
  let file: FileHandle | undefined;
  try {
    // Opening a pipe that nobody writes to would otherwise wait for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile() && !found.isDirectory())
      throw new ImageDecodeError(path, 'this is a device or pipe, not a file');
    if (found.size > MAX_FILE_BYTES) throw new ImageDecodeError(path, 'the file is larger than 2 GiB');
    const bytes = await file.readFile();
    return { bytes, size: found.size, mtimeMs: Math.trunc(found.mtimeMs) };
  } catch (cause) {
    if (cause instanceof ImageDecodeError) throw cause;
    throw new ImageDecodeError(path, readFailure(cause), { cause });
  } finally {
    await file?.close();
  }
}

function readFailure(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'this is a folder';
  if (code === 'EACCES') return 'permission denied';
  return `cannot be read (${code ?? String(cause)})`;
}
