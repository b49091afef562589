import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { KeySet } from '../files/key-set.ts';
import { type LineFile, openLineFile } from '../files/line-file.ts';
import { splitLines } from '../files/split-lines.ts';
import {
  formatLine,
  headerDifference,
  identityKey,
  type PictureIdentity,
  type PictureResult,
  parseHeader,
  parseResult,
  type ResultHeader,
} from '../results/result-line.ts';
import { CliError } from './cli-error.ts';

/** A results file opened for appending. */
export interface ResultFile {
  /** Whether it held a result for this picture when it was opened: same path, size and time. */
  held(picture: PictureIdentity): boolean;
  /** How many results it held. */
  readonly heldCount: number;
  /** Appends a result as one whole line. @throws TddfaError if the disk is full or the like. */
  write(result: PictureResult): Promise<void>;
  /** Waits until everything written is on disk. @throws TddfaError. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** How {@link openResultFile} treats an existing file. */
export interface OpenResultFileOptions {
  /** Whether results are added to existing ones; otherwise there must be none. */
  readonly resume?: boolean;
  /** Called with each existing result, in order. */
  readonly onHeld?: (result: PictureResult) => void | Promise<void>;
}

/**
 * Opens a results file: a header, then one line per picture. An incomplete last line, which a killed process can leave,
 * is cut off.
 * @throws what {@link checkResultFile} throws; TddfaError if the file is damaged or cannot be written.
 */
export async function openResultFile(
  path: string,
  header: ResultHeader,
  { resume = false, onHeld }: OpenResultFileOptions = {},
): Promise<ResultFile> {
  const isThere = await checkResultFile(path, header, resume);
  const seen = new KeySet();
  let heldCount = 0;
  let keepBytes = 0;
  if (isThere) {
    for await (const { line, end } of readResultFile(path)) {
      keepBytes = end;
      if ('tddfa' in line) continue;
      seen.add(identityKey(line));
      heldCount++;
      await onHeld?.(line);
    }
  }
  const file: LineFile = await openLineFile(path, keepBytes);
  try {
    if (keepBytes === 0) await file.append(formatLine(header));
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    held: (picture) => seen.has(identityKey(picture)),
    heldCount,
    write: (result) => file.append(formatLine(result)),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/**
 * Whether there is a results file to which more can be added.
 * @param resume - whether there may be one.
 * @throws CliError if there are results and `resume` is not set, or they were made differently; TddfaError if the file
 *   is something else.
 */
export async function checkResultFile(path: string, header: ResultHeader, resume: boolean): Promise<boolean> {
  const isThere = await stat(path).then(
    (found) => found.isFile() && found.size > 0,
    () => false,
  );
  if (!isThere) return false;
  if (!resume)
    throw new CliError(`${path}: this file already contains results; add to them with --resume, or remove it`);
  for await (const { line } of readResultFile(path)) {
    const difference = 'tddfa' in line ? headerDifference(line, header) : undefined;
    if (difference === undefined) return true;
    throw new CliError(
      `${path}: its results were made with ${difference}; --resume adds only results of the same kind`,
    );
  }
  return true;
}

/** A line of a results file. */
export interface ResultFileLine {
  readonly line: ResultHeader | PictureResult;
  /** Where the next line begins, bytes from the start of the file. */
  readonly end: number;
}

/**
 * Reads a results file line by line, the header first. A last line without a line feed was never finished and is
 * skipped.
 * @throws TddfaError naming a line that is neither a header nor a result.
 */
export async function* readResultFile(path: string): AsyncGenerator<ResultFileLine> {
  let number = 0;
  for await (const { text, end, isWhole } of splitLines(createReadStream(path))) {
    if (!isWhole) return;
    number++;
    const place = `${path}, line ${number}`;
    yield { line: number === 1 ? parseHeader(text, place) : parseResult(text, place), end };
  }
}
