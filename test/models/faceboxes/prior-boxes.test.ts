import { describe, expect, test } from '@jest/globals';
import { ANCHORS_PER_CELL } from '../../../src/models/faceboxes/constants.ts';
import { priorBoxes } from '../../../src/models/faceboxes/prior-boxes.ts';
import { expectClose } from '../../support/expect-close.ts';

const MAX_ERROR = 1e-6;

describe('priorBoxes', () => {
  test.each([
    [1080, 720, 16680],
    [1080, 607, 13781],
    [640, 480, 6400],
    [512, 512, 5456],
    [413, 551, 4997],
    [1080, 484, 11596],
    [217, 163, 898],
    [1, 1, 23],
  ])('%i x %i px have %i', (width, height, count) => {
    expect(priorBoxes(width, height).length).toBe(4 * count);
  });

  test('a cell of the first map has 21, densest where they are smallest', () => {
    expect(ANCHORS_PER_CELL).toEqual([21, 1, 1]);
    const [width, height] = [413, 551];
    // The cell in row 2, column 3 of 13.
    const expected: number[] = [];
    const [left, top] = [3 * 32, 2 * 32];
    for (const y of [0, 8, 16, 24]) for (const x of [0, 8, 16, 24]) expected.push(left + x, top + y, 32, 32);
    for (const y of [0, 16]) for (const x of [0, 16]) expected.push(left + x, top + y, 64, 64);
    expected.push(left + 16, top + 16, 128, 128);
    const first = (2 * 13 + 3) * 21 * 4;
    const actual = priorBoxes(width, height).subarray(first, first + 21 * 4);
    expectClose(
      actual,
      expected.map((value, i) => value / (i % 2 === 0 ? width : height)),
      { maxAbs: MAX_ERROR },
    );
  });

  test('the coarser maps follow, one prior to a cell', () => {
    const [width, height] = [413, 551];
    const priors = priorBoxes(width, height);
    const expected: number[] = [];
    for (const [step, size] of [
      [64, 256],
      [128, 512],
    ] as const) {
      for (let y = step / 2; y - step / 2 < height; y += step) {
        for (let x = step / 2; x - step / 2 < width; x += step) {
          expected.push(x / width, y / height, size / width, size / height);
        }
      }
    }
    expectClose(priors.subarray(priors.length - expected.length), expected, { maxAbs: MAX_ERROR });
  });

  test.each([
    [0, 10],
    [10, -1],
    [1.5, 10],
    [Number.NaN, 10],
  ])('refuses %d x %d', (width, height) => {
    expect(() => priorBoxes(width, height)).toThrow(RangeError);
  });
});
