import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobType } from 'bullmq';
import { TddfaError } from '../errors.ts';
import { KeySet } from '../files/key-set.ts';
import { headerDifference, parseHeader, type ResultHeader } from '../results/result-line.ts';
import { type JobResult, parseJobData, parseJobResult, pictureKey } from './picture-job.ts';
import type { PictureJob, PictureQueue } from './picture-queue.ts';

/** What goes into the collected file, and what does not. */
export interface CollectOptions {
  /** The folder with the parts of all workers. */
  readonly parts: string;
  readonly signal: AbortSignal;
  /** First of all. */
  onHeader(header: ResultHeader): Promise<void>;
  /** Once for each picture, in the order in which they were added; without line feed. */
  onLine(line: string): Promise<void>;
  /** A picture without a line. */
  onMissing(input: string, reason: string): Promise<void>;
  readonly onProgress?: (doneJobs: number, allJobs: number) => void;
}

/** What was collected. */
export interface CollectedResults {
  jobs: number;
  pictures: number;
  /** Pictures whose line is an error. */
  failed: number;
  missing: number;
  /** Pictures that were in several jobs, of which the first counts. */
  repeated: number;
}

const STATES: JobType[] = ['waiting', 'active', 'delayed', 'failed', 'completed'];
/** Jobs that are asked for at once. */
const BATCH = 50;
/** A header has some hundred bytes. */
const MAX_HEADER_BYTES = 65_536;

/**
 * Brings the results of all jobs together, each picture once.
 * @throws TddfaError where parts were made with different weights or options, or Redis fails.
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
  // Another job may have had the picture.
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
 * Done jobs whose results are not in the folder of parts.
 * @throws TddfaError where Redis fails.
 */
export async function* lostJobs(queue: PictureQueue, folder: string, signal: AbortSignal): AsyncGenerator<PictureJob> {
  const parts = new PartReader(folder);
  const ids = await queue.run((bull) => bull.getRanges(['completed'], 0, -1));
  for await (const job of jobsOf(queue, ids, signal)) {
    const { inputs } = parseJobData(job.data, job.id);
    if (typeof (await parts.linesOf(job, inputs)) === 'string') yield job;
  }
}

/** Jobs by their ids; one that was removed meanwhile is left out. */
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

/** The ids of all jobs, as they were added. */
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

/** Reads what workers have written. */
class PartReader {
  readonly #folder: string;
  /** Of each part that was read. */
  readonly #headers = new Map<string, ResultHeader>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The lines of a job, or why there are none.
   * @throws TddfaError where its part was made in another way than those before.
   */
  async linesOf(job: PictureJob, inputs: readonly string[]): Promise<JobLines | string> {
    if (!job.finishedOn) return 'its job is not done';
    // A done job keeps the reason of an attempt that failed before.
    if (!job.returnvalue) return `its job was given up: ${job.failedReason}`;
    const result = parseJobResult(job.returnvalue, job.id);
    const path = join(this.#folder, result.part);
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      const header = await this.#headerOf(file, path);
      const lines = checkedLines(await readRange(file, result), inputs);
      return lines === undefined ? `${path} does not hold its result` : { header, lines };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return code === 'ENOENT' ? `its result is in ${path}, which is not there` : `${path} cannot be read (${code})`;
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

/** The lines, if they are those of the inputs. */
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
