/**
 * Rounds each weight to the nearest byte. If the means of the input are known, so is what this adds to the mean of a
 * channel, and the bias subtracts it. Tried: rounding so that a channel's errors add up to zero; with that bias the
 * mean did not need it, and sorting the errors took seconds for large kernels.
 */
import { MAX_BYTE, type Quantization } from '../../quantization.ts';
import type { Convolution, Depthwise } from '../program.ts';

/**
 * Relaxed products of this many consecutive input numbers of a run are added up in 16 bits: four products per sum,
 * those of the numbers 0, 1, 4, 5 and of 2, 3, 6, 7. A run is all channels of a tap, or a row of taps if these are
 * dense (`needsDenseInput`).
 */
export const CHUNK = 8;
/** Limit for the weights of one sign in such a sum: 127 times that fits 16 bits. */
export const MAX_CHUNK_WEIGHTS = Math.floor(32767 / MAX_BYTE);
/** The part of that which rounding four weights may add. */
const CHUNK_ROUNDING = 2;

/** Biases stay below this, so that 32-bit sums of up to 65536 products of bytes do not overflow. */
const MAX_BIAS = 2 ** 30;

/** More taps of a depthwise convolution would leave too few bits per weight in its 16-bit sums. */
export const MAX_DEPTHWISE_TAPS = 9;
/**
 * Limit for 16-bit sums before rounding. Rounding adds at most half a step to a weight, which is multiplied by up to
 * 127 and, if the zero point is 127, by as much again; and as much for all taps to the bias.
 */
const MAX_DEPTHWISE_SUM = 32767 - (2 * MAX_DEPTHWISE_TAPS + 2) * MAX_BYTE;
const MAX_MULTIPLIER = 32767;
const MULTIPLIER_ONE = 32768;

/**
 * Weights and biases of an integer convolution; a sum times its channel's entry in `scales` is a number.
 * @param run - input numbers of a run, see `CHUNK`.
 */
export function quantizeConvolution(
  { weights, bias, inputChannels }: Convolution,
  input: Quantization,
  run: number,
): { readonly weights: Int8Array; readonly bias: Int32Array; readonly scales: Float32Array } {
  const { scales: inputScales, zeroPoints } = input;
  const means = meansInSteps(input);
  const total = bias.length;
  const count = weights.length / total;
  const integers = new Int8Array(weights.length);
  const biases = new Int32Array(total);
  const scales = new Float32Array(total);
  const exact = new Float64Array(count);
  for (let channel = 0; channel < total; channel++) {
    let largest = 0;
    for (let i = 0; i < count; i++) {
      exact[i] = weights[i * total + channel] * inputScales[i % inputChannels];
      const size = exact[i] < 0 ? -exact[i] : exact[i];
      if (size > largest) largest = size;
    }
    const chunk = largestChunk(exact, run) / (MAX_CHUNK_WEIGHTS - CHUNK_ROUNDING);
    const scale = safeScale(Math.max(largest / MAX_BYTE, chunk, Math.abs(bias[channel]) / MAX_BIAS));
    const rounded = round(exact, scale);
    let shift = 0;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const k = i % inputChannels;
      integers[i * total + channel] = rounded[i];
      sum -= rounded[i] * zeroPoints[k];
      shift += (rounded[i] - exact[i] / scale) * means[k];
    }
    biases[channel] = sum + Math.round(bias[channel] / scale - shift);
    scales[channel] = scale;
  }
  return { weights: integers, bias: biases, scales };
}

/**
 * Weights, biases and multipliers of an integer depthwise convolution, and what its bytes mean: the wanted scales,
 * except for what rounding the multipliers changes.
 */
export function quantizeDepthwise(
  { weights, bias, channels }: Depthwise,
  input: Quantization,
  wanted: Quantization,
): {
  readonly weights: Int8Array;
  readonly bias: Int16Array;
  readonly multipliers: Int16Array;
  readonly quantization: Quantization;
} {
  const means = meansInSteps(input);
  const taps = weights.length / channels;
  const integers = new Int8Array(weights.length);
  const biases = new Int16Array(channels);
  const multipliers = new Int16Array(channels);
  const scales = new Float32Array(channels);
  const exact = new Float64Array(taps);
  for (let channel = 0; channel < channels; channel++) {
    const zero = input.zeroPoints[channel];
    let size = 0;
    let largest = 0;
    for (let tap = 0; tap < taps; tap++) {
      exact[tap] = weights[tap * channels + channel] * input.scales[channel];
      size += Math.abs(exact[tap]);
      largest = Math.max(largest, Math.abs(exact[tap]));
    }
    // The bias subtracts what zero points add: at most `zero` times the weights.
    const most = size * (MAX_BYTE + zero) + Math.abs(bias[channel]);
    const scale = safeScale(Math.max(largest / MAX_BYTE, most / MAX_DEPTHWISE_SUM));
    const rounded = round(exact, scale);
    let shift = 0;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      integers[tap * channels + channel] = rounded[tap];
      sum -= rounded[tap] * zero;
      shift += (rounded[tap] - exact[tap] / scale) * means[channel];
    }
    biases[channel] = sum + Math.round(bias[channel] / scale - shift);
    const multiplier = Math.ceil((MULTIPLIER_ONE * scale) / wanted.scales[channel]);
    multipliers[channel] = Math.min(Math.max(multiplier, 1), MAX_MULTIPLIER);
    scales[channel] = (scale * MULTIPLIER_ONE) / multipliers[channel];
  }
  const quantization = { ...wanted, scales };
  return { weights: integers, bias: biases, multipliers, quantization };
}

/**
 * The largest total of the weights of one sign in a 16-bit sum.
 * @param weights - of one output channel.
 */
export function largestChunk(weights: ArrayLike<number>, run: number): number {
  let largest = 0;
  for (let first = 0; first < weights.length; first += run) {
    const end = Math.min(first + run, weights.length);
    for (let chunk = first; chunk < end; chunk += CHUNK) {
      for (const half of [chunk, chunk + 2]) {
        let above = 0;
        let below = 0;
        for (const i of [half, half + 1, half + 4, half + 5]) {
          if (i >= end) break;
          if (weights[i] > 0) above += weights[i];
          else below -= weights[i];
        }
        largest = Math.max(largest, above, below);
      }
    }
  }
  return largest;
}

/** Means in steps of a byte from the zero point; 0 if unknown. */
function meansInSteps({ scales, means }: Quantization): Float64Array {
  return Float64Array.from(scales, (scale, c) => {
    const steps = (means?.[c] ?? 0) / scale;
    return Math.max(-MAX_BYTE, Math.min(MAX_BYTE, steps));
  });
}

/** Channels without weights can have any scale. */
function safeScale(scale: number): number {
  return Math.fround(scale) > 0 ? Math.fround(scale) : 1;
}

/** `values / scale` as integers of -127 to 127. */
function round(values: Float64Array, scale: number): Int32Array {
  const rounded = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const exact = values[i] / scale;
    // Rounds to nearest by adding a half and truncating; the typed array does the latter.
    const nearest = exact < 0 ? exact - 0.5 : exact + 0.5;
    rounded[i] = Math.max(-MAX_BYTE, Math.min(MAX_BYTE, nearest));
  }
  return rounded;
}
