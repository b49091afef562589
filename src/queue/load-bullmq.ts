import { TddfaError } from '../errors.ts';

/** What the queue uses from BullMQ and from ioredis, its Redis client. */
export interface QueuePackages {
  readonly Queue: typeof import('bullmq').Queue;
  readonly Worker: typeof import('bullmq').Worker;
  readonly DelayedError: typeof import('bullmq').DelayedError;
  readonly Redis: typeof import('ioredis').Redis;
}

/**
 * Loads the two packages, which `npm install tddfa` does not install.
 * @throws TddfaError that explains how to install them.
 */
export async function loadBullmq(): Promise<QueuePackages> {
  try {
    const [{ Queue, Worker, DelayedError }, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { Queue, Worker, DelayedError, Redis };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (!/MODULE_NOT_FOUND$/.test(code)) throw cause;
    throw new TddfaError('the queue needs BullMQ, which is not installed: npm install bullmq ioredis', { cause });
  }
}
