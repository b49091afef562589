import { createWriteStream, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VideoFileError } from '../errors.ts';
import { removeLeftovers, temporaryName } from '../files/temporary-name.ts';
import { beginWork } from '../files/unfinished-work.ts';
import { writeFailure } from '../files/write-file-atomically.ts';

/** A stream that has become a file. */
export interface SpooledFilm {
  readonly path: string;
  /** Removes the file; idempotent. */
  remove(): Promise<void>;
}

/**
 * Writes a stream into a temporary file, because a film is looked at before it is read, and once more for its sound.
 * @param name - what errors call it.
 * @throws VideoFileError where there is no room; the signal's reason where it is aborted.
 */
export async function spoolFilm(stream: Readable, name: string, signal: AbortSignal): Promise<SpooledFilm> {
  await removeLeftovers(tmpdir());
  const path = temporaryName(join(tmpdir(), 'stdin.film'));
  const endWork = beginWork(() => rmSync(path, { force: true }));
  const remove = async (): Promise<void> => {
    await rm(path, { force: true });
    endWork();
  };
  try {
    await pipeline(stream, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  } catch (cause) {
    await remove();
    signal.throwIfAborted();
    throw new VideoFileError(name, `cannot be kept in ${tmpdir()}: ${writeFailure(cause)}`, { cause });
  }
  return { path, remove };
}
