import { describe, expect, test } from '@jest/globals';
import type { Quantization } from '../../../src/engine/quantization.ts';
import { decodeRanges, encodeRanges } from '../../../src/engine/weights/ranges-file.ts';
import type { Tensor } from '../../../src/engine/weights/tensor-file.ts';
import { WeightFormatError } from '../../../src/errors.ts';
import fc from '../../support/property.ts';

const RANGES: ReadonlyMap<string, Quantization> = new Map([
  ['first', { scales: Float32Array.of(0.5, 2, 0.3, 1e-9), zeroPoints: Uint8Array.of(0, 127, 5, 0) }],
  [
    'a/second',
    {
      scales: Float32Array.of(1e-3, 7e-4),
      zeroPoints: Uint8Array.of(64, 0),
      means: Float32Array.of(-0.0203, 0.07),
    },
  ],
]);
/** From one scale that can be stored to the next. */
const STEP = 2 ** (1 / 16);
/** From the largest scale to the least. */
const SPREAD = STEP ** 255;

describe('ranges as tensors', () => {
  test('are near what was encoded: scales not below it, means at the nearest byte', () => {
    const decoded = decodeRanges({ file: 'r.json', tensors: encodeRanges(RANGES) }, WeightFormatError);
    expect([...decoded.keys()]).toEqual([...RANGES.keys()]);
    for (const [value, { scales, zeroPoints, means }] of RANGES) {
      const stored = decoded.get(value);
      expect(stored?.zeroPoints).toEqual(zeroPoints);
      const largest = Math.max(...scales);
      for (const [c, scale] of scales.entries()) {
        const own = Number(stored?.scales[c]);
        expect(own).toBeGreaterThanOrEqual(scale);
        expect(own).toBeLessThan(Math.max(scale, largest / SPREAD) * STEP * 1.000001);
        const mean = (means?.[c] ?? 0) / own;
        expect(Math.abs(Number(stored?.means?.[c]) / own - mean)).toBeLessThanOrEqual(0.5);
      }
      expect(stored?.scales[scales.indexOf(largest)]).toBe(largest);
    }
  });

  test('are the same after a second time', () => {
    const scales = Float32Array.from({ length: 300 }, (_, i) => 0.37 * 2 ** (-i / 29));
    const means = scales.map((scale, i) => (i % 90) * scale);
    const ranges = new Map([['a', { scales, zeroPoints: new Uint8Array(300), means }]]);
    const once = encodeRanges(ranges);
    expect(encodeRanges(decodeRanges({ file: 'r.json', tensors: once }, WeightFormatError))).toEqual(once);
  });

  const floats = (...numbers: number[]): Tensor => ({ shape: [numbers.length], data: Float32Array.from(numbers) });
  const bytes = (...numbers: number[]): Tensor => ({
    shape: [3, numbers.length / 3],
    data: Uint8Array.from(numbers),
  });

  test.each<[string, Record<string, Tensor>, RegExp]>([
    ['nothing', {}, /r\.json: holds no ranges/],
    ['a scale of 0', { 'a/scale': floats(0), 'a/channels': bytes(0, 0, 0) }, /tensor 'a': scale 0 .*got 0\)/],
    ['a scale below 0', { 'a/scale': floats(-1), 'a/channels': bytes(0, 0, 0) }, /scale 0 .*got -1\)/],
    ['a scale of NaN', { 'a/scale': floats(Number.NaN), 'a/channels': bytes(0, 0, 0) }, /scale 0 .*got NaN\)/],
    ['a scale of infinity', { 'a/scale': floats(1 / 0), 'a/channels': bytes(0, 0, 0) }, /scale 0/],
    ['a scale that is too small', { 'a/scale': floats(1.1e-12), 'a/channels': bytes(0, 9, 0, 0, 0, 0) }, /scale 1/],
    ['a zero point of 200', { 'a/scale': floats(1), 'a/channels': bytes(0, 200, 0) }, /zero point 0 is out of range/],
    ['a mean of 128', { 'a/scale': floats(1), 'a/channels': bytes(0, 0, 128) }, /mean 0 is out of range .*got 128\)/],
    ['two scales', { 'a/scale': floats(1, 1), 'a/channels': bytes(0, 0, 0) }, /wrong form .*float32 \[1\]/],
    ['no channels at all', { 'a/scale': floats(1), 'a/channels': bytes() }, /wrong length/],
    ['nothing about channels', { 'a/scale': floats(1) }, /lacks its channels .*got nothing\)/],
    ['channels alone', { 'a/channels': bytes(0, 0, 0) }, /is no range/],
    ['channels of floats', { 'a/scale': floats(1), 'a/channels': floats(1, 1, 1) }, /lacks its channels .*got \[3\]\)/],
    [
      'too few rows',
      { 'a/scale': floats(1), 'a/channels': { shape: [2, 1], data: new Uint8Array(2) } },
      /lacks its channels .*got \[2, 1\]\)/,
    ],
    ['a scale of bytes', { 'a/scale': bytes(1, 1, 1), 'a/channels': bytes(1, 1, 1) }, /wrong form/],
    ['something else', { weights: floats(1) }, /'weights': is no range/],
  ])('refuses %s', (_, tensors, message) => {
    const decode = () => decodeRanges({ file: 'r.json', tensors: new Map(Object.entries(tensors)) }, WeightFormatError);
    expect(decode).toThrow(WeightFormatError);
    expect(decode).toThrow(message);
  });

  test('whatever the tensors are, gives checked ranges or a WeightFormatError', () => {
    const names = fc.constantFrom('a/scale', 'a/channels', 'b/scale', 'b/channels', 'c');
    const numbers = fc.array(fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), fc.float()), { maxLength: 3 });
    const tensor = fc.tuple(numbers, fc.boolean(), fc.boolean()).map(
      ([values, isFloat, isFlat]): Tensor => ({
        shape: isFlat ? [values.length] : values.length === 3 ? [3, 1] : [1, values.length],
        data: isFloat ? Float32Array.from(values) : Uint8Array.from(values),
      }),
    );
    const property = fc.property(fc.array(fc.tuple(names, tensor), { maxLength: 6 }), (entries) => {
      let ranges: ReadonlyMap<string, Quantization>;
      try {
        ranges = decodeRanges({ file: 'r.json', tensors: new Map(entries) }, WeightFormatError);
      } catch (error) {
        expect(error).toBeInstanceOf(WeightFormatError);
        return;
      }
      for (const { scales, zeroPoints } of ranges.values()) {
        expect(scales.length).toBe(zeroPoints.length);
        expect([...scales].every((scale) => Number.isFinite(scale) && scale > 0)).toBe(true);
        expect([...zeroPoints].every((zero) => zero <= 127)).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });
});
