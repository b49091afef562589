import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type LineFile, openLineFile } from '../files/line-file.ts';
import { formatLine, type PictureResult, type ResultHeader } from '../results/result-line.ts';

/** Where lines are in a file, bytes. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

/** The results of one worker: a header and lines, as `tddfa align --jsonl` writes them. */
export interface PartFile {
  /** Its name in the folder of parts. */
  readonly name: string;
  /**
   * Appends results and waits until the disk has them. Made, with its folder, at the first call.
   * @throws TddfaError where the disk is full or the like.
   */
  append(results: readonly PictureResult[]): Promise<LineRange>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A file of its own for each worker that ever ran: nobody appends to what another has left torn. */
export function newPartFile(folder: string, header: ResultHeader): PartFile {
  const host = hostname().replaceAll(/[^\w-]/g, '-');
  const name = `${host}-${process.pid}-${randomBytes(4).toString('hex')}${PART_ENDING}`;
  const path = join(folder, name);
  let opened: Promise<LineFile> | undefined;
  let length = 0;
  let turn: Promise<unknown> = Promise.resolve();

  async function start(): Promise<LineFile> {
    const file = await openLineFile(path, 0);
    const text = formatLine(header);
    await file.append(text);
    length = Buffer.byteLength(text);
    await file.sync();
    await syncFolder(folder);
    return file;
  }

  async function write(results: readonly PictureResult[]): Promise<LineRange> {
    opened ??= start();
    const file = await opened;
    const text = results.map(formatLine).join('');
    await file.append(text);
    const begin = length;
    length += Buffer.byteLength(text);
    await file.sync();
    return { start: begin, end: length };
  }

  return {
    name,
    append(results) {
      const written = turn.then(() => write(results));
      turn = written.catch(() => {});
      return written;
    },
    async close() {
      await turn;
      await opened?.then(
        (file) => file.close(),
        () => {},
      );
    },
  };
}

/** How the names of parts end. */
const PART_ENDING = '.part.jsonl';

/** A file that is new is found after a power cut only where its folder is on the disk too. Some systems cannot do that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
