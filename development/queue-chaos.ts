/**
 * A queue with workers that are killed while they work, and a Redis that goes away in the middle: the output must equal that of
 * one undisturbed process for the same pictures.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { randomNumbers } from './random.ts';
import type { RedisServer } from './redis-server.ts';
import { runTddfa, startTddfa, type TddfaProcess, type TddfaProcessOptions } from './tddfa-process.ts';

/** What is done to a queue. */
export interface ChaosOptions {
  readonly redis: RedisServer;
  /** An empty folder, for the parts and lists of the run. */
  readonly folder: string;
  readonly pictures: readonly string[];
  readonly perJob: number;
  /** Shortest and longest time between two kills, ms. */
  readonly killAfterMs: readonly [number, number];
  /** A worker is killed earlier once this many more jobs are done, so that a fast machine does not escape. */
  readonly killAfterJobs: number;
  readonly seed: number;
  readonly isBuilt?: boolean;
  readonly onEvent?: (what: string) => void;
}

/** What happened, and what came out. */
export interface ChaosReport {
  readonly kills: number;
  /** How long Redis was away, ms. */
  readonly outageMs: number;
  readonly seconds: number;
  /** Result lines in all parts: those in excess of the number of pictures were computed again. */
  readonly linesInParts: number;
  readonly collectStatus: number | null;
  readonly collectMessages: string;
  readonly collected: string;
}

const WORKERS = 3;
/** How many of them are killed. */
const MORTAL = 2;
const QUEUE = 'chaos';
const RECOVER_SECONDS = '5';
const OUTAGE_MS = 2000;
const LOOK_MS = 50;
/** A run that hangs is an error. */
const MAX_MS = 540_000;

/** Adds pictures, processes them in spite of everything, and collects. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { redis, folder, pictures, perJob, killAfterMs, killAfterJobs, seed, isBuilt } = options;
  const { onEvent = () => {} } = options;
  const random = randomNumbers(seed);
  const started = Date.now();
  const parts = join(folder, 'parts');
  const list = join(folder, 'list.txt');
  const output = join(folder, 'collected.jsonl');
  writeFileSync(list, `${pictures.join('\n')}\n`);
  const run: TddfaProcessOptions = {
    cwd: folder,
    env: { TDDFA_REDIS: redis.url },
    ...(isBuilt !== undefined && { isBuilt }),
  };
  const queue = ['--queue', QUEUE];
  // Reconnects as soon as Redis is back; otherwise the workers would be done before the next check.
  const client = new Redis(redis.port, '127.0.0.1', { maxRetriesPerRequest: null, retryStrategy: () => LOOK_MS });
  client.on('error', () => {});
  const jobs = Math.ceil(pictures.length / perJob);
  const countDone = (): Promise<number> => client.zcard(`bull:${QUEUE}:completed`);
  // BullMQ names the connection on which a worker waits for jobs.
  const countWaiting = async (): Promise<number> =>
    String(await client.client('LIST')).split(/ name=\S+:w:/).length - 1;
  const start = (): TddfaProcess =>
    startTddfa(['queue', 'work', ...queue, '--parts', parts, '--jobs', '1', '--recover-after', RECOVER_SECONDS], run);
  const workers = Array.from({ length: WORKERS }, start);
  let kills = 0;
  let outageMs = 0;
  try {
    // On a slow machine a worker might first connect while Redis is away.
    while ((await countWaiting()) < WORKERS) {
      if (Date.now() - started > MAX_MS) throw new Error(`not all workers were waiting for jobs after ${MAX_MS} ms`);
      await delay(LOOK_MS);
    }
    const added = await runTddfa(['queue', 'add', ...queue, '--files-from', list, '--per-job', String(perJob)], run);
    if (added.status !== 0) throw new Error(added.stderr);
    const nextKill = (): number => Date.now() + killAfterMs[0] + random() * (killAfterMs[1] - killAfterMs[0]);
    let killAt = nextKill();
    let killAtJobs = killAfterJobs;
    for (let done = await countDone(); done < jobs; done = await countDone()) {
      if (Date.now() - started > MAX_MS) throw new Error(`only ${done} of ${jobs} jobs were done after ${MAX_MS} ms`);
      // A worker started just before Redis went away has exited with a message; whatever supervises workers restarts it.
      for (const [index, worker] of workers.slice(0, MORTAL).entries()) {
        if (hasFoundNoRedis(worker)) workers[index] = start();
      }
      if (outageMs === 0 && done >= jobs / 2) {
        onEvent(`Redis stops at ${done} of ${jobs} jobs`);
        const stopped = Date.now();
        await redis.stop();
        await delay(OUTAGE_MS);
        await redis.start();
        outageMs = Date.now() - stopped;
        // A worker is killed while the others come back.
        killAtJobs = done;
        continue;
      }
      if (Date.now() >= killAt || done >= killAtJobs) {
        const victim = Math.floor(random() * MORTAL);
        onEvent(`kill -9 of worker ${victim} at ${done} of ${jobs} jobs`);
        workers[victim].child.kill('SIGKILL');
        await workers[victim].ended;
        workers[victim] = start();
        kills++;
        killAt = nextKill();
        killAtJobs = done + killAfterJobs;
      }
      await delay(LOOK_MS);
    }
    for (const { child } of workers) child.kill('SIGTERM');
    for (const [index, worker] of workers.entries()) {
      const { status, stderr } = await worker.ended;
      // A worker that has only just started does not handle signals yet.
      const wasStarting = index < MORTAL && (status === null || hasFoundNoRedis(worker));
      if (status !== 0 && !wasStarting) throw new Error(`a worker exited with ${status}: ${stderr}`);
    }
  } finally {
    for (const { child } of workers) child.kill('SIGKILL');
    client.disconnect();
  }
  const collect = await runTddfa(['queue', 'collect', ...queue, '--parts', parts, '--jsonl', output], run);
  return {
    kills,
    outageMs,
    seconds: (Date.now() - started) / 1000,
    linesInParts: countLines(parts),
    collectStatus: collect.status,
    collectMessages: collect.stderr,
    collected: collect.status === 0 ? readFileSync(output, 'utf8') : '',
  };
}

/** Whether it exited because no Redis answered when it started. */
function hasFoundNoRedis({ child, stderr }: TddfaProcess): boolean {
  return child.exitCode === 1 && stderr().includes('no Redis server answers there');
}

/** Without the header of each. */
function countLines(folder: string): number {
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return texts.reduce((sum, text) => sum + text.split('\n').length - 2, 0);
}
