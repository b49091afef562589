/** Every command that prints, in processes of their own whose stdout is a full disk or a reader that has gone. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { buildPackage } from '../support/build-package.ts';
import { writeCommandInputs } from '../support/command-inputs.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { describeWithRedis, useRedis } from '../support/redis.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
const MAIN = join(repositoryRoot, 'dist', 'src', 'cli', 'main.js');
let pack = '';
const FULL = '"$@" > /dev/full';
const GONE = '"$@" | true; exit $PIPESTATUS';

/** Runs a command whose stdout is what the line of shell makes of it. */
function run(line: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn('bash', ['-c', line, 'bash', process.execPath, MAIN, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', TDDFA_WEIGHTS: pack, TDDFA_CACHE: at('cache'), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise<{ status: number | null; stderr: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, stderr }));
  });
}

beforeAll(async () => {
  await buildPackage();
  pack = await formulaPack();
  writeCommandInputs(at);
}, 240_000);

async function expectBoth(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<void> {
  const [full, gone] = await Promise.all([run(FULL, args, env), run(GONE, args, env)]);
  expect(full).toEqual({
    status: 1,
    stderr: expect.stringMatching(/(^|\n)tddfa: cannot write to stdout: the disk is full\n$/),
  });
  expect(gone).toEqual({ status: 0, stderr: expect.not.stringContaining('tddfa:') });
}

describe('a full disk behind stdout is one line, a reader that has gone is none', () => {
  const aligning = () => ['align', at('photos/a.png'), '--boxes', at('boxes.json')];
  test.each<[string, () => readonly string[]]>([
    ['--help', () => ['--help']],
    ['--version', () => ['--version']],
    ['align', aligning],
    ['align --json -', () => [...aligning(), '--json', '-']],
    ['align --jsonl -', () => [...aligning(), '--jsonl', '-']],
    ['align --csv -', () => [...aligning(), '--csv', '-']],
    ['video --json -', () => ['video', at('photos'), '--json', '-']],
    ['weights list', () => ['weights', 'list']],
    ['weights verify', () => ['weights', 'verify', pack]],
    ['info --json', () => ['info', '--json']],
    ['eval', () => ['eval', '--data', at('photos'), '--annotations', at('marks.json')]],
  ])('%s', async (_name, args) => {
    await expectBoth(args());
  });
});

test('files are written where their reader has gone', async () => {
  const [bench, json] = [at('bench.csv'), at('faces.json')];
  const benchmarks = ['bench', '--only', 'mb025 120x120', '--backends', 'compiled', '--csv', bench];
  const aligned = ['align', at('photos/a.png'), '--boxes', at('boxes.json'), '--json', json];
  // stderr that is full, too.
  const all = await Promise.all([
    run(GONE, benchmarks),
    run(GONE, aligned),
    run('"$@" > /dev/null 2> /dev/full', [...aligned, '--csv', at('silent.csv')]),
  ]);
  expect(all).toEqual(all.map(() => ({ status: 0, stderr: expect.not.stringContaining('tddfa:') })));
  for (const file of [bench, json, at('silent.csv')]) expect([file, existsSync(file)]).toEqual([file, true]);
});

describeWithRedis('the commands of the queue', () => {
  const redis = useRedis();
  test('say so, too', async () => {
    const env = { TDDFA_REDIS: redis().url };
    const both = (command: string, ...args: readonly string[]) => expectBoth(['queue', command, ...args], env);
    const parts = ['--parts', at('parts')];
    await both('add', at('photos'));
    const missing = await run(GONE, ['queue', 'collect', ...parts, '--missing', at('missing.txt')], env);
    expect([missing.status, existsSync(at('missing.txt'))]).toEqual([1, true]);
    await both('work', '--until-empty', '--jobs', '1', ...parts);
    await both('status');
    await both('collect', ...parts);
    await both('retry');
    await both('drain');
  });
});
