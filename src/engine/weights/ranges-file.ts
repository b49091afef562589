/**
 * Stores the ranges of a network's values as tensors, with one byte for each property of a channel:
 *
 *   <value>/scale     float32 [1]            the largest scale of the value's channels
 *   <value>/channels  uint8 [3, channels]    the scale, in sixteenths of an octave below the largest; the zero point; the byte
 *                                            nearest to the channel's mean
 *
 * A scale is rounded up to the next step, at most 4.4 % larger, so that nothing is clipped. As float32 numbers, the
 * ranges of the open pack took five times the space, compressed.
 */
import {
  checkQuantization,
  MAX_BYTE,
  type Quantization,
  type RangesError,
  type StoredRanges,
} from '../quantization.ts';
import type { Tensor } from './tensor-file.ts';

const SCALE = '/scale';
const CHANNELS = '/channels';
/** Rows of `CHANNELS`. */
const ROWS = 3;

/** 2^(-code / 16). Square roots are the same to the last bit on every machine; powers need not be. */
const FACTORS = new Float64Array(256);
const SIXTEENTH = Math.sqrt(Math.sqrt(Math.sqrt(Math.sqrt(0.5))));
for (let code = 0, factor = 1; code < FACTORS.length; code++, factor *= SIXTEENTH) FACTORS[code] = factor;

/**
 * @throws WeightFormatError for a scale that is 0 or not finite, a zero point or a mean above 127, lengths that differ,
 *   or a missing or unknown tensor.
 */
export function decodeRanges({ file, tensors }: StoredRanges, RangesError: RangesError): Map<string, Quantization> {
  const ranges = new Map<string, Quantization>();
  for (const [name, { shape, data }] of tensors) {
    const fail = (reason: string, expected: string, actual: string): never => {
      throw new RangesError(file, reason, { tensor: name, expected, actual });
    };
    if (name.endsWith(CHANNELS) && tensors.has(`${name.slice(0, -CHANNELS.length)}${SCALE}`)) continue;
    if (!name.endsWith(SCALE)) fail('is no range', `a name that ends in ${SCALE}`, `'${name}'`);
    const value = name.slice(0, -SCALE.length);
    if (!(data instanceof Float32Array) || shape.length !== 1 || data.length !== 1) {
      return fail('has the wrong form', 'float32 [1]', `[${shape.join(', ')}]`);
    }
    const channels = tensors.get(`${value}${CHANNELS}`);
    if (!(channels?.data instanceof Uint8Array) || channels.shape.length !== 2 || channels.shape[0] !== ROWS) {
      const found = channels ? `[${channels.shape.join(', ')}]` : 'nothing';
      return fail('lacks its channels', `uint8 [${ROWS}, channels] '${value}${CHANNELS}'`, found);
    }
    const count = channels.shape[1];
    const [codes, zeroPoints, bytes] = [0, 1, 2].map((row) => channels.data.slice(row * count, (row + 1) * count));
    const scales = Float32Array.from(codes, (code) => data[0] * FACTORS[code]);
    const quantization = {
      scales,
      zeroPoints: Uint8Array.from(zeroPoints),
      means: scales.map((scale, c) => (bytes[c] - zeroPoints[c]) * scale),
    };
    checkQuantization(file, value, quantization, RangesError);
    const outside = bytes.findIndex((byte) => byte > MAX_BYTE);
    if (outside >= 0) fail(`mean ${outside} is out of range`, `0 to ${MAX_BYTE}`, `${bytes[outside]}`);
    ranges.set(value, quantization);
  }
  if (ranges.size === 0) throw new RangesError(file, 'holds no ranges');
  return ranges;
}

/** The tensors that `decodeRanges` reads. Unknown means are stored as 0. */
export function encodeRanges(ranges: ReadonlyMap<string, Quantization>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [value, { scales, zeroPoints, means }] of ranges) {
    const largest = scales.reduce((most, scale) => Math.max(most, scale), 0);
    const channels = new Uint8Array(ROWS * scales.length);
    for (const [c, scale] of scales.entries()) {
      const code = FACTORS.findLastIndex((factor) => Math.fround(largest * factor) >= scale);
      const steps = (means?.[c] ?? 0) / (largest * FACTORS[code]);
      channels[c] = code;
      channels[scales.length + c] = zeroPoints[c];
      channels[2 * scales.length + c] = Math.max(0, Math.min(MAX_BYTE, Math.round(steps) + zeroPoints[c]));
    }
    tensors.set(`${value}${SCALE}`, { shape: [1], data: Float32Array.of(largest) });
    tensors.set(`${value}${CHANNELS}`, { shape: [ROWS, scales.length], data: channels });
  }
  return tensors;
}
