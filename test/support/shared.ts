import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { sharedRoot } from '../../development/paths.ts';

export { repositoryRoot, sharedPath, sharedRoot } from '../../development/paths.ts';

const sharedIsThere = existsSync(join(sharedRoot, 'reference'));

/** A `describe` whose tests need the reference data: skipped in a public clone, failing under `CI=true` without it. */
export function describeWithShared(name: string, body: () => void): void {
  if (sharedIsThere) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('has its reference data', () => {
        throw new Error(`${sharedRoot} is missing, and CI must not skip the tests that need it`);
      });
    });
  } else {
    describe.skip(`[reference data] ${name}`, body);
  }
}
