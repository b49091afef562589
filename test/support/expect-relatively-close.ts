import type { NetworkOutput } from '../../src/engine/engine.ts';
import { expectClose } from './expect-close.ts';

/** Largest allowed difference of an output from tfjs's, as a fraction of the largest output. */
export const MAX_RELATIVE_ERROR = 2e-5;

/** Fails unless outputs have the expected shapes and numbers, within `maxRelative` of the largest expected number. */
export function expectOutputsClose(
  actual: readonly NetworkOutput[],
  expected: readonly NetworkOutput[],
  maxRelative = MAX_RELATIVE_ERROR,
): void {
  const shapes = (outputs: readonly NetworkOutput[]): string => outputs.map(({ shape }) => `[${shape}]`).join(' ');
  if (shapes(actual) !== shapes(expected)) throw new Error(`shapes ${shapes(actual)}, expected ${shapes(expected)}`);
  for (const [i, { data }] of expected.entries()) {
    const largest = data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    expectClose(actual[i]?.data ?? [], data, { maxAbs: maxRelative * Math.max(largest, Number.MIN_VALUE) });
  }
}
