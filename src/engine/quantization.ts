import type { WeightFormatError } from '../errors.ts';
import type { Tensor } from './weights/tensor-file.ts';

/** Numbers a network computes with: 32-bit floats, or 8-bit integers if the network's ranges are known. */
export type Precision = 'float32' | 'int8';

export const PRECISIONS: readonly Precision[] = ['float32', 'int8'];

/** Maximum byte of a quantised value: 7 bits, so that sums of products are the same on every processor. */
export const MAX_BYTE = 127;

/**
 * How bytes represent the numbers of a value: `(byte - zeroPoints[c]) * scales[c]` in channel c. Bytes are 0 to 127.
 */
export interface Quantization {
  /** `[channels]`; finite and above 0. */
  readonly scales: Float32Array;
  /** `[channels]`; 0 to 127. 0 if the channel has no negative numbers. */
  readonly zeroPoints: Uint8Array;
  /** `[channels]`: means, if known. They serve to subtract what rounding the weights adds to a mean. */
  readonly means?: Float32Array;
}

/** Ranges as a pack stores them, see weights/ranges-file.ts. */
export interface StoredRanges {
  /** Where they come from, for messages. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** What int8 inference needs in addition to a network's weights. */
export interface NetworkRanges {
  /** Precision used if the engine's options name none. */
  readonly precision: Precision;
  /** Reads them; only int8 inference needs them. */
  read(): Promise<StoredRanges>;
}

/**
 * The class of errors in ranges. The integer code is a separate file in the built package and must throw the same error
 * class as the rest of it.
 */
export type RangesError = typeof WeightFormatError;

/**
 * @param file - where it comes from, for messages.
 * @param value - its name, for messages.
 * @throws WeightFormatError for scales that are out of range or not finite, zero points above 127, and lengths that
 *   differ.
 */
export function checkQuantization(
  file: string,
  value: string,
  { scales, zeroPoints, means }: Quantization,
  RangesError: RangesError,
): void {
  const fail = (reason: string, expected: string, actual: string): never => {
    throw new RangesError(file, reason, { tensor: value, expected, actual });
  };
  if (scales.length === 0 || scales.length !== zeroPoints.length) {
    fail('have the wrong length', `${scales.length || 'some'} zero points`, `${zeroPoints.length}`);
  }
  if (means !== undefined && means.length !== scales.length) {
    fail('have the wrong length', `${scales.length} means`, `${means.length}`);
  }
  // Scales beyond these would turn quotients into infinities.
  const wrong = scales.findIndex((scale) => !(scale >= MIN_SCALE && scale <= MAX_SCALE));
  if (wrong >= 0) fail(`scale ${wrong} makes no sense`, `${MIN_SCALE} to ${MAX_SCALE}`, `${scales[wrong]}`);
  const outside = zeroPoints.findIndex((zero) => zero > MAX_BYTE);
  if (outside >= 0) fail(`zero point ${outside} is out of range`, `0 to ${MAX_BYTE}`, `${zeroPoints[outside]}`);
}

const MIN_SCALE = 1e-12;
const MAX_SCALE = 1e12;
