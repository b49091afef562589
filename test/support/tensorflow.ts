import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { repositoryRoot } from './shared.ts';

/** Where `npm run backend:tensorflow` puts what the backend needs. */
const ADDON = join(repositoryRoot, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node');

/** Whether the backend `tensorflow` should work here. */
export const tensorflowIsInstalled = existsSync(ADDON);

/** A `describe` whose tests need the backend `tensorflow`: skipped if it is not installed, failing under `CI=true`. */
export function describeWithTensorflow(name: string, body: () => void): void {
  if (tensorflowIsInstalled) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('has its backend', () => {
        throw new Error(`${ADDON} is missing, and CI must not skip the tests that need it`);
      });
    });
  } else {
    describe.skip(`[tensorflow] ${name}`, body);
  }
}
