import { createWriteStream, rmSync, type WriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../files/make-folder.ts';
import { removeLeftovers, temporaryName } from '../files/temporary-name.ts';
import { beginWork } from '../files/unfinished-work.ts';
import { writeFailure } from '../files/write-file-atomically.ts';
import { CliError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** Takes a text line by line. */
export interface LineWriter {
  /** Settles when there is room for more. */
  write(line: string): Promise<void>;
  /** Completes the file under its name. */
  finish(): Promise<void>;
  /** Gives up and removes the unfinished file. */
  abort(): Promise<void>;
}

/**
 * Opens a file for lines, or stdout for `-`. The file has a temporary name until it is finished.
 * @throws CliError from each of its functions if the file cannot be written.
 */
export function openLineWriter(path: string, terminal: Terminal): LineWriter {
  if (path === '-') {
    return {
      write: (line) => new Promise((resolve) => void terminal.stdout.write(`${line}\n`, () => resolve())),
      async finish() {},
      async abort() {},
    };
  }
  const temporary = temporaryName(path);
  const endWork = beginWork(() => rmSync(temporary, { force: true }));
  let stream: WriteStream | undefined;

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw new CliError(`cannot write ${path}: ${writeFailure(cause)}`, { cause });
    }
  }

  async function start(): Promise<WriteStream> {
    await makeFolder(dirname(path));
    await removeLeftovers(dirname(path));
    const file = await open(temporary, 'wx');
    const opened = createWriteStream('', { fd: file });
    // Each write reports its own failure.
    opened.on('error', () => {});
    return opened;
  }

  return {
    write: (line) =>
      guarded(async () => {
        stream ??= await start();
        const target = stream;
        await new Promise<void>((resolve, reject) => {
          target.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
        });
      }),
    finish: () =>
      guarded(async () => {
        stream ??= await start();
        const target = stream;
        await new Promise<void>((resolve, reject) => {
          target.on('error', reject);
          target.end(resolve);
        });
        await rename(temporary, path);
        endWork();
      }),
    async abort() {
      stream?.destroy();
      await rm(temporary, { force: true }).catch(() => {});
      endWork();
    },
  };
}
