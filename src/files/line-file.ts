import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TddfaError } from '../errors.ts';
import { makeFolder } from './make-folder.ts';
import { writeFailure } from './write-file-atomically.ts';

/** A file that grows by whole lines. */
export interface LineFile {
  /**
   * Appends lines; calls are executed one after the other.
   * @param text - one or more lines, each with its line feed; bytes must be UTF-8.
   * @throws TddfaError if the disk is full or the like; any part of the text already written is then removed.
   */
  append(text: string | Uint8Array): Promise<void>;
  /** Waits until everything appended is on disk. @throws TddfaError. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a file under its own name to append lines, and creates it and its folder if they are missing. A text is one
 * write at the end of the file, so a killed process leaves whole lines; only a kill in the middle of that write can
 * leave a last line without its line feed, which `keepBytes` cuts off later.
 * @param keepBytes - how much of the file to keep; 0 empties it. Devices and pipes have no length and are only appended
 *   to.
 * @param shownPath - name of the file in error messages.
 * @throws TddfaError with one line that contains the path and the reason.
 */
export async function openLineFile(path: string, keepBytes: number, shownPath = path): Promise<LineFile> {
  async function guarded<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (cause) {
      throw new TddfaError(`cannot write ${shownPath}: ${writeFailure(cause)}`, { cause });
    }
  }

  const { file, isRegular } = await guarded(async () => {
    await makeFolder(dirname(path));
    const opened = await open(path, 'a');
    try {
      const found = await opened.stat();
      if (found.isFile() && found.size > keepBytes) await opened.truncate(keepBytes);
      return { file: opened, isRegular: found.isFile() };
    } catch (error) {
      await opened.close();
      throw error;
    }
  });

  let length = keepBytes;
  let isOpen = true;
  let turn: Promise<void> = Promise.resolve();

  async function write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(file, bytes);
      length += bytes.length;
    } catch (cause) {
      // Only whole lines may remain.
      if (isRegular) await file.truncate(length).catch(() => {});
      throw cause;
    }
  }

  return {
    append(text) {
      const written = turn.then(() => guarded(() => write(typeof text === 'string' ? Buffer.from(text) : text)));
      turn = written.catch(() => {});
      return written;
    },
    sync() {
      const synced = turn.then(() => guarded(() => (isRegular ? file.sync() : Promise.resolve())));
      turn = synced.catch(() => {});
      return synced;
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await turn;
      await file.close();
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done);
    done += bytesWritten;
  }
}
