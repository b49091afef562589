import { expect, test } from '@jest/globals';
import { columnMajorStrides, gatherStrided } from '../../converters/strides.ts';

test('axes of one element change nothing, wherever and however many they are', () => {
  const data = Float32Array.from({ length: 24 }, (_, i) => i);
  const plain = gatherStrided(data, [2, 3, 4], columnMajorStrides([2, 3, 4]));
  expect([...plain.slice(0, 5)]).toEqual([0, 6, 12, 18, 2]);
  const ones = new Array<number>(20_000).fill(1);
  const shape = [...ones, 2, ...ones, 3, 4, ...ones];
  expect(gatherStrided(data, shape, columnMajorStrides(shape))).toEqual(plain);
});
