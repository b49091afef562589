/**
 * Pictures through the queue: `npm run bench:queue`. Folder mode with one and two jobs and the queue with 1, 2 and 4 workers of one
 * job, interleaved, on photos of 1280x720; then how much of Redis's memory a job takes. Needs the built command and Debian's
 * redis-server.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { writePhotos } from '../development/photos-720p.ts';
import { type RedisServer, startRedisServer } from '../development/redis-server.ts';
import { runTddfa, startTddfa } from '../development/tddfa-process.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

const { values } = parseArgs({
  options: {
    /** Photos in the comparison of two workers with folder mode. */
    photos: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    /** Jobs added to Redis to measure their memory; 0 skips this. */
    jobs: { type: 'string', default: '20000' },
    /** Writes `bench/results/queue-SAVE.json`. */
    save: { type: 'string' },
  },
});

const machine = describeMachine(commit());
console.log(machineLine(machine));

const PER_JOB = 50;
/** Short runs are for the rates of one core and of more workers than cores. */
const SHORT = 300;

const folder = mkdtempSync(join(tmpdir(), 'tddfa-queue-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

interface Round {
  readonly how: string;
  readonly photos: number;
  /** From the start of the commands to the end of the last one, including loading the networks. */
  readonly seconds: number;
  readonly photosPerSecond: number;
}

async function folderMode(list: string, photos: number, jobs: number): Promise<Round> {
  const start = performance.now();
  const args = ['--files-from', list, '--jobs', String(jobs), '--jsonl', join(folder, `${Date.now()}.jsonl`)];
  const { status, stderr } = await runTddfa(['align', ...args], { isBuilt: true });
  if (status !== 0) throw new Error(stderr);
  return measured(`folder, ${jobs} job${jobs === 1 ? '' : 's'}`, photos, start);
}

/** Adding is not counted, as it runs alongside the workers. */
async function throughQueue(redis: RedisServer, list: string, photos: number, workers: number): Promise<Round> {
  const queue = ['--queue', `bench-${Date.now()}`];
  const options = { isBuilt: true, env: { TDDFA_REDIS: redis.url } };
  const added = await runTddfa(['queue', 'add', ...queue, '--files-from', list, '--per-job', String(PER_JOB)], options);
  if (added.status !== 0) throw new Error(added.stderr);
  const start = performance.now();
  const work = ['queue', 'work', ...queue, '--jobs', '1', '--until-empty', '--parts', join(folder, 'parts')];
  const ended = await Promise.all(Array.from({ length: workers }, () => startTddfa(work, options).ended));
  for (const { status, stderr } of ended) if (status !== 0) throw new Error(stderr);
  return measured(`queue, ${workers} worker${workers === 1 ? '' : 's'}`, photos, start);
}

function measured(how: string, photos: number, start: number): Round {
  const seconds = (performance.now() - start) / 1000;
  const round = { how, photos, seconds, photosPerSecond: photos / seconds };
  console.log(`${how}: ${photos} photos in ${seconds.toFixed(1)} s, ${round.photosPerSecond.toFixed(1)} photos/s`);
  return round;
}

/** Bytes of Redis's memory for a waiting job and for a finished one, with paths of about 60 bytes. */
async function weighJobs(redis: RedisServer, jobs: number): Promise<{ waiting: number; done: number }> {
  const client = new Redis(redis.port, '127.0.0.1');
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const list = join(folder, 'long-list.txt');
  const path = (i: number): string =>
    `/data/photos/part-${i % 1000}/2026-11-26-portrait-${String(i).padStart(9, '0')}.jpg`;
  writeFileSync(list, Array.from({ length: jobs * PER_JOB }, (_, i) => path(i)).join('\n'));
  const before = await used();
  const args = ['--queue', 'weight', '--files-from', list, '--per-job', String(PER_JOB), '--max-waiting', '1000000000'];
  const added = await runTddfa(['queue', 'add', ...args], { isBuilt: true, env: { TDDFA_REDIS: redis.url } });
  if (added.status !== 0) throw new Error(added.stderr);
  const waiting = (await used()) - before;
  // The files do not exist: each picture is an error, which replaces the result in a part file.
  const work = [
    'queue',
    'work',
    '--queue',
    'weight',
    '--jobs',
    '1',
    '--until-empty',
    '--parts',
    join(folder, 'weights'),
  ];
  const { status } = await startTddfa(work, { isBuilt: true, env: { TDDFA_REDIS: redis.url } }).ended;
  if (status !== 0) throw new Error('a worker failed');
  const done = (await used()) - before;
  client.disconnect();
  return { waiting: waiting / jobs, done: done / jobs };
}

const paths = await writePhotos(join(folder, 'photos'), Number(values.photos));
const all = join(folder, 'all.txt');
const some = join(folder, 'some.txt');
writeFileSync(all, paths.join('\n'));
writeFileSync(some, paths.slice(0, SHORT).join('\n'));
mkdirSync(join(folder, 'parts'));
const redis = await startRedisServer();
try {
  const rounds: Round[] = [];
  for (let i = 0; i < Number(values.rounds); i++) {
    const short = Math.min(SHORT, paths.length);
    rounds.push(await folderMode(some, short, 1));
    rounds.push(await throughQueue(redis, some, short, 1));
    rounds.push(await throughQueue(redis, some, short, 4));
    rounds.push(await folderMode(all, paths.length, 2));
    rounds.push(await throughQueue(redis, all, paths.length, 2));
  }
  const best = (how: string): number =>
    Math.max(...rounds.filter((round) => round.how === how).map(({ photosPerSecond }) => photosPerSecond));
  const ratio = best('queue, 2 workers') / best('folder, 2 jobs');
  console.log(`two workers reach ${ratio.toFixed(2)} of the photos/s of folder mode with two jobs`);
  const jobs = Number(values.jobs);
  const memory = jobs > 0 ? await weighJobs(redis, jobs) : undefined;
  if (memory !== undefined) {
    console.log(
      `a job of ${PER_JOB} pictures takes ${memory.waiting.toFixed(0)} bytes of Redis's memory while waiting, ${memory.done.toFixed(0)} when done`,
    );
  }
  if (values.save !== undefined) {
    await saveResults(`queue-${values.save}`, { machine, ratio, rounds, memory });
  }
} finally {
  await redis.dispose();
}
