import { expect } from '@jest/globals';

/**
 * Fails unless both have the same length, all values are finite and no pair differs by more than `maxAbs`; the message
 * names the worst index and both values.
 * @returns the largest absolute difference, for tests that report it.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { maxAbs }: { maxAbs: number },
): number {
  expect(actual.length).toBe(expected.length);
  let worst = -1;
  let worstIndex = -1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!Number.isFinite(difference)) {
      throw new Error(`index ${i}: actual ${actual[i]}, expected ${expected[i]}: not finite`);
    }
    if (difference > worst) {
      worst = difference;
      worstIndex = i;
    }
  }
  if (worst > maxAbs) {
    throw new Error(
      `index ${worstIndex}: actual ${actual[worstIndex]}, expected ${expected[worstIndex]}; |difference| ${worst} > ${maxAbs}`,
    );
  }
  return worst;
}
