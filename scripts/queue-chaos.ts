/**
 * Queue workers that are killed with -9 every few seconds, and a Redis that goes away in the middle, repeatedly, with 600 pictures:
 * `npm run chaos`. Each run must give every picture once, equal to a sequential run. Needs the built command.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeNumberedCrops } from '../development/numbered-crops.ts';
import { runChaos } from '../development/queue-chaos.ts';
import { startRedisServer } from '../development/redis-server.ts';
import { runTddfa } from '../development/tddfa-process.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    pictures: { type: 'string', default: '600' },
    /** Seed of the first run; each further run takes the next. */
    seed: { type: 'string', default: '1' },
  },
});

const SIDE = 448;
const PER_JOB = 10;

const folder = mkdtempSync(join(tmpdir(), 'tddfa-chaos-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const pictures = await writeNumberedCrops(join(folder, 'pictures'), Number(values.pictures), SIDE);
const sequential = join(folder, 'sequential.jsonl');
const aligned = await runTddfa(['align', join(folder, 'pictures'), '--jobs', '1', '--jsonl', sequential], {
  isBuilt: true,
});
if (aligned.status !== 0) throw new Error(aligned.stderr);
const expected = readFileSync(sequential, 'utf8');

let failures = 0;
for (let run = 0; run < Number(values.runs); run++) {
  const place = join(folder, `run-${run}`);
  mkdirSync(place);
  const redis = await startRedisServer();
  try {
    const report = await runChaos({
      redis,
      folder: place,
      pictures,
      perJob: PER_JOB,
      killAfterMs: [1000, 4000],
      killAfterJobs: 6,
      seed: Number(values.seed) + run,
      isBuilt: true,
    });
    const isRight = report.collectStatus === 0 && report.collected === expected;
    if (!isRight) failures++;
    const twice = report.linesInParts - pictures.length;
    console.log(
      `run ${run + 1}: ${report.kills} kills, Redis away for ${report.outageMs} ms, ${report.seconds.toFixed(0)} s, ${twice} repeated lines, ${isRight ? 'equal to the sequential run' : `WRONG: ${report.collectMessages}`}`,
    );
  } finally {
    await redis.dispose();
    rmSync(place, { recursive: true, force: true });
  }
}
console.log(`${Number(values.runs) - failures} of ${values.runs} runs equal to the sequential run`);
process.exitCode = failures === 0 ? 0 : 1;
