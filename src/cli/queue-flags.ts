import { type Command, InvalidArgumentError, Option } from 'commander';
import { openPictureQueue, type PictureQueue } from '../queue/picture-queue.ts';
import { parseRedisUrl } from '../queue/redis-address.ts';
import type { Terminal } from './terminal.ts';

/** Flags shared by all queue commands. */
export interface QueueFlags {
  readonly redis?: string;
  readonly queue: string;
}

const DEFAULT_URL = 'redis://127.0.0.1:6379';

/** Adds `--redis` and `--queue` to a command. */
export function addQueueFlags(command: Command): Command {
  return command
    .option(
      '--redis <url>',
      `Redis or Valkey server: redis://[user:password@]host[:port][/database], rediss:// for TLS (default: TDDFA_REDIS, REDIS_URL, else ${DEFAULT_URL}); other users of this machine can see the command line, so put a password in TDDFA_REDIS or TDDFA_REDIS_PASSWORD`,
    )
    .option('--queue <name>', 'name of the queue', parseQueueName, 'tddfa');
}

/** `--allow-private`, for adding and for downloading. */
export const allowPrivateOption = (): Option =>
  new Option(
    '--allow-private',
    'allow URLs on this machine and on private networks; both queue add and queue work need it',
  );

function parseQueueName(text: string): string {
  if (/^[\w.-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError(`expected up to 64 letters, digits, ., _ and -, got '${text}'`);
}

/**
 * Runs a piece of work with the queue named by the flags, then closes it.
 * @param patienceMs - how long a server may be unavailable.
 * @throws TddfaError if BullMQ is not installed, or Redis cannot be reached.
 */
export async function withQueue<Value>(
  { redis, queue: name }: QueueFlags,
  { env }: Terminal,
  work: (queue: PictureQueue) => Promise<Value>,
  patienceMs?: number,
): Promise<Value> {
  const url = redis || env.TDDFA_REDIS || env.REDIS_URL || DEFAULT_URL;
  const queue = await openPictureQueue(parseRedisUrl(url, env.TDDFA_REDIS_PASSWORD), name, patienceMs);
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

/** `2 jobs with 100 pictures`. */
export function jobsAndPictures({ jobs, pictures }: { readonly jobs: number; readonly pictures: number }): string {
  return `${counted(jobs, 'job')} with ${counted(pictures, 'picture')}`;
}

/** `1 picture`, `2,000 pictures`. */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}
