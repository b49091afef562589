import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { replaceFolder, restoreFolder, withFolder } from '../../src/files/replace-folder.ts';
import { temporaryName } from '../../src/files/temporary-name.ts';
import { withLock } from '../../src/files/with-lock.ts';
import { writeFileAtomically } from '../../src/files/write-file-atomically.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();

/** The number of a process that has ended. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

/** Counts in a file under the lock, as several processes do at once. */
const COUNTER = `
import { readFile, writeFile } from 'node:fs/promises';
import { withLock } from '${join(repositoryRoot, 'src/files/with-lock.ts')}';
const [lock, file] = process.argv.slice(-2);
for (let i = 0; i < 20; i++) {
  await withLock(lock, async () => {
    const count = Number(await readFile(file, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 1));
    await writeFile(file, String(count + 1));
  });
}
`;

describe('withLock', () => {
  test('lets one process in at a time, and leaves nothing', async () => {
    await mkdir(temporary('counted'));
    const file = temporary('counted/count');
    await writeFile(file, '0');
    const script = temporary('counter.mts');
    await writeFile(script, COUNTER);
    const statuses = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, ['--import', 'tsx', script, temporary('counted/lock'), file], {
          cwd: repositoryRoot,
          stdio: 'inherit',
          env: { ...process.env, NODE_OPTIONS: '' },
        });
        return new Promise((resolve) => child.on('close', resolve));
      }),
    );
    expect(statuses).toEqual([0, 0, 0, 0]);
    expect(await readFile(file, 'utf8')).toBe('80');
    expect(await readdir(temporary('counted'))).toEqual(['count']);
  });

  test('waits with a word, and no longer than its signal says', async () => {
    const lock = temporary('waited');
    const waits: string[] = [];
    await withLock(lock, async () => {
      const waiting = withLock(lock, async () => 'never', {
        signal: AbortSignal.timeout(300),
        onWait: () => waits.push('waits'),
      });
      await expect(waiting).rejects.toThrow(expect.objectContaining({ name: 'TimeoutError' }));
    });
    expect(waits).toEqual(['waits']);
    await expect(withLock(lock, async () => 'free again')).resolves.toBe('free again');
  });

  test.each([
    ['whose holder is gone', () => ({ host: hostname(), processId: deadProcess() }), 0],
    ['of another machine that nobody has touched for long', () => ({ host: 'elsewhere', processId: 1 }), 11 * 60],
  ])('takes a lock over %s', async (_what, holder, ageSeconds) => {
    const lock = temporary('abandoned');
    await writeFile(lock, JSON.stringify(holder()));
    const time = Date.now() / 1000 - ageSeconds;
    await utimes(lock, time, time);
    await expect(withLock(lock, async () => 'taken')).resolves.toBe('taken');
  });

  test('what goes wrong in it is thrown, and the lock is free', async () => {
    const lock = temporary('thrown');
    await expect(withLock(lock, () => Promise.reject(new Error('wrong')))).rejects.toThrow('wrong');
    await withLock(lock, async () => {});
  });
});

describe('what killed processes leave', () => {
  test('files of a process that is gone are removed by the next writer, others stay', async () => {
    await mkdir(temporary('left'));
    const own = temporaryName(temporary('left/a.json'));
    const dead = own.replace(`-${process.pid}-`, `-${deadProcess()}-`);
    const elsewhere = dead.replace(/tddfa-[0-9a-f]{8}/, 'tddfa-00000000');
    const film = temporaryName(temporary('left/a.mp4'), { keepsEnding: true }).replace(
      `-${process.pid}-`,
      `-${deadProcess()}-`,
    );
    const stranger = temporary('left/mine.tmp');
    for (const file of [own, dead, elsewhere, film, stranger]) await writeFile(file, 'x');
    await writeFileAtomically(temporary('left/b.json'), '{}');
    expect((await readdir(temporary('left'))).sort()).toEqual(
      [own, elsewhere, stranger, temporary('left/b.json')]
        .map((path) => path.slice(temporary('left').length + 1))
        .sort(),
    );
  });

  test('a folder that was moved away is put back, and half of a new one goes', async () => {
    const target = temporary('moved/pack');
    await mkdir(temporary('moved/.pack.old-12345678'), { recursive: true });
    await writeFile(temporary('moved/.pack.old-12345678/old'), 'x');
    await mkdir(temporary('moved/.pack.new-12345678'));
    await mkdir(temporary('moved/.other.new-12345678'));
    await restoreFolder(target);
    expect((await readdir(temporary('moved'))).sort()).toEqual(['.other.new-12345678', 'pack']);
    expect(await readdir(target)).toEqual(['old']);
  });

  test('a folder that is there is kept, and what lies beside it goes', async () => {
    const target = temporary('there/pack');
    await withFolder(target, () => replaceFolder(target, (folder) => writeFile(join(folder, 'a'), '1')));
    for (const name of ['.pack.old-00000000', '.pack.new-00000000']) await mkdir(temporary('there', name));
    await withFolder(target, () => replaceFolder(target, (folder) => writeFile(join(folder, 'b'), '2')));
    expect(await readdir(temporary('there'))).toEqual(['pack']);
    expect(await readdir(target)).toEqual(['b']);
  });
});
