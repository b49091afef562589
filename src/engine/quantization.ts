import type { WeightFormatError } from '../errors.ts';
import type { Tensor } from './weights/tensor-file.ts';

/** Numbers a network computes with: 32-bit floats, or bytes where the network's ranges are known. */
export type Precision = 'float32' | 'int8';

export const PRECISIONS: readonly Precision[] = ['float32', 'int8'];

/** Largest byte of a quantised value: 7 bits, so that products of bytes add up alike on every processor. */
export const MAX_BYTE = 127;

/**
 * How bytes stand for the numbers of a value: `(byte - zeroPoints[c]) * scales[c]`, c the channel. Bytes are 0 to 127.
 */
export interface Quantization {
  /** `[channels]`; finite and above 0. */
  readonly scales: Float32Array;
  /** `[channels]`; 0 to 127. 0 where the channel has no negative number. */
  readonly zeroPoints: Uint8Array;
  /** `[channels]`: mean numbers, where they are known. What rounding the weights adds to a mean is taken off with them. */
  readonly means?: Float32Array;
}

/** Ranges as a pack stores them, see weights/ranges-file.ts. */
export interface StoredRanges {
  /** Where they are from, for messages. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** What a network must know beside its weights to compute with bytes. */
export interface NetworkRanges {
  /** Precision of an engine whose options name none. */
  readonly precision: Precision;
  /** Reads them: only who computes with bytes needs them. */
  read(): Promise<StoredRanges>;
}

/**
 * The class of errors in ranges. The code for integers is a file of its own in the built package, and must throw the errors of the
 * rest of it.
 */
export type RangesError = typeof WeightFormatError;

/**
 * @param file - where it is from, for messages.
 * @param value - its name, for messages.
 * @throws WeightFormatError for scales that are not finite or not above 0, zero points above 127, and lengths that differ.
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
  // Smaller or larger ones than these would make infinities of quotients.
  const wrong = scales.findIndex((scale) => !(scale >= MIN_SCALE && scale <= MAX_SCALE));
  if (wrong >= 0) fail(`scale ${wrong} makes no sense`, `${MIN_SCALE} to ${MAX_SCALE}`, `${scales[wrong]}`);
  const outside = zeroPoints.findIndex((zero) => zero > MAX_BYTE);
  if (outside >= 0) fail(`zero point ${outside} is out of range`, `0 to ${MAX_BYTE}`, `${zeroPoints[outside]}`);
}

const MIN_SCALE = 1e-12;
const MAX_SCALE = 1e12;
