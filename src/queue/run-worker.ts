/**
 * Takes jobs from the queue until it is stopped. A job's results are on the disk before the job counts as done, so that a
 * worker may die at any moment: BullMQ gives the job to another one, and only the lines that a finished job names count.
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
  /** When the file was changed last, ms since 1970; missing of a download. */
  readonly mtimeMs?: number;
}

/** What aligns pictures in a worker. */
export interface WorkerAligner {
  /** @throws ImageDecodeError where the picture is bad, WorkerFailedError where a thread died at it; others are the worker's. */
  align(picture: PictureBytes): Promise<PictureResult>;
  /** Whether it can still work, after a thread has died. */
  isHealthy(): Promise<boolean>;
}

/** How a worker works. */
export interface RunWorkerOptions {
  /** Shown in lists of workers. */
  readonly name: string;
  /** Pictures at the same time. */
  readonly jobs: number;
  /** A worker that has been silent for so long is taken for dead, and its jobs are given to others, ms. */
  readonly recoverAfterMs: number;
  /** When it is to stop: how long jobs that run may take before they are handed back, ms. */
  readonly graceMs: number;
  /** Where relative paths begin, instead of the folder in the job. */
  readonly root?: string | undefined;
  /** Stops when no job waits or runs. */
  readonly untilEmpty: boolean;
  readonly fetch: FetchPictureOptions;
  /** Stops the worker. */
  readonly signal: AbortSignal;
  readonly onJob?: (done: WorkedTotals) => void;
  /** Once for each picture without a result. */
  readonly onFailure?: (path: string, reason: string) => void;
  /** Something that people may want to know, such as that Redis has gone away. */
  readonly onNotice?: (text: string) => void;
}

/** What a worker has done. */
export interface WorkedTotals {
  jobs: number;
  pictures: number;
  failed: number;
}

/**
 * How many times a job is taken from a dead worker. A picture that kills workers is given up much earlier; this limit is for what
 * no picture is to blame for.
 */
const MAX_STALLS = 200;
/** One job more than there are threads: it reads its first picture while the others compute. */
const SPARE_JOBS = 1;
const LOOK_MS = 500;
/** Minutes of the counts that BullMQ keeps for its own monitors: a week. */
const METRICS_MINUTES = 7 * 24 * 60;

/** The job goes back to the queue, as the worker stops. */
class HandedBackError extends Error {
  override readonly name = 'HandedBackError';
}

/**
 * Runs a worker to its end.
 * @throws TddfaError where the worker itself cannot go on: its disk is full, its threads die. Its jobs are handed back first.
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

  /** What the worker cannot do, another one may: its jobs go back. */
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

/** Lets jobs that run finish, then hands them back, then leaves them to the others. */
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
  // Redis does not answer, or a picture does not end: the jobs count as those of a dead worker.
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

/** Reports when Redis goes away and comes back, once each, and what else goes wrong. */
function watchConnection(
  { client, address }: PictureQueue,
  worker: Worker,
  onNotice: ((text: string) => void) | undefined,
): () => void {
  let isAway = false;
  const away = (): void => {
    if (isAway) return;
    isAway = true;
    onNotice?.(`${address.shown}: Redis is away; the worker waits for it`);
  };
  const back = (): void => {
    if (isAway) onNotice?.(`${address.shown}: Redis is back`);
    isAway = false;
  };
  client.on('close', away);
  client.on('ready', back);
  worker.on('error', (error: Error) => {
    if (isAway || isConnectionError(error)) return;
    if (/Missing lock|could not renew lock/i.test(error.message)) {
      onNotice?.('a job was given to another worker meanwhile; its results of this one do not count');
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
