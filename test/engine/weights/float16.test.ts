import { describe, expect, test } from '@jest/globals';
import { narrowToFloat16, widenFloat16 } from '../../../src/engine/weights/float16.ts';
import fc from '../../support/property.ts';

const LARGEST = 65504;
const SMALLEST_STEP = 2 ** -24;

/** The value of half bits by IEEE 754's own formula, in float64. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * SMALLEST_STEP : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe('widenFloat16', () => {
  test('gives all 65536 values', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = widenFloat16(bits);
    for (let i = 0; i < bits.length; i++) {
      if (!Object.is(values[i], halfValue(i))) throw new Error(`${i}: ${values[i]}, not ${halfValue(i)}`);
    }
  });
});

describe('narrowToFloat16', () => {
  test('gives back all 65536 values', () => {
    const values = widenFloat16(Uint16Array.from({ length: 65536 }, (_, i) => i));
    const bits = narrowToFloat16(values);
    for (let i = 0; i < bits.length; i++) {
      const isNan = (i & 0x7fff) > 0x7c00;
      if (isNan ? (bits[i] & 0x7fff) <= 0x7c00 : bits[i] !== i) throw new Error(`${i}: ${bits[i]}`);
    }
  });

  test('takes the nearer neighbour, and the even one half way', () => {
    // Every pair of neighbours: half way between, and a step of float32 to either side.
    for (let low = 0; low < 0x7c00 - 1; low++) {
      const middle = (halfValue(low) + halfValue(low + 1)) / 2;
      const step = middle * 2 ** -20;
      const [below, at, above] = narrowToFloat16(Float32Array.of(middle - step, middle, middle + step));
      const even = low % 2 === 0 ? low : low + 1;
      if (below !== low || at !== even || above !== low + 1) throw new Error(`${low}: ${below} ${at} ${above}`);
    }
  });

  test('overflows to infinity from half a step beyond the largest value on', () => {
    const bits = narrowToFloat16(Float32Array.of(LARGEST, 65519.99, 65520, 1e30, -65520));
    expect([...bits]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00]);
  });

  test('is off by at most half a step', () => {
    fc.assert(
      fc.property(fc.float({ min: -LARGEST, max: LARGEST, noNaN: true }), (value) => {
        const [back = Number.NaN] = widenFloat16(narrowToFloat16(Float32Array.of(value)));
        expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, SMALLEST_STEP / 2));
      }),
    );
  });
});
