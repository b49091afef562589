import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type LineFile, openLineFile } from '../files/line-file.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import type { AlignDocument } from '../results/align-document.ts';
import { csvHeader, csvRows } from '../results/csv-table.ts';
import { formatPts } from '../results/pts-file.ts';
import { formatLine, type PictureIdentity, type PictureResult, type ResultHeader } from '../results/result-line.ts';
import { CliError, usageError } from './cli-error.ts';
import { openCocoFile } from './coco-file.ts';
import { checkJsonPath, nameWritten } from './output-paths.ts';
import { isStdin } from './read-input-image.ts';
import { checkResultFile, openResultFile, type ResultFile } from './result-file.ts';
import type { Terminal } from './terminal.ts';

/** Flags about where results go. */
export interface ResultFlags {
  readonly json?: string;
  readonly jsonl?: string;
  readonly csv?: string;
  readonly pts?: string;
  readonly coco?: string;
  readonly resume?: boolean;
}

/** Adds the flags about where results go to a command. */
export function addResultFlags(command: Command): Command {
  return command
    .option('-j, --json <file>', 'write one JSON document at the end; - for stdout')
    .option(
      '--jsonl <file>',
      'write one line of JSON per picture as it is finished, in input order; - for stdout, without a header',
    )
    .option('--resume', 'skip pictures that are already in the --jsonl file and append the rest')
    .option('--csv <file>', 'write a CSV table with one row per face; - for stdout')
    .option('--pts <folder>', "write the landmarks of each face to a .pts file, the format of iBUG's 300-W")
    .option('--coco <file>', 'write a COCO document: boxes and 68 keypoints');
}

/** @throws CliError with exit status 2 for flags that contradict each other. */
export function checkResultFlags(flags: ResultFlags): void {
  const { json, jsonl, csv, coco, resume } = flags;
  checkJsonPath(json);
  if (isStdin(coco)) throw usageError('--coco: needs a file, not stdout');
  if (resume && (jsonl === undefined || isStdin(jsonl))) throw usageError('--resume: needs --jsonl with a file');
  const files = Object.entries({ json, jsonl, csv, coco }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const placeOf = (path: string): string => (isStdin(path) ? path : resolve(path));
  for (const [i, [name, path]] of files.entries()) {
    const other = files.slice(0, i).find(([, earlier]) => placeOf(earlier) === placeOf(path));
    if (other) throw usageError(`--${name}: '${path}' is already the output of --${other[0]}`);
  }
}

/** Whether any output receives results as they come. */
export function hasStreams({ jsonl, csv, pts, coco }: ResultFlags): boolean {
  return [jsonl, csv, pts, coco].some((path) => path !== undefined);
}

/** Whether a document goes to stdout, so nothing else may. */
export function isOnStdout({ json, jsonl, csv }: ResultFlags): boolean {
  return [json, jsonl, csv].some(isStdin);
}

/** Takes results in order and writes them to every requested output. */
export interface ResultOutputs {
  /** Whether `--resume` found a result for this very picture. */
  held(picture: PictureIdentity): boolean;
  readonly heldCount: number;
  /**
   * @param name - path of the picture's files below the output folder, without extension.
   * @throws TddfaError if a file cannot be written.
   */
  write(result: PictureResult, name: string): Promise<void>;
  /** Completes all files. @throws TddfaError. */
  finish(): Promise<void>;
  /** Closes all files: lines stay, an unfinished document is removed. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the files given by the flags. With `--resume`, existing results also go to the other files.
 * @param describeRun - describes how the results are made; called if a file records it.
 * @throws CliError for a file that already has results, TddfaError for one that cannot be written.
 */
export async function openResultOutputs(
  flags: ResultFlags,
  describeRun: () => Promise<ResultHeader>,
  terminal: Terminal,
): Promise<ResultOutputs> {
  const { resume = false } = flags;
  const document: AlignDocument | undefined = flags.json === undefined ? undefined : { images: [] };
  const closers: (() => Promise<void>)[] = [];
  const finishers: (() => Promise<void>)[] = [];
  const writers: ((result: PictureResult, name: string) => Promise<void> | void)[] = [];
  let lines: ResultFile | undefined;
  let isClosed = false;

  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    for (const closeOne of closers) await closeOne();
  };

  const linesPath = isStdin(flags.jsonl) ? undefined : flags.jsonl;
  const header = linesPath === undefined ? undefined : await describeRun();
  // Before anything is written, because it may be refused.
  if (linesPath !== undefined && header !== undefined) await checkResultFile(linesPath, header, resume);
  try {
    if (document !== undefined) {
      writers.push((result) => {
        if ('error' in result) return;
        const { path: file, width, height, faces } = result;
        document.images.push({ file, width, height, faces });
      });
    }
    if (flags.csv !== undefined) {
      const table = await openTable(flags.csv, resume, terminal);
      closers.push(() => table.close());
      await table.append(csvHeader());
      writers.push((result) => table.append(csvRows(result)));
    }
    if (flags.coco !== undefined) {
      const coco = await openCocoFile(flags.coco);
      closers.push(() => coco.abort());
      finishers.push(() => coco.finish());
      writers.push((result) => coco.write(result));
    }
    const others = [...writers];
    if (linesPath !== undefined && header !== undefined) {
      const onHeld = async (result: PictureResult): Promise<void> => {
        for (const write of others) await write(result, '');
      };
      const file = await openResultFile(linesPath, header, { resume, onHeld });
      lines = file;
      closers.push(() => file.close());
      finishers.push(() => file.sync());
    }
  } catch (error) {
    await close();
    throw error;
  }

  return {
    held: (picture) => lines?.held(picture) === true,
    get heldCount() {
      return lines?.heldCount ?? 0;
    },
    async write(result, name) {
      if (flags.pts !== undefined) await writePts(flags.pts, result, name);
      for (const write of writers) await write(result, name);
      // Last, because a line means that everything else about the picture is done.
      if (lines !== undefined) await lines.write(result);
      else if (flags.jsonl !== undefined) await writeToStdout(formatLine(result), terminal);
    },
    async finish() {
      for (const finish of finishers) await finish();
      if (document === undefined || document.images.length === 0) return;
      const text = `${JSON.stringify(document)}\n`;
      if (isStdin(flags.json)) terminal.stdout.write(text);
      else if (flags.json !== undefined) {
        await writeFileAtomically(flags.json, text);
        nameWritten([flags.json], terminal, isOnStdout(flags));
      }
    },
    close,
  };
}

/** A table is rebuilt from the results of `--jsonl`; otherwise an existing one is never overwritten. */
async function openTable(path: string, resume: boolean, terminal: Terminal): Promise<LineFile> {
  if (isStdin(path)) {
    return {
      append: (text) => writeToStdout(text, terminal),
      async sync() {},
      async close() {},
    };
  }
  const isThere = await stat(path).then(
    (found) => found.isFile() && found.size > 0,
    () => false,
  );
  if (isThere && !resume)
    throw new CliError(`${path}: this file already contains a table; remove it or choose another one`);
  return openLineFile(path, 0);
}

/** Settles when the text has left this process, so that a reader can wait for each line. */
function writeToStdout(text: string | Uint8Array, { stdout }: Terminal): Promise<void> {
  return new Promise((done) => void stdout.write(text, () => done()));
}

async function writePts(folder: string, result: PictureResult, name: string): Promise<void> {
  if ('error' in result) return;
  for (const [index, { landmarks }] of result.faces.entries()) {
    if (landmarks === undefined) continue;
    const file = index === 0 ? `${name}.pts` : `${name}-face-${index + 1}.pts`;
    await writeFileAtomically(join(folder, file), formatPts(landmarks));
  }
}
