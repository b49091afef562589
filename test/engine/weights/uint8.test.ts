import { describe, expect, test } from '@jest/globals';
import { narrowToUint8, widenUint8 } from '../../../src/engine/weights/uint8.ts';
import fc from '../../support/property.ts';
import { formulaValues } from '../../support/small-pack.ts';

/** Of float32. */
const SMALLEST = 2 ** -149;

describe('widenUint8', () => {
  test('is byte * scale + min, rounded once', () => {
    const values = widenUint8(Uint8Array.of(0, 1, 7, 255), { min: -0.3, scale: 0.1 });
    expect(values).toEqual(Float32Array.of(-0.3, 0.1 - 0.3, 7 * 0.1 - 0.3, 255 * 0.1 - 0.3));
  });
});

describe('narrowToUint8', () => {
  test('gives back what bytes can say', () => {
    const values = Float32Array.from({ length: 256 }, (_, byte) => (byte - 100) / 64);
    const narrow = narrowToUint8(values, 1);
    expect(narrow).toEqual({ bytes: Uint8Array.from({ length: 256 }, (_, i) => i), min: -100 / 64, scale: 1 / 64 });
    expect(widenUint8(narrow.bytes, narrow)).toEqual(values);
  });

  test.each([
    ['zeros', [0, 0, 0]],
    ['nothing', []],
    ['positive values', [3, 5, 0.01]],
    ['negative values', [-3, -5, -0.01]],
    ['values that float32 hardly holds', [1e-44, -3e-45, 0]],
  ])('takes %s, and has a byte for 0', (_, list) => {
    const { bytes, min, scale } = narrowToUint8(Float32Array.from(list), 1);
    expect(scale).toBeGreaterThan(0);
    const meaning = widenUint8(
      Uint8Array.from({ length: 256 }, (__, i) => i),
      { min, scale },
    );
    expect([...meaning].some((value) => Object.is(value, 0))).toBe(true);
    list.forEach((value, i) => {
      expect(Math.abs((meaning[bytes[i] ?? 0] ?? Number.NaN) - value)).toBeLessThanOrEqual(scale + SMALLEST);
    });
  });

  test('rounds to a neighbour, so that errors of a channel cancel out', () => {
    const channels = 7;
    // Not symmetric, so that rounding to the nearest alone would leave a sum.
    const values = formulaValues(channels * 400, 3).map((value, i) => value ** 3 * (1 + (i % channels)));
    const { bytes, min, scale } = narrowToUint8(values, channels);
    const errors = Array.from(bytes, (byte, i) => (byte * scale + min - values[i]) / scale);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(1);
    const moved = errors.filter((error) => Math.abs(error) > 0.5 + 1e-9);
    expect(moved.length).toBeLessThan(errors.length / 20);
    let unbalanced = 0;
    for (let channel = 0; channel < channels; channel++) {
      const own = errors.filter((__, i) => i % channels === channel);
      expect(Math.abs(own.reduce((sum, error) => sum + error, 0))).toBeLessThanOrEqual(0.5 + 1e-9);
      // What rounding to the nearest would have left.
      const nearest = own.map((error) => error - Math.round(error));
      if (Math.abs(nearest.reduce((sum, error) => sum + error, 0)) > 0.5) unbalanced++;
    }
    expect(unbalanced).toBeGreaterThan(0);
  });

  test('is off by less than a step, whatever the values', () => {
    const float = fc.float({ noNaN: true, min: -65000, max: 65000 });
    fc.assert(
      fc.property(fc.array(float, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (list, channels) => {
        const values = Float32Array.from(list);
        const { bytes, min, scale } = narrowToUint8(values, channels);
        const worst = widenUint8(bytes, { min, scale }).reduce(
          (most, value, i) => Math.max(most, Math.abs(value - values[i])),
          0,
        );
        // Half a float32 step of the largest value on top.
        expect(worst).toBeLessThanOrEqual(scale * (1 + 1e-4));
      }),
    );
  });
});
