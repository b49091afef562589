import { spawnSync } from 'node:child_process';
import { describe, test } from '@jest/globals';

// moreutils has another program of this name.
const isThere = spawnSync('parallel', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('GNU parallel') === true;

/** A `describe` whose tests need GNU parallel: skipped if it is missing, failing under `CI=true`. */
export function describeWithParallel(name: string, body: () => void): void {
  if (isThere) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('has GNU parallel', () => {
        throw new Error('GNU parallel is missing, and CI must not skip the tests that need it');
      });
    });
  } else {
    describe.skip(`[parallel] ${name}`, body);
  }
}
