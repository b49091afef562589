/** Work that is interrupted at some of its steps, in a process of its own; `npm run faults -- --only interrupted` takes all of them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { hasFfmpeg } from '../../development/has-ffmpeg.ts';
import { buildPackage } from '../support/build-package.ts';
import { repositoryRoot, sharedPath } from '../support/shared.ts';

/** Kinds of work in development/interrupted-works.ts: two need what a machine may not have. */
const WORKS = 15 + [hasFfmpeg(), existsSync(sharedPath('upstream'))].filter((isThere) => isThere).length;

beforeAll(() => buildPackage(), 240_000);

test('interrupted work ends with its result or with the reason, and leaves nothing', () => {
  const args = ['--import', 'tsx', 'scripts/faults.ts', '--only', 'interrupted', '--interruptions', '2'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: repositoryRoot,
    env: { ...process.env, NODE_OPTIONS: '' },
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toEqual(
    lines.map(() =>
      expect.stringMatching(
        /^interrupted: .*: [12] of \d+ steps interrupted: [0-2] results, [0-2] aborted with the reason$/,
      ),
    ),
  );
  expect(lines).toHaveLength(WORKS);
});
