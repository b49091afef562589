import { expect, test } from '@jest/globals';
import { roundHalfToEven } from '../../../src/engine/image/round.ts';

test('roundHalfToEven rounds halves to the even neighbour', () => {
  const cases = [0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 0.49, 0.51, -0.51, 7, -7, 1e9 + 0.5];
  expect(cases.map((value) => roundHalfToEven(value) + 0)).toEqual([0, 2, 2, 4, 0, -2, -2, 0, 1, -1, 7, -7, 1e9]);
});
