/**
 * A folder of photos through the built command with one and two jobs, interleaved, and the memory of long lists:
 * `npm run bench:folder`. Each photo is another crop of the portrait in the repository, a JPEG of 1280x720 with one face.
 */
import { spawn, spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../development/paths.ts';
import { writePhotos } from '../development/photos-720p.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import { encodePng } from '../src/image-files/write-image.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    /** Entries of the long list; 0 skips it. */
    entries: { type: 'string', default: '100000' },
    /** Writes `bench/results/folder-SAVE.json`. */
    save: { type: 'string' },
  },
});

const machine = describeMachine(commit());
console.log(machineLine(machine));

const MAIN = join(repositoryRoot, 'dist/src/cli/main.js');
const JOBS = [1, 2];
/** File systems allow at most 65,000 links to one file. */
const LINKS = 50_000;

const folder = mkdtempSync(join(tmpdir(), 'tddfa-folder-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

interface Round {
  readonly jobs: number;
  /** From start to exit of the command. */
  readonly seconds: number;
  /** As the command itself reports: without loading the pack. */
  readonly photosPerSecond: number;
}

function round(photos: string, jobs: number): Round {
  const lines = join(folder, 'faces.jsonl');
  rmSync(lines, { force: true });
  const start = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    [MAIN, 'align', photos, '--jobs', String(jobs), '--jsonl', lines],
    {
      encoding: 'utf8',
    },
  );
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(stderr);
  return { jobs, seconds, photosPerSecond: Number(/([\d.]+) a second/.exec(stderr)?.[1]) };
}

/** Resident memory over a list of small pictures: pairs of pictures done and MB. */
async function memory(entries: number, jobs: number): Promise<[count: number, megabytes: number][]> {
  const list = join(folder, 'list');
  if (!spawnSync('test', ['-e', list]).status) return sample(list, jobs);
  const png = encodePng({ width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(120) });
  const paths = Array.from({ length: entries }, (_, i) => join(folder, 'links', String(i % 100), `${i}.png`));
  for (const [i, path] of paths.entries()) {
    const source = join(folder, `${Math.floor(i / LINKS)}.png`);
    if (i % LINKS === 0) writeFileSync(source, png);
    if (i < 100) mkdirSync(join(folder, 'links', String(i)), { recursive: true });
    linkSync(source, path);
  }
  writeFileSync(list, paths.join('\n'));
  return sample(list, jobs);
}

async function sample(list: string, jobs: number): Promise<[count: number, megabytes: number][]> {
  const samples: [count: number, megabytes: number][] = [];
  const child = spawn(process.execPath, [MAIN, 'align', '--files-from', list, '--jobs', String(jobs), '--jsonl', '-'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let count = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 0x0a) count++;
  });
  let isOver = false;
  child.on('close', () => {
    isOver = true;
  });
  while (!isOver) {
    await delay(200);
    try {
      const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      if (resident !== undefined) samples.push([count, Math.round(Number(resident) / 1024)]);
    } catch {
      // It has just exited.
    }
  }
  return samples;
}

const photos = join(folder, 'photos');
await writePhotos(photos, Number(values.photos));

const rounds: Round[] = [];
for (let i = 0; i < Number(values.rounds); i++) {
  for (const jobs of JOBS) {
    const measured = round(photos, jobs);
    rounds.push(measured);
    const { seconds, photosPerSecond } = measured;
    console.log(`${jobs} job(s): ${seconds.toFixed(2)} s in total, ${photosPerSecond.toFixed(1)} photos/s`);
  }
}
const best = (jobs: number, of: (measured: Round) => number): number =>
  Math.max(...rounds.filter((measured) => measured.jobs === jobs).map(of));
const ratio = best(2, (measured) => measured.photosPerSecond) / best(1, (measured) => measured.photosPerSecond);
const wholeRatio = best(2, ({ seconds }) => 1 / seconds) / best(1, ({ seconds }) => 1 / seconds);
console.log(
  `two jobs process ${ratio.toFixed(2)} times as many photos per second as one; start-up included, ${wholeRatio.toFixed(2)} times`,
);

const series: Record<string, [count: number, megabytes: number][]> = {};
for (const jobs of Number(values.entries) > 0 ? JOBS : []) {
  const samples = await memory(Number(values.entries), jobs);
  series[jobs] = samples;
  const after = samples.find(([count]) => count >= 1000)?.[1] ?? Number.NaN;
  const end = samples.at(-1)?.[1] ?? Number.NaN;
  console.log(
    `${jobs} job(s), ${values.entries} entries: ${after} MB after 1,000, ${end} MB at the end (${(end / after).toFixed(2)})`,
  );
}

if (values.save !== undefined) {
  await saveResults(`folder-${values.save}`, { machine, ratio, wholeRatio, rounds, series });
}
