import { rmSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TddfaError } from '../errors.ts';
import { makeFolder } from './make-folder.ts';
import { removeLeftovers, temporaryName } from './temporary-name.ts';
import { beginWork } from './unfinished-work.ts';

/**
 * Writes a file under a temporary name beside its place and renames it, so that a full disk or a crash leaves either
 * the old file or the new one. Creates the folder if it is missing.
 * @throws TddfaError with one line that contains the path and the system's reason.
 */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = temporaryName(path);
  const endWork = beginWork(() => rmSync(temporary, { force: true }));
  try {
    await makeFolder(dirname(path));
    await removeLeftovers(dirname(path));
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new TddfaError(`cannot write ${path}: ${writeFailure(cause)}`, { cause });
  } finally {
    endWork();
  }
}

/** Why a file or folder cannot be written, in words. */
export function writeFailure(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EDQUOT') return 'the disk quota is used up';
  if (code === 'EFBIG') return 'the file is too large for the system';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'permission denied';
  if (code === 'ENOENT') return 'its folder cannot be created';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a part of the path is a file, not a folder';
  if (code === 'EISDIR') return 'there is a folder in its place';
  return code ?? String(cause);
}
