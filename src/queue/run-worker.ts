/**
 * Takes jobs from the queue until it is stopped. A job's results are on disk before the job counts as done, so a worker
 * may die at any moment: BullMQ gives the job to another one, and only the lines recorded in a finished job count.
 */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'bullmq';
import { ImageDecodeError, WorkerFailedError } from '../errors.ts';
import { readPictureFile } from '../image-files/read-picture-file.ts';
import { describeFailed, type PictureIdentity, type PictureResult } from '../results/result-line.ts';
import { timerDelay } from '../timer-delay.ts';
import { CrashRecord } from './crash-record.ts';
import { type FetchPictureOptions, fetchPicture, isWebAddress, PictureDownloadError } from './fetch-picture.ts';
import type { PartFile } from './part-file.ts';
import { type JobData, type JobResult, parseJobData } from './picture-job.ts';
import type { PictureJob, PictureQueue } from './picture-queue.ts';
import { describeRedisError } from './redis-client.ts';
import { Turns } from './turns.ts';

/** The bytes of a picture, and what identifies it. */
export interface PictureBytes {
  /** As it was added. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly size: number;
  /** When the file was last changed, ms since 1970; absent for a download. */
  readonly mtimeMs?: number;
}

/** What aligns pictures in a worker. */
export interface WorkerAligner {
  /**
   * @throws ImageDecodeError if the picture is bad, WorkerFailedError if a thread died on it; other errors are the
   *   worker's.
   */
  align(picture: PictureBytes): Promise<PictureResult>;
  /** Whether it can still work, after a thread has died. */
  isHealthy(): Promise<boolean>;
}

/** How a worker works. */
export interface RunWorkerOptions {
  /** Name in lists of workers. */
  readonly name: string;
  /** Pictures at the same time. */
  readonly jobs: number;
  /** A worker that has been silent for this long counts as dead, and its jobs are given to others, ms. */
  readonly recoverAfterMs: number;
  /** How long running jobs may take after a stop before they are handed back, ms. */
  readonly graceMs: number;
  /** Folder that relative paths start from, instead of the one in the job. */
  readonly root?: string | undefined;
  /** Stops when no job is waiting or running. */
  readonly untilEmpty: boolean;
  readonly fetch: FetchPictureOptions;
  /** Stops the worker. */
  readonly signal: AbortSignal;
  readonly onJob?: (done: WorkedTotals) => void;
  /** Called once for each picture without a result. */
  readonly onFailure?: (path: string, reason: string) => void;
  /** Called with messages for people, such as that Redis is unavailable. */
  readonly onNotice?: (text: string) => void;
}

/** What a worker has done. */
export interface WorkedTotals {
  jobs: number;
  pictures: number;
  failed: number;
}

/**
 * How many times a job is taken from a dead worker. A picture that kills workers is given up much earlier; this limit
 * is for crashes that no picture causes.
 */
const MAX_STALLS = 200;
/** One more job than there are threads: it reads its first picture while the others compute. */
const SPARE_JOBS = 1;
const LOOK_MS = 500;
/** Minutes of counts that BullMQ keeps for its own monitors: a week. */
const METRICS_MINUTES = 7 * 24 * 60;

/** The job goes back to the queue because the worker stops. */
class HandedBackError extends Error {
  override readonly name = 'HandedBackError';
}

/**
 * Runs a worker until it stops.
 * @throws TddfaError if the worker itself cannot continue: its disk is full, its threads die. Its jobs are handed back
 *   first.
 */
export async function runWorker(
  queue: PictureQueue,
  part: PartFile,
  aligner: WorkerAligner,
  options: RunWorkerOptions,
): Promise<WorkedTotals> {
  const { signal, onNotice } = options;
  const totals: WorkedTotals = { jobs: 0, pictures: 0, failed: 0 };
  const turns = new Turns();
  const handBack = new AbortController();
  const stop = new AbortController();
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    handBack.abort();
    stop.abort();
  };

  async function process(job: PictureJob, token: string | undefined): Promise<JobResult> {
    const record = new CrashRecord(job);
    const run = (): Promise<JobResult> => runJob(job, record);
    try {
      return await (record.isSuspect ? turns.alone(run) : turns.together(run));
    } catch (error) {
      if (!(error instanceof HandedBackError)) throw error;
      await job.moveToDelayed(Date.now(), token);
      throw new queue.packages.DelayedError();
    }
  }

  async function runJob(job: PictureJob, record: CrashRecord): Promise<JobResult> {
    const data = parseJobData(job.data, job.id);
    const isLastAttempt = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    const results: PictureResult[] = [];
    try {
      for (const [place, input] of data.inputs.entries()) {
        if (handBack.signal.aborted) throw new HandedBackError();
        const refusal = record.refusal(place);
        if (refusal !== undefined) {
          results.push(describeFailed({ path: input }, refusal));
          continue;
        }
        await record.begin(place);
        results.push(await resultOf(input, data, isLastAttempt));
      }
    } finally {
      await record.end();
    }
    const range = await orStop(() => part.append(results));
    const failures = results.filter((result) => 'error' in result);
    for (const { path, error } of failures) options.onFailure?.(path, error);
    totals.jobs++;
    totals.pictures += results.length;
    totals.failed += failures.length;
    options.onJob?.(totals);
    return { part: part.name, ...range, failed: failures.length };
  }

  /** Another worker may succeed where this one fails: its jobs go back. */
  async function orStop<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof HandedBackError)) fail(error);
      throw new HandedBackError();
    }
  }

  async function resultOf(input: string, { root }: JobData, isLastAttempt: boolean): Promise<PictureResult> {
    let identity: PictureIdentity = { path: input };
    try {
      const picture = await readPicture(input, options.root ?? root);
      const { bytes: _, ...known } = picture;
      identity = known;
      return await aligner.align(picture);
    } catch (error) {
      if (handBack.signal.aborted) throw new HandedBackError();
      if (error instanceof PictureDownloadError) {
        // BullMQ tries the job again, after a pause.
        if (error.isTransient && !isLastAttempt) throw error;
        return describeFailed(identity, error.message);
      }
      if (error instanceof ImageDecodeError) return describeFailed(identity, error.message);
      if (error instanceof WorkerFailedError && (await aligner.isHealthy())) {
        return describeFailed(identity, error.message);
      }
      return orStop(() => Promise.reject(error));
    }
  }

  async function readPicture(input: string, root: string): Promise<PictureBytes> {
    if (isWebAddress(input)) {
      const bytes = await fetchPicture(input, { ...options.fetch, signal: handBack.signal });
      return { path: input, bytes, size: bytes.length };
    }
    const path = resolve(root, input);
    try {
      return { ...(await readPictureFile(path)), path: input };
    } catch (error) {
      throw error instanceof ImageDecodeError && path !== input
        ? new ImageDecodeError(input, error.message.replace(`${path}: `, ''), { cause: error })
        : error;
    }
  }

  const worker = new queue.packages.Worker<JobData, JobResult>(queue.name, process, {
    connection: queue.client,
    name: options.name,
    concurrency: options.jobs + SPARE_JOBS,
    lockDuration: timerDelay(options.recoverAfterMs),
    stalledInterval: timerDelay(options.recoverAfterMs),
    maxStalledCount: MAX_STALLS,
    metrics: { maxDataPoints: METRICS_MINUTES },
  });
  const unwatch = watchConnection(queue, worker, onNotice);
  const interrupt = (): void => stop.abort();
  signal.addEventListener('abort', interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    if (options.untilEmpty) void stopWhenEmpty(queue, stop).catch(fail);
    await aborted(stop.signal);
    await closeWorker(worker, queue, handBack, options.graceMs);
  } finally {
    signal.removeEventListener('abort', interrupt);
    unwatch();
    await part.close();
  }
  if (failure !== undefined) throw failure;
  return totals;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Lets running jobs finish, then hands them back, then leaves them to other workers. */
async function closeWorker(
  worker: Worker,
  { client }: PictureQueue,
  handBack: AbortController,
  graceMs: number,
): Promise<void> {
  const closed = worker.close().then(() => true);
  const later = (ms: number): Promise<boolean> => delay(timerDelay(ms), false, { ref: false });
  if (await Promise.race([closed, later(graceMs)])) return;
  handBack.abort();
  if (await Promise.race([closed, later(LAST_WAIT_MS)])) return;
  // Redis does not answer, or a picture does not finish: the jobs count as those of a dead worker.
  client.disconnect();
}

const LAST_WAIT_MS = 5000;

async function stopWhenEmpty(queue: PictureQueue, stop: AbortController): Promise<void> {
  while (!stop.signal.aborted) {
    const count = await queue.run((bull) => bull.getJobCountByTypes('waiting', 'delayed', 'active'));
    if (count === 0) stop.abort();
    else await delay(LOOK_MS);
  }
}

/** Reports when Redis becomes unavailable and available again, once each, and whatever else goes wrong. */
function watchConnection(
  { client, address }: PictureQueue,
  worker: Worker,
  onNotice: ((text: string) => void) | undefined,
): () => void {
  let isAway = false;
  const away = (): void => {
    if (isAway) return;
    isAway = true;
    onNotice?.(`${address.shown}: Redis is not available; waiting for it`);
  };
  const back = (): void => {
    if (isAway) onNotice?.(`${address.shown}: Redis is available again`);
    isAway = false;
  };
  client.on('close', away);
  client.on('ready', back);
  worker.on('error', (error: Error) => {
    if (isAway || isConnectionError(error)) return;
    if (/Missing lock|could not renew lock/i.test(error.message)) {
      onNotice?.('a job has meanwhile been given to another worker; the results from this one do not count');
    } else onNotice?.(`${address.shown}: ${describeRedisError(error)}`);
  });
  worker.on('failed', (job, error) => onNotice?.(`job ${job?.id}: ${error.message}`));
  return () => {
    client.off('close', away);
    client.off('ready', back);
  };
}

function isConnectionError(error: Error): boolean {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return /^E[A-Z]+$/.test(code) || /Connection is closed|LOADING|Stream isn't writeable/.test(message);
}
