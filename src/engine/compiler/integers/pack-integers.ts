/**
 * Packs the data that byte operations read. Weights of a convolution lie in panels of 8 output channels; a step of the
 * inner loop takes 4 consecutive input numbers, and 4 bytes for each channel of the panel. Relaxed dot products use
 * these as they are; for products of 16-bit pairs the bytes of the first and third number of 4 channels come first,
 * then those of the second and fourth, because the even and odd bytes of the input are split.
 */
import { MAX_BYTE } from '../../quantization.ts';
import type { Optimization } from '../optimize.ts';
import {
  type IntegerPanelGroup,
  PANEL,
  type PackedByteChannels,
  type PackedIntegerConvolution,
  type PackedIntegers,
  type Packer,
  QUAD,
  roundUp,
  splitIntoPanels,
} from '../pack-weights.ts';
import type { Dequantize, IntegerConvolution, IntegerDepthwise, Program, Quantize } from '../program.ts';
import { MAX_ROUNDED } from './byte-vectors.ts';

/** Input numbers per step. */
export const STEP = 4;
/** Channels that 16-bit kernels process at a time. */
export const OCTET = 8;

/** @param relaxed - whether the kernels use relaxed dot products of bytes. */
export function packIntegers(
  packer: Packer,
  { operations, zeroPoints }: Program,
  enabled: ReadonlySet<Optimization>,
  relaxed: boolean,
): PackedIntegers {
  const convolutions = new Map<string, PackedIntegerConvolution>();
  const channels = new Map<string, PackedByteChannels>();
  const borders = new Map<string, number>();
  const width = enabled.has('register-tiles') ? PANEL : QUAD;
  for (const operation of operations) {
    switch (operation.kind) {
      case 'integerConvolution':
        convolutions.set(operation.name, packConvolution(packer, operation, width, relaxed));
        break;
      case 'integerDepthwise':
        channels.set(operation.name, packDepthwise(packer, operation));
        break;
      case 'quantize':
      case 'dequantize':
        channels.set(operation.name, packScales(packer, operation));
        break;
    }
  }
  for (const [value, zeros] of zeroPoints ?? []) {
    if (zeros.some((zero) => zero !== zeros[0])) borders.set(value, addBytes(packer, zeros, roundUp(zeros.length, 16)));
  }
  return { convolutions, channels, borders };
}

/** Steps of a convolution's inner loop, over all taps. */
export function stepsOf({ kernel, inputChannels }: IntegerConvolution, rowsOfTaps: boolean): number {
  return (
    kernel[0] *
    (rowsOfTaps ? Math.ceil((kernel[1] * inputChannels) / STEP) : kernel[1] * Math.ceil(inputChannels / STEP))
  );
}

/** For each number of each step, its row of the weights, or -1 where a step extends past the end. */
function sourcesOf({ kernel, inputChannels }: IntegerConvolution, rowsOfTaps: boolean): Int32Array {
  const runs = rowsOfTaps ? kernel[0] : kernel[0] * kernel[1];
  const length = rowsOfTaps ? kernel[1] * inputChannels : inputChannels;
  const padded = roundUp(length, STEP);
  const sources = new Int32Array(runs * padded).fill(-1);
  for (let run = 0; run < runs; run++) for (let i = 0; i < length; i++) sources[run * padded + i] = run * length + i;
  return sources;
}

function packConvolution(
  packer: Packer,
  convolution: IntegerConvolution,
  width: number,
  relaxed: boolean,
): PackedIntegerConvolution {
  const { weights, bias, outputs, residualScales, needsDenseInput } = convolution;
  const rowsOfTaps = needsDenseInput === true;
  const sources = sourcesOf(convolution, rowsOfTaps);
  const groups: IntegerPanelGroup[] = [];
  let segment = 0;
  for (const [output, { channels, activation, multipliers, zeroPoints, mirrored }] of outputs.entries()) {
    for (const { first, panel, count, present } of splitIntoPanels(channels, width)) {
      const packed = new Int8Array(count * sources.length * panel);
      for (let p = 0; p < count; p++) {
        const part = packed.subarray(p * sources.length * panel, (p + 1) * sources.length * panel);
        packPanel(
          part,
          { weights, total: bias.length, from: segment + first + p * panel, present, panel },
          sources,
          relaxed,
        );
      }
      const last = first + count * present;
      const length = count * panel;
      const zeros = Float32Array.from(zeroPoints ?? []);
      const addZeros = (from: number, to: number): number => {
        const part = zeros.subarray(from, to);
        return part.some((zero) => zero !== 0) ? packer.add(part, length) : 0;
      };
      groups.push({
        output,
        width: panel,
        count,
        firstChannel: first,
        channels: present,
        weights: addBytes(packer, packed),
        bias: addIntegers(packer, bias.subarray(segment + first, segment + last), length),
        alphas: activation.kind === 'prelu' ? packer.add(activation.alphas.subarray(first, last), length) : 0,
        multipliers: packer.add(multipliers.subarray(first, last), length),
        zeroPoints: addZeros(first, last),
        isBounded: largestResult(convolution, segment, output, [first, last]) <= MAX_ROUNDED,
        residualScales: residualScales ? packer.add(residualScales.subarray(first, last), length) : 0,
        mirroredMultipliers: mirrored ? packer.add(multipliers.subarray(channels + first, channels + last), length) : 0,
        mirroredZeroPoints: mirrored ? addZeros(channels + first, channels + last) : 0,
      });
    }
    segment += channels;
  }
  return { groups, rowsOfTaps };
}

/**
 * Upper bound, for any input, of the results of some channels of an output, in steps of a byte.
 * @param segment - of the weights' channels, the output's first.
 */
function largestResult(
  { weights, bias, outputs, residualScales }: IntegerConvolution,
  segment: number,
  output: number,
  [first, last]: readonly [number, number],
): number {
  const { activation, channels, multipliers, mirrored } = outputs[output];
  if (activation.kind !== 'linear' && activation.kind !== 'relu') return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let channel = first; channel < last; channel++) {
    let sum = Math.abs(bias[segment + channel]);
    for (let i = segment + channel; i < weights.length; i += bias.length) sum += MAX_BYTE * Math.abs(weights[i]);
    const factor = Math.max(Math.abs(multipliers[channel]), mirrored ? Math.abs(multipliers[channels + channel]) : 0);
    // The zero point, and what rounding each step adds, are far less than a byte's range.
    largest = Math.max(largest, sum * factor + MAX_BYTE * (2 + (residualScales?.[channel] ?? 0)));
  }
  return largest;
}

/** Order of a step's numbers for products of pairs. */
const PAIRS = [0, 2, 1, 3] as const;

function packPanel(
  packed: Int8Array,
  source: { weights: Int8Array; total: number; from: number; present: number; panel: number },
  sources: Int32Array,
  relaxed: boolean,
): void {
  const { weights, total, from, present, panel } = source;
  for (let step = 0; step < sources.length; step += STEP) {
    for (let channel = 0; channel < present; channel++) {
      const vector = step * panel + (channel - (channel % QUAD)) * STEP;
      const lane = channel % QUAD;
      for (let i = 0; i < STEP; i++) {
        const row = sources[step + i];
        if (row < 0) continue;
        const place = PAIRS[i];
        const to = relaxed ? lane * STEP + i : (place >> 1) * 8 + lane * 2 + (place & 1);
        packed[vector + to] = weights[row * total + from + channel];
      }
    }
  }
}

function packDepthwise(
  packer: Packer,
  { weights, bias, channels, multipliers, zeroPoints }: IntegerDepthwise,
): PackedByteChannels {
  const paddedChannels = roundUp(channels, OCTET);
  const taps = weights.length / channels;
  const padded = new Int8Array(taps * paddedChannels);
  for (let tap = 0; tap < taps; tap++) {
    padded.set(weights.subarray(tap * channels, (tap + 1) * channels), tap * paddedChannels);
  }
  return {
    weights: addBytes(packer, padded),
    paddedChannels,
    bias: addShorts(packer, bias, paddedChannels),
    multipliers: addShorts(packer, multipliers, paddedChannels),
    zeroPoints: zeroPoints.some((zero) => zero !== 0)
      ? addShorts(packer, Int16Array.from(zeroPoints), paddedChannels)
      : 0,
  };
}

/** Factors and zero points as floats, for four channels at a time. */
function packScales(packer: Packer, { kind, quantization }: Quantize | Dequantize): PackedByteChannels {
  const { scales, zeroPoints } = quantization;
  const paddedChannels = roundUp(scales.length, QUAD);
  return {
    weights: 0,
    paddedChannels,
    bias: 0,
    multipliers: packer.add(kind === 'quantize' ? inverseScales(scales) : scales, paddedChannels),
    zeroPoints: packer.add(Float32Array.from(zeroPoints), paddedChannels),
  };
}

/** The factors that `quantize` multiplies by. */
export function inverseScales(scales: Float32Array): Float32Array {
  return scales.map((scale) => 1 / scale);
}

/** Like `Packer.add`, for bytes: the address of a copy, zero-padded to `length` bytes. */
function addBytes(packer: Packer, source: Int8Array | Uint8Array, length = source.length): number {
  const { address, values } = packer.reserve(Math.ceil(length / 4));
  new Uint8Array(values.buffer, values.byteOffset, length).set(source);
  return address;
}

/** The same for 16-bit integers. */
function addShorts(packer: Packer, source: Int16Array, length: number): number {
  const { address, values } = packer.reserve(Math.ceil(length / 2));
  new Int16Array(values.buffer, values.byteOffset, length).set(source);
  return address;
}

/** The same for 32-bit integers. */
function addIntegers(packer: Packer, source: Int32Array, length: number): number {
  const { address, values } = packer.reserve(length);
  new Int32Array(values.buffer, values.byteOffset, length).set(source);
  return address;
}
