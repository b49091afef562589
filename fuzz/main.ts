/**
 * `npm run fuzz -- [--minutes 1] [--inputs N] [--only png,gif] [--first 0] [--keep FOLDER] [--hang 60] [--jobs 1]`: feeds every
 * parser damaged files, for a time that starts with its first input or for a number of inputs, each in its own process, which is
 * killed if it hangs. An input is identified by its target's name and a number, so that
 * `--only TARGET --first NUMBER --inputs 1` reproduces a failure; `--keep` saves failing inputs as files, to be put in
 * `fuzz/corpus/TARGET/`. Exits with 1 if anything failed.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import pMap from 'p-map';
import { TARGETS } from './targets.ts';

const WATCH_MS = 100;

interface Failure {
  readonly seed: number;
  readonly failure: string;
  /** In base64; missing if it ended the process. */
  readonly input?: string;
}

const values = new Command('fuzz')
  .description(
    'Feeds every parser damaged files, each parser in its own process, which is killed if it hangs. Exits with 1 if a parser fails.',
  )
  .option('--minutes <count>', 'time per parser (default: 1, or no limit with --inputs)')
  .option('--inputs <count>', 'inputs per parser')
  .option('--only <names>', 'comma-separated parts of parser names', '')
  .option('--first <number>', 'number of the first input: the same number makes the same input', '0')
  .option('--keep <folder>', 'save failing inputs here, to be put in fuzz/corpus/')
  .option('--failures <count>', 'stop feeding a parser after this many failures', '10')
  .option('--hang <seconds>', 'an input that takes longer counts as hung', '60')
  .option('--jobs <count>', 'parsers to feed at the same time', '1')
  .addHelpText('after', () => `\nParsers: ${[...TARGETS.keys()].join(', ')}`)
  .parse()
  .opts<{
    minutes?: string;
    inputs?: string;
    only: string;
    first: string;
    keep?: string;
    failures: string;
    hang: string;
    jobs: string;
  }>();
/** After this many failures, a target is abandoned. */
const mostFailures = Number(values.failures);
/** After this long on one input, or without a first one, it hangs; a machine may be busy with other things. */
const hangMs = Number(values.hang) * 1000;
const jobs = Number(values.jobs);
const limitMs = Number(values.minutes ?? (values.inputs === undefined ? 1 : Number.POSITIVE_INFINITY)) * 60_000;
const firstOfAll = Number(values.first);
const last = values.inputs === undefined ? Number.POSITIVE_INFINITY : firstOfAll + Number(values.inputs) - 1;
const wanted = values.only.split(',');
const isWanted = (name: string): boolean =>
  wanted.some((part) => (TARGETS.has(part) ? name === part : name.includes(part)));
const names = [...TARGETS.keys()].filter(isWanted);
if (!(limitMs > 0 && hangMs > 0 && jobs >= 1) || !(last >= firstOfAll) || names.length === 0) {
  const all = [...TARGETS.keys()].join(', ');
  console.error(
    `fuzz: --minutes, --inputs, --hang and --jobs take a number above 0; --only takes parts of the names ${all}`,
  );
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'tddfa-fuzz-'));
const child = fileURLToPath(new URL('child.ts', import.meta.url));
const loader = import.meta.resolve('tsx');

function keep(name: string, { seed, input }: Failure): void {
  if (values.keep === undefined || input === undefined) return;
  mkdirSync(join(values.keep, name), { recursive: true });
  writeFileSync(join(values.keep, name, `${seed}.bin`), Buffer.from(input, 'base64'));
}

async function fuzz(name: string): Promise<number> {
  const progressFile = join(folder, name);
  // Loading a parser does not count as feeding it.
  let end = Number.POSITIVE_INFINITY;
  const failures: Failure[] = [];
  let first = firstOfAll;
  let inputs = 0;
  /** Number of the current input; undefined before the first. */
  const at = (): number | undefined => {
    const text = readFileSync(progressFile, { encoding: 'utf8', flag: 'a+' });
    return text === '' ? undefined : Number(text);
  };
  while (Date.now() < end && first <= last && failures.length < mostFailures) {
    const lastArgument = Number.isFinite(last) ? String(last) : '';
    const running = spawn(
      process.execPath,
      ['--import', loader, child, name, String(first), lastArgument, progressFile],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let [printed, stderr] = ['', ''];
    running.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (printed + text).split('\n');
      printed = lines.pop() ?? '';
      for (const line of lines) {
        const failure = JSON.parse(line) as Failure;
        failures.push(failure);
        keep(name, failure);
      }
    });
    running.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    let ending: number | null | undefined;
    running.on('close', (code) => {
      ending = code;
    });
    let [seed, since, hung] = [at(), Date.now(), false];
    while (ending === undefined && !hung && Date.now() < end && failures.length < mostFailures) {
      await sleep(WATCH_MS);
      const now = at();
      if (now !== seed) [seed, since] = [now, Date.now()];
      if (now !== undefined && end === Number.POSITIVE_INFINITY) end = Date.now() + limitMs;
      hung = Date.now() - since > hangMs;
    }
    if (hung) failures.push({ seed: at() ?? first, failure: `hung for ${values.hang} s` });
    else if (ending !== undefined && ending !== 0) {
      failures.push({ seed: at() ?? first, failure: `exited: ${stderr.trim().slice(0, 300)}` });
    }
    running.kill('SIGKILL');
    const lastFed = at() ?? first - 1;
    inputs += lastFed - first + 1;
    first = lastFed + 1;
  }
  const count = `${inputs} inputs from ${firstOfAll}, ${failures.length} failures`;
  console.log(`${name.padEnd(16)} ${count}`);
  for (const { seed, failure } of failures.slice(0, mostFailures))
    console.log(`  ${JSON.stringify({ seed, failure })}`);
  return failures.length;
}

const failureCounts = await pMap(names, fuzz, { concurrency: jobs });
rmSync(folder, { recursive: true, force: true });
process.exitCode = failureCounts.some((count) => count > 0) ? 1 : 0;
