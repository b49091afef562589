import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobType } from 'bullmq';
import { TddfaError } from '../errors.ts';
import { KeySet } from '../files/key-set.ts';
import { headerDifference, parseHeader, type ResultHeader } from '../results/result-line.ts';
import { type JobResult, parseJobData, parseJobResult, pictureKey } from './picture-job.ts';
import type { PictureJob, PictureQueue } from './picture-queue.ts';

/** Where the parts are, and what receives the results. */
export interface CollectOptions {
  /** The folder with the parts of all workers. */
  readonly parts: string;
  readonly signal: AbortSignal;
  /** Called first. */
  onHeader(header: ResultHeader): Promise<void>;
  /** Called once per picture, in the order in which they were added; the line has no line feed. */
  onLine(line: string): Promise<void>;
  /** Called for each picture without a line. */
  onMissing(input: string, reason: string): Promise<void>;
  readonly onProgress?: (doneJobs: number, allJobs: number) => void;
}

/** What was collected. */
export interface CollectedResults {
  jobs: number;
  pictures: number;
  /** Pictures with an error instead of a result. */
  failed: number;
  missing: number;
  /** Repetitions of pictures that are in several jobs; the first one counts. */
  repeated: number;
}

const STATES: JobType[] = ['waiting', 'active', 'delayed', 'failed', 'completed'];
/** Jobs requested at a time. */
const BATCH = 50;
/** A header has a few hundred bytes. */
const MAX_HEADER_BYTES = 65_536;

/**
 * Merges the results of all jobs, each picture once.
 * @throws TddfaError if parts were made with different weights or options, or Redis fails.
 */
export async function collectResults(queue: PictureQueue, options: CollectOptions): Promise<CollectedResults> {
  const { signal, onProgress } = options;
  const total: CollectedResults = { jobs: 0, pictures: 0, failed: 0, missing: 0, repeated: 0 };
  const parts = new PartReader(options.parts);
  const seen = new KeySet();
  const unfinished: { readonly id: string; readonly reason: string }[] = [];
  let hasHeader = false;
  const ids = await jobsInOrder(queue, signal);
  for await (const job of jobsOf(queue, ids, signal)) {
    const { root, inputs } = parseJobData(job.data, job.id);
    const found = await parts.linesOf(job, inputs);
    total.jobs++;
    onProgress?.(total.jobs, ids.length);
    if (typeof found === 'string') {
      unfinished.push({ id: job.id ?? '', reason: found });
      continue;
    }
    if (!hasHeader) await options.onHeader(found.header);
    hasHeader = true;
    for (const [place, input] of inputs.entries()) {
      if (!seen.add(pictureKey(root, input))) {
        total.repeated++;
        continue;
      }
      const { text, isFailure } = found.lines[place];
      await options.onLine(text);
      total.pictures++;
      if (isFailure) total.failed++;
    }
  }
  // Another job may have contained the picture.
  const reasons = new Map(unfinished.map(({ id, reason }) => [id, reason]));
  for await (const job of jobsOf(queue, [...reasons.keys()], signal)) {
    const { root, inputs } = parseJobData(job.data, job.id);
    for (const input of inputs) {
      if (!seen.add(pictureKey(root, input))) continue;
      await options.onMissing(input, reasons.get(job.id ?? '') ?? '');
      total.missing++;
    }
  }
  return total;
}

/**
 * Finished jobs with no results in the parts folder.
 * @throws TddfaError if Redis fails.
 */
export async function* lostJobs(queue: PictureQueue, folder: string, signal: AbortSignal): AsyncGenerator<PictureJob> {
  const parts = new PartReader(folder);
  const ids = await queue.run((bull) => bull.getRanges(['completed'], 0, -1));
  for await (const job of jobsOf(queue, ids, signal)) {
    const { inputs } = parseJobData(job.data, job.id);
    if (typeof (await parts.linesOf(job, inputs)) === 'string') yield job;
  }
}

/** Jobs by their ids; those removed in the meantime are skipped. */
export async function* jobsOf(
  queue: PictureQueue,
  ids: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<PictureJob> {
  for (let start = 0; start < ids.length; start += BATCH) {
    signal.throwIfAborted();
    const batch = ids.slice(start, start + BATCH);
    const jobs = await queue.run((bull) => Promise.all(batch.map((id) => bull.getJob(id))));
    for (const job of jobs) if (job) yield job;
  }
}

/** The ids of all jobs, in the order in which they were added. */
async function jobsInOrder(queue: PictureQueue, signal: AbortSignal): Promise<string[]> {
  const ids = await queue.run((bull) => bull.getRanges(STATES, 0, -1));
  const places: { readonly id: string; readonly timestamp: number; readonly first: number }[] = [];
  for await (const job of jobsOf(queue, [...new Set(ids)], signal)) {
    places.push({ id: job.id ?? '', timestamp: job.timestamp, first: parseJobData(job.data, job.id).first });
  }
  places.sort((a, b) => a.timestamp - b.timestamp || a.first - b.first);
  return places.map(({ id }) => id);
}

/** The lines of a job. */
interface JobLines {
  readonly header: ResultHeader;
  readonly lines: readonly { readonly text: string; readonly isFailure: boolean }[];
}

/** Reads the part files of workers. */
class PartReader {
  readonly #folder: string;
  /** Headers of the parts read so far, by path. */
  readonly #headers = new Map<string, ResultHeader>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The lines of a job, or why there are none.
   * @throws TddfaError if its part was made differently from earlier ones.
   */
  async linesOf(job: PictureJob, inputs: readonly string[]): Promise<JobLines | string> {
    if (!job.finishedOn) return 'its job is not done';
    // A finished job keeps the reason of an earlier failed attempt.
    if (!job.returnvalue) return `its job was given up: ${job.failedReason}`;
    const result = parseJobResult(job.returnvalue, job.id);
    const path = join(this.#folder, result.part);
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      const header = await this.#headerOf(file, path);
      const lines = checkedLines(await readRange(file, result), inputs);
      return lines === undefined ? `${path} does not contain its result` : { header, lines };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return code === 'ENOENT' ? `its result is in ${path}, which does not exist` : `${path} cannot be read (${code})`;
    } finally {
      await file?.close();
    }
  }

  async #headerOf(file: FileHandle, path: string): Promise<ResultHeader> {
    const known = this.#headers.get(path);
    if (known !== undefined) return known;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_HEADER_BYTES), 0, MAX_HEADER_BYTES, 0);
    const text = buffer.toString('utf8', 0, bytesRead);
    const header = parseHeader(text.slice(0, text.indexOf('\n')), path);
    const [first] = this.#headers;
    const difference = first && headerDifference(first[1], header);
    if (difference !== undefined) {
      throw new TddfaError(`${path} and ${first[0]} were not made in the same way: the latter with ${difference}`);
    }
    this.#headers.set(path, header);
    return header;
  }
}

async function readRange(file: FileHandle, { start, end }: JobResult): Promise<string> {
  const { size } = await file.stat();
  if (end > size || end < start) return '';
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
  return buffer.toString('utf8', 0, bytesRead);
}

/** The lines, if they match the inputs. */
function checkedLines(text: string, inputs: readonly string[]): JobLines['lines'] | undefined {
  if (!text.endsWith('\n')) return undefined;
  const texts = text.slice(0, -1).split('\n');
  if (texts.length !== inputs.length) return undefined;
  const lines: JobLines['lines'][number][] = [];
  for (const [place, line] of texts.entries()) {
    const parsed = parseJson(line);
    if (typeof parsed !== 'object' || parsed === null || !('path' in parsed) || parsed.path !== inputs[place]) {
      return undefined;
    }
    lines.push({ text: line, isFailure: 'error' in parsed });
  }
  return lines;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
