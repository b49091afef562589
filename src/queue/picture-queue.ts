import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { TddfaError } from '../errors.ts';
import { loadBullmq, type QueuePackages } from './load-bullmq.ts';
import type { JobData, JobResult } from './picture-job.ts';
import type { RedisAddress } from './redis-address.ts';
import { connectRedis, describeRedisError } from './redis-client.ts';

/** A BullMQ job. */
export type PictureJob = Job<JobData, JobResult>;

/** A queue of pictures in Redis. */
export interface PictureQueue {
  readonly packages: QueuePackages;
  readonly name: string;
  readonly address: RedisAddress;
  readonly client: Redis;
  readonly bull: Queue<JobData, JobResult>;
  /**
   * Runs a piece of work with the queue.
   * @throws TddfaError with one line if Redis fails.
   */
  run<Value>(work: (bull: Queue<JobData, JobResult>) => Promise<Value>): Promise<Value>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** How long a command waits for a server that has become unavailable. */
const PATIENCE_MS = 10_000;

/**
 * Opens a queue by name.
 * @throws TddfaError if BullMQ is not installed, or Redis cannot be reached.
 */
export async function openPictureQueue(
  address: RedisAddress,
  name: string,
  patienceMs = PATIENCE_MS,
): Promise<PictureQueue> {
  const packages = await loadBullmq();
  const client = await connectRedis(packages, address, { patienceMs });
  const bull = new packages.Queue<JobData, JobResult>(name, { connection: client });
  // Failures are reported by the calls that fail.
  bull.on('error', () => {});
  return {
    packages,
    name,
    address,
    client,
    bull,
    async run(work) {
      try {
        return await work(bull);
      } catch (error) {
        if (error instanceof TddfaError || (error as Error).name === 'AbortError') throw error;
        throw new TddfaError(`${address.shown}: ${describeRedisError(error)}`);
      }
    },
    async close() {
      await bull.close().catch(() => {});
      client.disconnect();
    },
  };
}
