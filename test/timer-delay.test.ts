import { describe, expect, test } from '@jest/globals';
import { createFaceAlignerPool, httpWeights, readVideo, writeVideo } from '../src/node.ts';
import { timerDelay } from '../src/timer-delay.ts';

describe('timerDelay', () => {
  test.each([
    [0, 1],
    [0.2, 1],
    [30_000, 30_000],
    [1500.5, 1501],
    [2 ** 31 - 1, 2 ** 31 - 1],
    [2 ** 31, 2 ** 31 - 1],
    [1e300, 2 ** 31 - 1],
    [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
  ])('of %d ms is %d', (ms, delay) => {
    expect(timerDelay(ms)).toBe(delay);
  });

  test('is what a timer takes as it is', () => {
    const timers = [timerDelay(2 ** 40), timerDelay(0.5)].map((ms) => AbortSignal.timeout(ms));
    expect(timers.map(({ aborted }) => aborted)).toEqual([false, false]);
  });
});

test.each([Number.NaN, -1])('a time of %d is refused', async (ms) => {
  const calls: readonly [string, () => unknown][] = [
    ['idleTimeoutMs', () => readVideo('film.mp4', { idleTimeoutMs: ms })],
    ['idleTimeoutMs', async () => writeVideo('film.mp4', { frameRate: 25, idleTimeoutMs: ms })],
    ['startTimeoutMs', () => createFaceAlignerPool({ size: 1, startTimeoutMs: ms })],
    ['fileTimeoutMs', async () => httpWeights('http://localhost/', { fileTimeoutMs: ms })],
  ];
  for (const [name, call] of calls) {
    await expect(call()).rejects.toThrow(new RangeError(`${name}: expected a number of at least 0, got ${ms}`));
  }
});
