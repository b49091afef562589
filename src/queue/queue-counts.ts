import { type JobResult, parseJobResult, pictureCount } from './picture-job.ts';
import type { PictureQueue } from './picture-queue.ts';

/** Jobs and their pictures. */
export interface Count {
  readonly jobs: number;
  readonly pictures: number;
}

/** State of a queue. */
export interface QueueCounts {
  readonly waiting: Count;
  readonly running: Count;
  /** To be retried after a pause. */
  readonly delayed: Count;
  readonly done: Count;
  /** Given up. */
  readonly failed: Count;
  /** Pictures of finished jobs with an error instead of a result. */
  readonly failedPictures: number;
  /** Pictures finished per second over the last minute; 0 if there were none. */
  readonly picturesPerSecond: number;
  readonly workers: readonly QueueWorker[];
  /** The latest jobs that were given up, and why. */
  readonly failures: readonly { readonly job: string; readonly reason: string }[];
}

/** A connected worker. */
export interface QueueWorker {
  readonly name: string;
  readonly address: string;
  readonly connectedSeconds: number;
}

const RATE_WINDOW_MS = 60_000;
/** Number of latest finished jobs from which the rate is calculated. */
const RATE_JOBS = 200;
const SHOWN_FAILURES = 10;
/** Replies requested at a time. */
const BATCH = 1000;

/** Counts a queue repeatedly; what does not change is read once. */
export class QueueCounter {
  readonly #queue: PictureQueue;
  /** Failed pictures of each finished job. */
  #failed = new Map<string, number>();

  constructor(queue: PictureQueue) {
    this.#queue = queue;
  }

  /** @throws TddfaError if Redis fails. */
  count(): Promise<QueueCounts> {
    return this.#queue.run(async (bull) => {
      const [waiting, running, delayed, done, failed] = await Promise.all(
        (['waiting', 'active', 'delayed', 'completed', 'failed'] as const).map((state) =>
          bull.getRanges([state], 0, -1),
        ),
      );
      return {
        waiting: countOf(waiting),
        running: countOf(running),
        delayed: countOf(delayed),
        done: countOf(done),
        failed: countOf(failed),
        failedPictures: await this.#failedPictures(done),
        picturesPerSecond: await this.#rate(),
        workers: (await bull.getWorkers()).map(describeWorker),
        failures: (await bull.getJobs(['failed'], 0, SHOWN_FAILURES - 1)).map(({ id = '', failedReason }) => ({
          job: id,
          reason: failedReason ?? '',
        })),
      };
    });
  }

  async #failedPictures(done: readonly string[]): Promise<number> {
    const known = new Map<string, number>();
    const fresh: string[] = [];
    for (const id of done) {
      const count = this.#failed.get(id);
      if (count === undefined) fresh.push(id);
      else known.set(id, count);
    }
    for (let start = 0; start < fresh.length; start += BATCH) {
      const ids = fresh.slice(start, start + BATCH);
      const results = await resultsOf(this.#queue, ids);
      for (const [index, id] of ids.entries()) known.set(id, results[index]?.failed ?? 0);
    }
    this.#failed = known;
    let sum = 0;
    for (const count of known.values()) sum += count;
    return sum;
  }

  async #rate(): Promise<number> {
    const latest = await this.#queue.bull.getJobs(['completed'], 0, RATE_JOBS - 1);
    const now = Date.now();
    const recent = latest.filter(({ finishedOn = 0 }) => now - finishedOn < RATE_WINDOW_MS);
    if (recent.length === 0) return 0;
    const pictures = recent.reduce((sum, { id = '' }) => sum + pictureCount(id), 0);
    const began = Math.min(...recent.map(({ processedOn = now }) => processedOn));
    return pictures / (Math.max(now - began, 1) / 1000);
  }
}

function countOf(ids: readonly string[]): Count {
  return { jobs: ids.length, pictures: ids.reduce((sum, id) => sum + pictureCount(id), 0) };
}

async function resultsOf({ bull, client }: PictureQueue, ids: readonly string[]): Promise<(JobResult | undefined)[]> {
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hget(bull.toKey(id), 'returnvalue');
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, text], index) => {
    if (error) throw error;
    return typeof text === 'string' ? parseJobResult(JSON.parse(text), ids[index]) : undefined;
  });
}

function describeWorker(worker: Readonly<Record<string, string>>): QueueWorker {
  const name = /:w:(.*)$/.exec(worker.rawname ?? '')?.[1] ?? worker.name ?? '';
  return { name, address: worker.addr ?? '', connectedSeconds: Number(worker.age ?? 0) };
}
