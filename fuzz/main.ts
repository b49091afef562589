/**
 * `npm run fuzz -- [--minutes 1] [--only png] [--first 0]`: feeds every parser with damaged files for a time each, in a process
 * of its own that is ended where it hangs. An input is its target's name and a number, so that a failure can be had again
 * with `--only TARGET --first NUMBER`. Exits with 1 if anything failed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TARGETS } from './targets.ts';

/** After so long on one input it hangs; a machine may be busy. */
const HANG_MS = 20_000;
const WATCH_MS = 250;
/** Failures of one target that are printed. */
const MOST_FAILURES = 10;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    first: { type: 'string', default: '0' },
  },
});
const limitMs = Number(values.minutes) * 60_000;
const names = [...TARGETS.keys()].filter((name) => name.includes(values.only));
if (!(limitMs > 0) || names.length === 0) {
  console.error(`fuzz: --minutes takes a number above 0, --only a part of ${[...TARGETS.keys()].join(', ')}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'tddfa-fuzz-'));
const child = fileURLToPath(new URL('child.ts', import.meta.url));

async function fuzz(name: string): Promise<number> {
  const progressFile = join(folder, name);
  const end = Date.now() + limitMs;
  const failures: string[] = [];
  let first = Number(values.first);
  let inputs = 0;
  const at = (): number => Number(readFileSync(progressFile, { encoding: 'utf8', flag: 'a+' }) || first);
  while (Date.now() < end && failures.length < MOST_FAILURES) {
    const running = spawn(process.execPath, ['--import', 'tsx', child, name, String(first), progressFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    running.stdout.setEncoding('utf8').on('data', (text: string) => failures.push(...text.trim().split('\n')));
    running.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    let isOver = false;
    running.on('exit', () => {
      isOver = true;
    });
    let [seed, since, hung] = [first, Date.now(), false];
    while (!isOver && !hung && Date.now() < end && failures.length < MOST_FAILURES) {
      await sleep(WATCH_MS);
      const now = at();
      if (now !== seed) [seed, since] = [now, Date.now()];
      hung = Date.now() - since > HANG_MS;
    }
    if (hung) failures.push(JSON.stringify({ seed, failure: `hung for ${HANG_MS / 1000} s` }));
    else if (isOver) failures.push(JSON.stringify({ seed: at(), failure: `ended: ${stderr.trim().slice(0, 300)}` }));
    running.kill('SIGKILL');
    inputs += at() - first + 1;
    first = at() + 1;
  }
  console.log(`${name.padEnd(20)} ${inputs} inputs from ${values.first}, ${failures.length} failures`);
  for (const failure of failures.slice(0, MOST_FAILURES)) console.log(`  ${failure}`);
  return failures.length;
}

let failureCount = 0;
for (const name of names) failureCount += await fuzz(name);
rmSync(folder, { recursive: true, force: true });
process.exitCode = failureCount > 0 ? 1 : 0;
