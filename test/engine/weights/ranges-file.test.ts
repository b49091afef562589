import { describe, expect, test } from '@jest/globals';
import type { Quantization } from '../../../src/engine/quantization.ts';
import { decodeRanges, encodeRanges } from '../../../src/engine/weights/ranges-file.ts';
import type { Tensor } from '../../../src/engine/weights/tensor-file.ts';
import { WeightFormatError } from '../../../src/errors.ts';
import fc from '../../support/property.ts';

const RANGES: ReadonlyMap<string, Quantization> = new Map([
  ['first', { scales: Float32Array.of(0.5, 2), zeroPoints: Uint8Array.of(0, 127) }],
  [
    'a/second',
    {
      scales: Float32Array.of(1e-3),
      zeroPoints: Uint8Array.of(64),
      means: Float32Array.of(-1),
    },
  ],
]);

describe('ranges as tensors', () => {
  test('are what was encoded', () => {
    expect(decodeRanges({ file: 'r.json', tensors: encodeRanges(RANGES) }, WeightFormatError)).toEqual(RANGES);
  });

  const floats = (...numbers: number[]): Tensor => ({ shape: [numbers.length], data: Float32Array.from(numbers) });
  const bytes = (...numbers: number[]): Tensor => ({ shape: [numbers.length], data: Uint8Array.from(numbers) });

  test.each<[string, Record<string, Tensor>, RegExp]>([
    ['nothing', {}, /r\.json: holds no ranges/],
    ['a scale of 0', { 'a/scales': floats(1, 0), 'a/zero_points': bytes(0, 0) }, /tensor 'a': scale 1 .*got 0\)/],
    ['a scale of NaN', { 'a/scales': floats(Number.NaN), 'a/zero_points': bytes(0) }, /scale 0 .*got NaN\)/],
    ['a scale of infinity', { 'a/scales': floats(1 / 0), 'a/zero_points': bytes(0) }, /scale 0/],
    ['a zero point of 200', { 'a/scales': floats(1), 'a/zero_points': bytes(200) }, /zero point 0 is out of range/],
    [
      'lengths that differ',
      { 'a/scales': floats(1, 1), 'a/zero_points': bytes(0) },
      /wrong length .*2 zero points, got 1\)/,
    ],
    ['no scales at all', { 'a/scales': floats(), 'a/zero_points': bytes() }, /wrong length/],
    ['no zero points', { 'a/scales': floats(1) }, /lacks its zero points .*got nothing\)/],
    ['zero points alone', { 'a/zero_points': bytes(1) }, /is no range/],
    [
      'zero points of floats',
      { 'a/scales': floats(1), 'a/zero_points': floats(1) },
      /lacks its zero points .*another form/,
    ],
    ['scales of bytes', { 'a/scales': bytes(1), 'a/zero_points': bytes(1) }, /wrong form/],
    ['means of bytes', { 'a/scales': floats(1), 'a/zero_points': bytes(1), 'a/means': bytes(1) }, /wrong form/],
    ['too many means', { 'a/scales': floats(1), 'a/zero_points': bytes(1), 'a/means': floats(1, 2) }, /wrong length/],
    ['something else', { weights: floats(1) }, /'weights': is no range/],
  ])('refuses %s', (_, tensors, message) => {
    const decode = () => decodeRanges({ file: 'r.json', tensors: new Map(Object.entries(tensors)) }, WeightFormatError);
    expect(decode).toThrow(WeightFormatError);
    expect(decode).toThrow(message);
  });

  test('whatever the tensors are, gives checked ranges or a WeightFormatError', () => {
    const names = fc.constantFrom('a/scales', 'a/zero_points', 'a/means', 'b/scales', 'b/zero_points', 'c');
    const numbers = fc.array(fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), fc.float()), { maxLength: 3 });
    const tensor = fc.tuple(numbers, fc.boolean(), fc.boolean()).map(
      ([values, isFloat, isFlat]): Tensor => ({
        shape: isFlat ? [values.length] : [1, values.length],
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
