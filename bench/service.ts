/**
 * The Fastify example service under load: `npm run bench:service [-- --photos 500]`. Fifty connections send photos from a separate
 * process; this one runs the service and its threads. Rounds with one and with two threads alternate.
 *
 * Prints and saves the photos answered per second, the longest stall of the service's event loop, whether each answer equals the
 * one that the photo gets alone, and how memory grows.
 */
import { fork } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { repositoryRoot } from '../development/paths.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '5' },
    'memory-photos': { type: 'string', default: '5000' },
    /** Writes `bench/results/service-SAVE.json`. */
    save: { type: 'string' },
  },
});

/** What the load process reports when it finishes. */
interface LoadResult {
  readonly answered: number;
  readonly wrong: number;
  readonly seconds: number;
}

interface Round extends LoadResult {
  readonly size: number;
  readonly killed: number;
  readonly photosPerSecond: number;
  readonly longestLagMs: number;
  /** After every 250 photos. */
  readonly residentMegabytes: readonly number[];
}

const machine = describeMachine(commit());
console.log(machineLine(machine));

const KILL_EVERY = 50;
const SAMPLE_EVERY = 250;
const LAG_RESOLUTION_MS = 2;

// The example is a separate project; here it gets this repository's package and Fastify.
const serviceFile = join(repositoryRoot, 'bench/.build/service.js');
await mkdir(dirname(serviceFile), { recursive: true });
await copyFile(join(repositoryRoot, 'examples/fastify/service.js'), serviceFile);
const { createService } = (await import(serviceFile)) as {
  createService(options: object): Promise<{
    listen(options: object): Promise<string>;
    close(): Promise<void>;
    addHook(name: 'onResponse', hook: () => Promise<void>): void;
  }>;
};

async function round(size: number, photos: number, kills: boolean): Promise<Round> {
  const threads = new Set<Worker>();
  const createWorker = (): Worker => {
    const thread = new Worker(join(repositoryRoot, 'dist/src/node/pool-worker.js'));
    threads.add(thread);
    thread.on('exit', () => threads.delete(thread));
    return thread;
  };
  const service = await createService({ size, createWorker });
  let answered = 0;
  let killed = 0;
  const residentMegabytes: number[] = [];
  service.addHook('onResponse', async () => {
    answered++;
    if (answered % SAMPLE_EVERY === 0) residentMegabytes.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
    if (!kills || answered % KILL_EVERY !== 0) return;
    killed++;
    const [oldest] = threads;
    void oldest.terminate();
  });
  const url = await service.listen({ port: 0, host: '127.0.0.1' });
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  const load = fork(fileURLToPath(new URL('./service-load.ts', import.meta.url)), [url, String(photos)]);
  const result = await new Promise<LoadResult>((resolve, reject) => {
    load.on('message', (message) => {
      if (message === 'warm') lag.enable();
      else resolve(message as LoadResult);
    });
    load.on('exit', (code) => reject(new Error(`the load process exited with ${code}`)));
  });
  lag.disable();
  await service.close();
  return {
    ...result,
    size,
    killed,
    photosPerSecond: result.answered / result.seconds,
    longestLagMs: Math.max(0, lag.max / 1e6 - LAG_RESOLUTION_MS),
    residentMegabytes,
  };
}

function show(
  name: string,
  { answered, wrong, killed, photosPerSecond, longestLagMs, residentMegabytes }: Round,
): void {
  const parts = [
    `${answered} answered, ${wrong} wrong, ${killed} threads killed`,
    `${photosPerSecond.toFixed(1)} photos/s`,
  ];
  console.log(
    `${name}: ${parts.join(', ')}, longest lag ${longestLagMs.toFixed(1)} ms, resident ${residentMegabytes.join(' ')} MB`,
  );
}

const photos = Number(values.photos);
const rounds: Round[] = [];
for (let i = 0; i < Number(values.rounds); i++) {
  for (const size of [1, 2]) {
    const measured = await round(size, photos, false);
    rounds.push(measured);
    show(`${size} thread(s)`, measured);
  }
}
const best = (size: number): number =>
  Math.max(...rounds.filter((measured) => measured.size === size).map(({ photosPerSecond }) => photosPerSecond));
const ratio = best(2) / best(1);
console.log(`two threads answer ${ratio.toFixed(2)} times as many photos as one`);

const killing = await round(2, photos, true);
show('2 threads, one killed every 50 photos', killing);

const memory = await round(2, Number(values['memory-photos']), false);
show('2 threads, long run', memory);

if (values.save !== undefined) {
  await saveResults(`service-${values.save}`, { machine, ratio, rounds, killing, memory });
}
