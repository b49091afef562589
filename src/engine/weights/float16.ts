/** IEEE 754 half precision, as storage: 11 significant bits, largest value 65504, smallest step 2^-24. */

// Shifting a half's exponent and fraction into a float's place leaves its value 2^112 too small: the biases differ.
const BIAS_FACTOR = 2 ** 112;
const HALF_EXPONENT = 0x7c00;

/** Float32 values of half bits; exact, including subnormals, infinities and NaN. */
export function widenFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  const valueBits = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i];
    const magnitude = (half & 0x7fff) << 13;
    const sign = (half & 0x8000) << 16;
    if ((half & HALF_EXPONENT) === HALF_EXPONENT) {
      valueBits[i] = sign | 0x7f800000 | magnitude;
    } else {
      valueBits[i] = magnitude;
      values[i] = values[i] * BIAS_FACTOR;
      valueBits[i] = valueBits[i] | sign;
    }
  }
  return values;
}

/** Nearest half bits of float32 values, ties to even; beyond 65519.99… they become infinity. */
export function narrowToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  const one = new Float32Array(1);
  const oneBits = new Uint32Array(one.buffer);
  for (let i = 0; i < values.length; i++) {
    one[0] = values[i];
    const full = oneBits[0];
    const sign = (full >>> 16) & 0x8000;
    const magnitude = full & 0x7fffffff;
    let half: number;
    if (magnitude > 0x7f800000) {
      half = 0x7e00;
    } else if (magnitude >= 0x477ff000) {
      half = HALF_EXPONENT;
    } else if (magnitude < 0x38800000) {
      // Below 2^-14: a multiple of 2^-24. Adding 0.5 makes the float adder round to that step, ties to even.
      oneBits[0] = magnitude;
      one[0] = one[0] + 0.5;
      half = oneBits[0] - 0x3f000000;
    } else {
      const odd = (magnitude >>> 13) & 1;
      half = (magnitude - 0x38000000 + 0xfff + odd) >>> 13;
    }
    bits[i] = sign | half;
  }
  return bits;
}
