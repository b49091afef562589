/** What only a process of its own shows of many pictures: kills, signals, pipes, memory, other programs. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { encodePng } from '../../src/image-files/write-image.ts';
import { buildPackage } from '../support/build-package.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { describeWithParallel } from '../support/parallel.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
const MAIN = join(repositoryRoot, 'dist', 'src', 'cli', 'main.js');
/** Enough for twenty kills. */
const LISTED = 3000;
const KILLS = 20;
const ENDED_MS = 200_000;

let aligning: string[] = [];

beforeAll(async () => {
  await buildPackage();
  const pack = await formulaPack();
  const box = { xMin: 8, yMin: 6, xMax: 30, yMax: 28 };
  writeFileSync(at('boxes.json'), JSON.stringify([box]));
  writeFileSync(at('photo.png'), encodePng({ width: 40, height: 36, data: new Uint8Array(40 * 36 * 3).fill(120) }));
  writeFileSync(at('bad.png'), 'text');
  mkdirSync(at('links'));
  const paths = Array.from({ length: LISTED }, (_, i) => at(`links/${i}.png`));
  for (const [i, path] of paths.entries()) linkSync(at(i % 10 === 3 ? 'bad.png' : 'photo.png'), path);
  writeFileSync(at('list'), `${paths.join('\n')}\n`);
  aligning = [MAIN, 'align', '--weights', pack, '--boxes', at('boxes.json')];
});

function start(...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [...aligning, ...args], { stdio: 'pipe' });
}

/** Runs to the end. */
function run(args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...aligning, ...args], {
    encoding: 'utf8',
    timeout: ENDED_MS,
    maxBuffer: 2 ** 28,
    ...(input !== undefined && { input }),
  });
  return { status, stdout, stderr };
}

function ended(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  return new Promise((resolve) => child.on('close', resolve));
}

/** Waits until a file has at least one line. */
async function waitForLines(path: string): Promise<void> {
  while (!existsSync(path) || !readFileSync(path, 'utf8').includes('\n')) await delay(5);
}

describe('tddfa align as a process', () => {
  test('killed at twenty moments, it leaves whole lines, and continues to the same set', async () => {
    expect(run(['--files-from', at('list'), '--jsonl', at('whole.jsonl'), '--jobs', '1']).status).toBe(1);
    const whole = readFileSync(at('whole.jsonl'), 'utf8');
    const lines = whole.split('\n');
    expect(lines).toHaveLength(1 + LISTED + 1);

    const file = at('killed.jsonl');
    const args = ['--files-from', at('list'), '--jsonl', file, '--resume'];
    let killed = 0;
    while (killed < KILLS) {
      const child = start(...args, '--jobs', killed % 2 === 0 ? '1' : '2');
      child.stderr.resume();
      const end = ended(child);
      // Some before the first line of this run, most among the lines.
      if (killed % 4 > 0) await Promise.race([waitForLines(file), end]);
      await delay(Math.random() * 400);
      if (child.kill('SIGKILL')) killed++;
      await end;
      const kept = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [''];
      // All but a torn last line, which is part of the right one.
      expect(kept.slice(0, -1)).toEqual(lines.slice(0, kept.length - 1));
      expect(lines[kept.length - 1]?.startsWith(kept.at(-1) ?? '')).toBe(true);
      // All were done before all kills: once more.
      if (kept.length === lines.length) rmSync(file);
    }
    run([...args, '--jobs', '1']);
    expect(readFileSync(file, 'utf8')).toBe(whole);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it at once with 130 and whole lines', async (signal) => {
    const [file, coco] = [at(`${signal}.jsonl`), at(`${signal}.json`)];
    const child = start('--files-from', at('list'), '--jsonl', file, '--coco', coco, '--jobs', '2');
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const end = ended(child);
    await waitForLines(file);
    await delay(50);
    child.kill(signal);
    expect(await end).toBe(130);
    expect(stderr).toMatch(/\d+ pictures? in .*\ntddfa: interrupted\n$/);
    expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(true);
    const left = execFileSync('ls', [at('.')], { encoding: 'utf8' }).split('\n');
    expect(left.filter((name) => name.includes(signal))).toEqual([`${signal}.jsonl`]);
  });

  test('a signal ends it while it waits for the next line', async () => {
    const child = start('--files-from', '-', '--jsonl', '-', '--jobs', '2');
    child.stderr.resume();
    const end = ended(child);
    child.stdin.write(`${at('photo.png')}\n`);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGTERM');
    expect(await end).toBe(130);
  });

  test.each(['1', '2'])(
    'in a pipe each line has its answer before the next one is asked, with %s jobs',
    async (jobs) => {
      const child = start('--files-from', '-', '--jsonl', '-', '--jobs', jobs);
      child.stderr.resume();
      const end = ended(child);
      const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      for (const name of ['photo.png', 'bad.png', 'nowhere.png', 'photo.png', 'links/5.png']) {
        child.stdin.write(`${at(name)}\n`);
        const answer = JSON.parse((await answers.next()).value ?? '');
        expect([answer.path, 'faces' in answer]).toEqual([at(name), !/bad|nowhere/.test(name)]);
      }
      child.stdin.end();
      expect(await end).toBe(1);
      expect((await answers.next()).done).toBe(true);
    },
  );

  test('too many errors end it while it waits for the next line', async () => {
    const child = start('--files-from', '-', '--jsonl', '-', '--jobs', '2', '--max-errors', '0');
    const end = ended(child);
    child.stdin.on('error', () => {});
    child.stderr.resume();
    child.stdin.write(`${at('bad.png')}\n`);
    expect(await end).toBe(1);
  });

  test('a reader that has seen enough ends it, without a word', () => {
    const script = '"$@" | head -n 3';
    const args = ['-c', script, 'sh', process.execPath, ...aligning, '--files-from', at('list'), '--jsonl', '-'];
    const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: ENDED_MS });
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(stderr.split('\n').filter((line) => line !== '' && !line.includes('this is not a picture'))).toEqual([]);
  });

  test('a full disk behind stdout is one line', () => {
    const args = ['-c', 'exec "$@" > /dev/full', 'sh', process.execPath, ...aligning, at('photo.png'), '--jsonl', '-'];
    const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: ENDED_MS });
    expect(status).toBe(1);
    expect(stderr).toContain('tddfa: cannot write to stdout: the disk is full\n');
  });

  test('memory stays what it is after the first thousand', async () => {
    // Four times the list; `npm run bench:folder` does a hundred thousand.
    writeFileSync(at('long-list'), readFileSync(at('list'), 'utf8').repeat(4));
    writeFileSync(at('none.json'), '[]');
    const child = start(
      '--files-from',
      at('long-list'),
      '--csv',
      at('long.csv'),
      '--boxes',
      at('none.json'),
      '--jobs',
      '2',
    );
    child.stderr.resume();
    const residentMegabytes: number[] = [];
    let isOver = false;
    const end = ended(child).then(() => {
      isOver = true;
    });
    await waitForLines(at('long.csv'));
    while (!isOver) {
      const size = /VmRSS:\s+(\d+)/.exec(statusOf(child))?.[1];
      const count = readFileSync(at('long.csv'), 'utf8').split('\n').length;
      if (size !== undefined && count > 1000) residentMegabytes.push(Number(size) / 1024);
      await delay(100);
    }
    await end;
    expect(residentMegabytes.length).toBeGreaterThan(8);
    const quarter = Math.floor(residentMegabytes.length / 4);
    const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
    const [early, late] = [residentMegabytes.slice(0, quarter), residentMegabytes.slice(-quarter)].map(median);
    expect((late ?? Number.NaN) / (early ?? Number.NaN)).toBeLessThan(1.2);
  });
});

describeWithParallel('tddfa align under GNU parallel', () => {
  test('spreads a list over processes, as docs/scale.md shows', () => {
    const doc = readFileSync(join(repositoryRoot, 'docs/scale.md'), 'utf8');
    const command = /^(parallel [^\n]*)$/m.exec(doc)?.[1] ?? '';
    const paths = readFileSync(at('list'), 'utf8').split('\n').slice(0, 400);
    writeFileSync(at('short-list'), `${paths.join('\n')}\n`);
    const tddfa = `'${[process.execPath, ...aligning].join("' '")}'`;
    const script = command
      .replace('tddfa align', tddfa)
      .replace('photos.txt', at('short-list'))
      .replace('faces.jsonl', at('parallel.jsonl'));
    expect(script).not.toBe(command);
    spawnSync('sh', ['-c', script], { timeout: ENDED_MS });
    const answered = readFileSync(at('parallel.jsonl'), 'utf8').trimEnd().split('\n');
    expect(answered.map((line) => JSON.parse(line).path).sort()).toEqual(paths.sort());
  });
});

function statusOf({ pid }: ChildProcessWithoutNullStreams): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
