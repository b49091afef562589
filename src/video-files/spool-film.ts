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

/** A stream stored in a file. */
export interface SpooledFilm {
  readonly path: string;
  /** Removes the file; idempotent. */
  remove(): Promise<void>;
}

/**
 * Writes a stream to a temporary file, because a video is inspected before it is read, and opened once more for its
 * audio.
 * @param name - name used in errors.
 * @throws VideoFileError if it cannot be stored; the signal's reason if aborted.
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
    throw new VideoFileError(name, `cannot be stored in ${tmpdir()}: ${writeFailure(cause)}`, { cause });
  }
  return { path, remove };
}
