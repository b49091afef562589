import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type LineFile, openLineFile } from '../files/line-file.ts';
import { formatLine, type PictureResult, type ResultHeader } from '../results/result-line.ts';

/** Range of lines in a file, bytes. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

/** The results of one worker: a header and lines, as written by `tddfa align --jsonl`. */
export interface PartFile {
  /** Its name in the parts folder. */
  readonly name: string;
  /**
   * Appends results and waits until they are on disk. The first call creates the file and its folder.
   * @throws TddfaError if the disk is full or the like.
   */
  append(results: readonly PictureResult[]): Promise<LineRange>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A separate file for every worker that ever ran: none appends to a file that another left incomplete. */
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

/** Suffix of part names. */
const PART_ENDING = '.part.jsonl';

/** A new file survives a power cut only if its folder is on disk too. Some systems cannot sync folders. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
