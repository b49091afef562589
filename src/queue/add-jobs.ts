import { setTimeout as delay } from 'node:timers/promises';
import { JOB_NAME, type JobData, jobId } from './picture-job.ts';
import type { PictureQueue } from './picture-queue.ts';

/** How jobs are added. */
export interface AddJobsOptions {
  /** Adding pauses while this many jobs wait for a worker. */
  readonly maxWaiting: number;
  /** Attempts per job when downloads fail temporarily; the pauses are 5 s, 10 s, 20 s … */
  readonly attempts: number;
  readonly signal: AbortSignal;
  /** Called after each batch with what has been added, and whether adding is paused until workers catch up. */
  readonly onProgress?: (added: AddedJobs, isWaiting: boolean) => void;
}

/** What was added. */
export interface AddedJobs {
  jobs: number;
  pictures: number;
  /** Jobs in the list that the queue already had, in whatever state. */
  knownJobs: number;
  knownPictures: number;
}

/** Jobs sent to Redis at a time: about 100 KB. */
const BATCH = 50;
const LOOK_AGAIN_MS = 500;
const FIRST_PAUSE_MS = 5000;

/**
 * Adds the jobs that the queue does not have yet.
 * @throws TddfaError if Redis fails; the signal's reason. What was added stays; adding the list again completes it.
 */
export async function addJobs(
  queue: PictureQueue,
  jobs: AsyncIterable<JobData>,
  { maxWaiting, attempts, signal, onProgress }: AddJobsOptions,
): Promise<AddedJobs> {
  const added: AddedJobs = { jobs: 0, pictures: 0, knownJobs: 0, knownPictures: 0 };
  let batch: JobData[] = [];
  const flush = async (): Promise<void> => {
    const fresh = await sortOutKnown(queue, batch, added);
    batch = [];
    for (;;) {
      signal.throwIfAborted();
      const waiting = await queue.run((bull) => bull.getJobCountByTypes('waiting', 'delayed'));
      if (fresh.length === 0 || waiting < maxWaiting) break;
      onProgress?.(added, true);
      await delay(LOOK_AGAIN_MS, undefined, { signal });
    }
    await addBatch(queue, fresh, attempts);
    for (const { data } of fresh) {
      added.jobs++;
      added.pictures += data.inputs.length;
    }
    onProgress?.(added, false);
  };
  for await (const job of jobs) {
    batch.push(job);
    if (batch.length === Math.min(BATCH, maxWaiting)) await flush();
  }
  if (batch.length > 0) await flush();
  return added;
}

/** A job with its id. */
interface NamedJob {
  readonly id: string;
  readonly data: JobData;
}

/** The jobs that the queue does not have; the others are counted. */
async function sortOutKnown(queue: PictureQueue, batch: readonly JobData[], added: AddedJobs): Promise<NamedJob[]> {
  const jobs = batch.map((data) => ({ id: jobId(data), data }));
  const isKnown = await queue.run(() =>
    areThere(
      queue,
      jobs.map(({ id }) => id),
    ),
  );
  return jobs.filter(({ data }, index) => {
    if (!isKnown[index]) return true;
    added.knownJobs++;
    added.knownPictures += data.inputs.length;
    return false;
  });
}

/** If the same job is added twice at the same time, BullMQ keeps one. */
async function addBatch(queue: PictureQueue, jobs: readonly NamedJob[], attempts: number): Promise<void> {
  await queue.run((bull) =>
    bull.addBulk(
      jobs.map(({ id, data }) => ({
        name: JOB_NAME,
        data,
        opts: {
          jobId: id,
          attempts,
          backoff: { type: 'exponential', delay: FIRST_PAUSE_MS },
          // `collect` reads them.
          removeOnComplete: false,
          removeOnFail: false,
        },
      })),
    ),
  );
}

async function areThere({ bull, client }: PictureQueue, ids: readonly string[]): Promise<boolean[]> {
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.exists(bull.toKey(id));
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, count]) => {
    if (error) throw error;
    return count === 1;
  });
}
