/**
 * The compiler's own view of a network: a list of operations over named values, in an order in which every value is
 * written before it is read. Independent of the size of the input picture; `infer-shapes.ts` adds sizes.
 *
 * A value belongs to one image of a batch: `[height, width, channels]`, `[rows, channels]` or `[channels]`.
 */

import type { Quantization } from '../quantization.ts';

/** An elementwise function. */
export type Activation =
  | { readonly kind: 'linear' }
  /** max(x, 0), and min(that, `maxValue`) if there is one. */
  | { readonly kind: 'relu'; readonly maxValue?: number }
  | { readonly kind: 'leakyRelu'; readonly alpha: number }
  /** `alphas[c]` multiplies negative values of channel c. */
  | { readonly kind: 'prelu'; readonly alphas: Float32Array }
  | { readonly kind: 'sigmoid' }
  /** Keras's: 0.2 x + 0.5, clipped to 0..1. */
  | { readonly kind: 'hardSigmoid' }
  /** x times (`slope` x + 0.5, clipped to 0..1); MobileNet-V3's has a slope of 1/6. */
  | { readonly kind: 'hardSwish'; readonly slope: number }
  | { readonly kind: 'tanh' };

/** Slope of Keras's hard sigmoid. */
export const HARD_SIGMOID_SLOPE = 0.2;

export const LINEAR: Activation = { kind: 'linear' };

/** Rows and columns added around a picture. */
export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export const NO_PADDING: Padding = { top: 0, bottom: 0, left: 0, right: 0 };

/** A window that slides over a picture. `same` is resolved once the picture's size is known. */
export interface Window {
  /** Rows, columns. */
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding | 'same';
}

/** Some of a convolution's output channels, in order, and where they go. */
export interface ConvolutionOutput {
  readonly value: string;
  /** Channels computed. */
  readonly channels: number;
  readonly activation: Activation;
  /** CReLU: the value has twice the channels, `activation(x)` and then `activation(-x)`. */
  readonly mirrored: boolean;
}

/** `activation(conv(input) + bias + residual)`. Dense layers are 1 x 1 convolutions. Padding is zeros. */
export interface Convolution extends Window {
  readonly kind: 'convolution';
  readonly name: string;
  readonly input: string;
  /** A value of the (single) output's shape, added before the activation. */
  readonly residual?: string;
  readonly inputChannels: number;
  /** `[kernel rows, kernel columns, input channels, output channels]`. */
  readonly weights: Float32Array;
  /** `[output channels]`. */
  readonly bias: Float32Array;
  readonly outputs: readonly ConvolutionOutput[];
}

/** One filter per channel: `activation(conv(input) + bias)`. 1 x 1 scales and shifts each channel. Padding is zeros. */
export interface Depthwise extends Window {
  readonly kind: 'depthwise';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly channels: number;
  /** `[kernel rows, kernel columns, channels]`. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly activation: Activation;
}

/** Maximum or mean of a window. */
export interface Pool extends Window {
  readonly kind: 'maxPool' | 'averagePool';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  /** Whether the padding counts as zeros; otherwise the window is clipped at the picture's edge. */
  readonly paddingIsZero: boolean;
}

/** Mean over all rows and columns: `[height, width, channels]` to `[channels]`. */
export interface GlobalAverage {
  readonly kind: 'globalAverage';
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

/** Adds zeros around a picture. */
export interface Pad {
  readonly kind: 'pad';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly padding: Padding;
}

/** An elementwise function on its own. */
export interface Activate {
  readonly kind: 'activate';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly activation: Activation;
}

/** PReLU with a factor per element: `alphas` has the value's shape. */
export interface ElementPrelu {
  readonly kind: 'elementPrelu';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly alphas: Float32Array;
  readonly alphaShape: readonly number[];
}

/** Sum of values with the same shape, then an activation. */
export interface Add {
  readonly kind: 'add';
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly activation: Activation;
}

/**
 * Product of two values, then an activation. The values have the same shape, or the second has one number per channel,
 * `[1, 1, channels]`, and multiplies every pixel.
 */
export interface Multiply {
  readonly kind: 'multiply';
  readonly name: string;
  readonly inputs: readonly [string, string];
  readonly output: string;
  readonly activation: Activation;
}

/** Joins values along one axis. */
export interface Concatenate {
  readonly kind: 'concatenate';
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Counted from the first axis of an image (without the batch), or negative from the last. */
  readonly axis: number;
}

/** The same numbers in the same order under another shape; one entry may be -1. */
export interface Reshape {
  readonly kind: 'reshape';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly targetShape: readonly number[] | 'flat';
}

/** Softmax over the last axis. */
export interface Softmax {
  readonly kind: 'softmax';
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

/** The same value elsewhere in memory: inserted if a value cannot be written directly to where it is needed. */
export interface Copy {
  readonly kind: 'copy';
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

/** Bytes of a value: `clamp(round(x / scale) + zero point)`, see `Quantization`. */
export interface Quantize {
  readonly kind: 'quantize';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly quantization: Quantization;
}

/** The numbers that bytes represent. */
export interface Dequantize {
  readonly kind: 'dequantize';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly quantization: Quantization;
}

/** Some of an integer convolution's output channels. */
export interface IntegerConvolutionOutput extends ConvolutionOutput {
  /**
   * `[channels]`, or twice that if `mirrored`. The sum of products times this is the number in units of the output's
   * scale, or the number itself if the output is floats. The second half is negative.
   */
  readonly multipliers: Float32Array;
  /** `[channels]`, or twice that if `mirrored`; absent if the output is floats. */
  readonly zeroPoints?: Uint8Array;
}

/**
 * A convolution of bytes. Its sums are exact 32-bit integers; then, in float32 and each step rounded,
 * `sum * multiplier`, plus `residual * residualScales`, the activation, plus the zero point, and the nearest byte (ties
 * to even). A float output ends after the activation. Padding is bytes that represent 0.
 */
export interface IntegerConvolution extends Window {
  readonly kind: 'integerConvolution';
  readonly name: string;
  readonly input: string;
  /** Bytes with zero points of 0, in the (single) output's shape. */
  readonly residual?: string;
  /** `[channels]` */
  readonly residualScales?: Float32Array;
  readonly inputChannels: number;
  /**
   * `[kernel rows, kernel columns, input channels, output channels]`, -127 to 127, and chosen so that sums of chunks
   * fit 16 bits.
   */
  readonly weights: Int8Array;
  /** `[output channels]`; what the input's zero points add is subtracted. */
  readonly bias: Int32Array;
  /** Whether the input's pixels must be contiguous, so that a row of taps is one run of bytes. */
  readonly needsDenseInput?: boolean;
  readonly outputs: readonly IntegerConvolutionOutput[];
}

/**
 * A depthwise convolution of bytes to bytes. Sums are exact 16-bit integers, by the choice of the weights; then
 * `(sum * multiplier + 2^14) >> 15` plus the zero point, clipped to the range of bytes.
 */
export interface IntegerDepthwise extends Window {
  readonly kind: 'integerDepthwise';
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly channels: number;
  /** `[kernel rows, kernel columns, channels]` */
  readonly weights: Int8Array;
  /** `[channels]`; what the input's zero points add is subtracted. */
  readonly bias: Int16Array;
  /** `[channels]`, 1 to 32767. */
  readonly multipliers: Int16Array;
  /** `[channels]` */
  readonly zeroPoints: Uint8Array;
  /** Whether results below the zero point are clipped. */
  readonly isRectified: boolean;
}

/** Maximum byte of a window. Zero points are 0, and padding is 0. */
export interface IntegerMaxPool extends Window {
  readonly kind: 'integerMaxPool';
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

export type IntegerOperation = Quantize | Dequantize | IntegerConvolution | IntegerDepthwise | IntegerMaxPool;

export type Operation =
  | IntegerOperation
  | Convolution
  | Depthwise
  | Pool
  | GlobalAverage
  | Pad
  | Activate
  | ElementPrelu
  | Add
  | Multiply
  | Concatenate
  | Reshape
  | Softmax
  | Copy;

/** A whole network. */
export interface Program {
  readonly input: string;
  /** Shape of one input image; null where any size is accepted. */
  readonly inputShape: readonly (number | null)[];
  readonly operations: readonly Operation[];
  readonly outputs: readonly string[];
  /** Values that are bytes, with the bytes that represent 0 in each of their channels. */
  readonly zeroPoints?: ReadonlyMap<string, Uint8Array>;
}

/** Values that an operation reads. */
export function inputsOf(operation: Operation): readonly string[] {
  switch (operation.kind) {
    case 'add':
    case 'multiply':
    case 'concatenate':
      return operation.inputs;
    case 'convolution':
    case 'integerConvolution':
      return operation.residual === undefined ? [operation.input] : [operation.input, operation.residual];
    default:
      return [operation.input];
  }
}

/** Values that an operation writes. */
export function outputsOf(operation: Operation): readonly string[] {
  return 'outputs' in operation ? operation.outputs.map((output) => output.value) : [operation.output];
}

/** Whether a depthwise operation only scales and shifts each channel. */
export function isChannelScale({ kernel, strides, padding }: Depthwise): boolean {
  const isUnpadded = padding === 'same' || padding.top + padding.bottom + padding.left + padding.right === 0;
  return kernel[0] === 1 && kernel[1] === 1 && strides[0] === 1 && strides[1] === 1 && isUnpadded;
}

/** Which operations write and read each value. */
export interface Uses {
  readonly producers: ReadonlyMap<string, Operation>;
  readonly consumers: ReadonlyMap<string, readonly Operation[]>;
}

export function findUses(program: Program): Uses {
  const producers = new Map<string, Operation>();
  const consumers = new Map<string, Operation[]>();
  for (const operation of program.operations) {
    for (const output of outputsOf(operation)) producers.set(output, operation);
    for (const input of new Set(inputsOf(operation))) {
      const readers = consumers.get(input);
      if (readers) readers.push(operation);
      else consumers.set(input, [operation]);
    }
  }
  return { producers, consumers };
}

/** The operation that alone reads a value; undefined if there is none or the value is an output of the network. */
export function soleConsumer(program: Program, uses: Uses, value: string): Operation | undefined {
  const readers = uses.consumers.get(value) ?? [];
  return readers.length === 1 && !program.outputs.includes(value) ? readers[0] : undefined;
}

/**
 * The program with some operations replaced or (with `null`) dropped; the rest stay in place.
 * The caller must ensure that values are still written before they are read.
 */
export function replaceOperations(program: Program, changes: ReadonlyMap<Operation, Operation | null>): Program {
  if (changes.size === 0) return program;
  const operations: Operation[] = [];
  for (const operation of program.operations) {
    const change = changes.get(operation);
    if (change === undefined) operations.push(operation);
    else if (change !== null) operations.push(change);
  }
  return { ...program, operations };
}

/**
 * Checks a program after a pass of the compiler.
 * @throws if something in it is wrong.
 */
export type ProgramCheck = (program: Program, pass: string) => void;
