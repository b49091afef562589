import { setTimeout as delay } from 'node:timers/promises';
import { JOB_NAME, type JobData, jobId } from './picture-job.ts';
import type { PictureQueue } from './picture-queue.ts';

/** How jobs are added. */
export interface AddJobsOptions {
  /** Adding pauses while this many jobs wait for a worker. */
  readonly maxWaiting: number;
  /** Attempts of a job whose downloads fail for now; the pauses are 5 s, 10 s, 20 s … */
  readonly attempts: number;
  readonly signal: AbortSignal;
  /** After each batch: what was added so far, and whether it waits for workers. */
  readonly onProgress?: (added: AddedJobs, isWaiting: boolean) => void;
}

/** What was added. */
export interface AddedJobs {
  jobs: number;
  pictures: number;
  /** Jobs of the list that the queue had already, whatever became of them. */
  knownJobs: number;
  knownPictures: number;
}

/** Jobs that are sent to Redis at once: some 100 KB. */
const BATCH = 50;
const LOOK_AGAIN_MS = 500;
const FIRST_PAUSE_MS = 5000;

/**
 * Adds jobs, each only where the queue does not know it.
 * @throws TddfaError where Redis fails; the signal's reason. What was added stays; to add the list again completes it.
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

/** Those that the queue does not know; the others are counted. */
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

/** Of two that add a job at the same time, BullMQ takes one. */
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
