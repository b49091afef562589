import { describe, expect, test } from '@jest/globals';
import { CENTRED, MEAN_SUBTRACTED, toNetworkInput } from '../../../src/engine/image/network-input.ts';
import { noise } from '../../support/noise.ts';

describe('toNetworkInput', () => {
  const image = { data: Uint8Array.of(1, 2, 3, 250, 0, 128, 255, 9), width: 2, height: 1 };

  test('swaps to BGR and normalises, exactly', () => {
    expect([...toNetworkInput(image, MEAN_SUBTRACTED)]).toEqual([
      3 - 104,
      2 - 117,
      1 - 123,
      255 - 104,
      128 - 117,
      -123,
    ]);
    expect([...toNetworkInput(image, CENTRED)]).toEqual([3, 2, 1, 255, 128, 0].map((byte) => (byte - 127.5) / 128));
  });

  test('reads RGB as it reads RGBA', () => {
    const rgb = { data: Uint8Array.of(1, 2, 3, 0, 128, 255), width: 2, height: 1 };
    expect(toNetworkInput(rgb, CENTRED)).toEqual(toNetworkInput(image, CENTRED));
  });

  test('writes one image of a batch and nothing else', () => {
    const second = noise(2, 1, 4, 1);
    const batch = new Float32Array(18).fill(7);
    expect(toNetworkInput(image, CENTRED, batch, 0)).toBe(batch);
    expect(toNetworkInput(second, CENTRED, batch, 6)).toBe(batch);
    expect(batch).toEqual(
      Float32Array.of(...toNetworkInput(image, CENTRED), ...toNetworkInput(second, CENTRED), 7, 7, 7, 7, 7, 7),
    );
  });

  test('refuses a dst without room', () => {
    expect(() => toNetworkInput(image, CENTRED, new Float32Array(6), 1)).toThrow(
      new RangeError('dst: expected room for 2 x 1 x 3 numbers at offset 1, got 6 numbers in all'),
    );
    expect(() => toNetworkInput(image, CENTRED, new Float32Array(12), -1)).toThrow(RangeError);
    expect(() => toNetworkInput({ ...image, height: 2 }, CENTRED)).toThrow('image: expected 2 x 2 pixels');
  });
});
