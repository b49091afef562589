/**
 * Quantised programs in plain TypeScript, operation by operation and number by number, by the rules stated in `program.ts`:
 * kernels must match them bit for bit. Float operations are limited to those whose result does not depend on summation order.
 */
import { inferShapes, type Shape } from '../../src/engine/compiler/infer-shapes.ts';
import type {
  Activation,
  IntegerConvolution,
  IntegerDepthwise,
  Operation,
  Padding,
  Program,
} from '../../src/engine/compiler/program.ts';
import { inputsOf } from '../../src/engine/compiler/program.ts';

const { fround } = Math;

/** A value of one image: `[height, width, channels]` numbers, or bytes. */
interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly numbers: Float64Array;
}

/** @returns the outputs of one image, in the program's order. */
export function runIntegerProgram(
  program: Program,
  input: Float32Array,
  size: readonly [number, number, number],
): Float32Array[] {
  const { shapes, paddings } = inferShapes(program, size);
  const values = new Map<string, Picture>();
  const make = (value: string): Picture => {
    const [channels = 1, width = 1, height = 1] = [...(shapes.get(value) as Shape)].reverse();
    const picture = { height, width, channels, numbers: new Float64Array(height * width * channels) };
    values.set(value, picture);
    return picture;
  };
  make(program.input).numbers.set(input);
  for (const operation of program.operations) {
    const inputs = inputsOf(operation).map((value) => values.get(value) as Picture);
    const padding = paddings.get(operation) ?? { top: 0, bottom: 0, left: 0, right: 0 };
    const zeros = program.zeroPoints?.get(inputsOf(operation)[0]);
    run(operation, inputs, make, padding, zeros);
  }
  return program.outputs.map((value) => Float32Array.from((values.get(value) as Picture).numbers));
}

function run(
  operation: Operation,
  inputs: readonly Picture[],
  make: (value: string) => Picture,
  padding: Padding,
  zeros: Uint8Array | undefined,
): void {
  const [input] = inputs;
  switch (operation.kind) {
    case 'quantize': {
      const { scales, zeroPoints } = operation.quantization;
      each(make(operation.output), (i, c) =>
        toByte(fround(fround(input.numbers[i] * fround(1 / scales[c])) + zeroPoints[c])),
      );
      return;
    }
    case 'dequantize': {
      const { scales, zeroPoints } = operation.quantization;
      each(make(operation.output), (i, c) => fround((input.numbers[i] - zeroPoints[c]) * scales[c]));
      return;
    }
    case 'integerConvolution':
      convolve(operation, input, inputs[1], make, padding, zeros as Uint8Array);
      return;
    case 'integerDepthwise':
      filter(operation, input, make(operation.output), padding, zeros as Uint8Array);
      return;
    case 'integerMaxPool':
    case 'maxPool': {
      const { kernel, strides } = operation;
      const outside = operation.kind === 'maxPool' && !operation.paddingIsZero ? Number.NEGATIVE_INFINITY : 0;
      const output = make(operation.output);
      eachPixel(output, (y, x, c) => {
        let largest = Number.NEGATIVE_INFINITY;
        for (let row = 0; row < kernel[0]; row++) {
          for (let column = 0; column < kernel[1]; column++) {
            const at = [y * strides[0] + row - padding.top, x * strides[1] + column - padding.left] as const;
            largest = Math.max(largest, pixel(input, at[0], at[1], c, outside));
          }
        }
        return largest;
      });
      return;
    }
    case 'concatenate': {
      const output = make(operation.output);
      let start = 0;
      for (const part of inputs) {
        const size = [part.height, part.width, part.channels];
        for (let y = 0; y < part.height; y++) {
          for (let x = 0; x < part.width; x++) {
            for (let c = 0; c < part.channels; c++) {
              const at = [y, x, c];
              at[operation.axis] += start;
              output.numbers[(at[0] * output.width + at[1]) * output.channels + at[2]] = pixel(part, y, x, c, 0);
            }
          }
        }
        start += size[operation.axis];
      }
      return;
    }
    case 'add': {
      const output = make(operation.output);
      each(output, (i, c) => {
        const sum = inputs.slice(1).reduce((total, { numbers }) => fround(total + numbers[i]), input.numbers[i]);
        return activate(operation.activation, sum, c);
      });
      return;
    }
    case 'activate':
      each(make(operation.output), (i, c) => activate(operation.activation, input.numbers[i], c));
      return;
    case 'copy':
    case 'reshape':
      make(operation.output).numbers.set(input.numbers);
      return;
    default:
      throw new Error(`the reference does not support '${operation.kind}'`);
  }
}

function convolve(
  convolution: IntegerConvolution,
  input: Picture,
  residual: Picture | undefined,
  make: (value: string) => Picture,
  padding: Padding,
  zeros: Uint8Array,
): void {
  const { kernel, strides, weights, bias, inputChannels, residualScales } = convolution;
  let first = 0;
  for (const { value, channels, activation, mirrored, multipliers, zeroPoints } of convolution.outputs) {
    const output = make(value);
    const segment = first;
    eachPixel(output, (y, x, c) => {
      const channel = segment + (c % channels);
      let sum = bias[channel];
      for (let row = 0; row < kernel[0]; row++) {
        for (let column = 0; column < kernel[1]; column++) {
          for (let k = 0; k < inputChannels; k++) {
            const at = [y * strides[0] + row - padding.top, x * strides[1] + column - padding.left] as const;
            const weight = weights[((row * kernel[1] + column) * inputChannels + k) * bias.length + channel];
            sum += weight * pixel(input, at[0], at[1], k, zeros[k]);
          }
        }
      }
      if (!Number.isInteger(sum) || Math.abs(sum) > 2 ** 31 - 1)
        throw new Error(`the sum ${sum} is not a 32-bit integer`);
      let result = fround(fround(sum) * multipliers[mirrored ? c : channel - segment]);
      if (residual) result = fround(fround(pixel(residual, y, x, c, 0) * (residualScales as Float32Array)[c]) + result);
      result = activate(activation, result, c % channels);
      return zeroPoints ? toByte(fround(result + zeroPoints[c])) : result;
    });
    first += channels;
  }
}

function filter(
  { kernel, strides, weights, bias, channels, multipliers, zeroPoints, isRectified }: IntegerDepthwise,
  input: Picture,
  output: Picture,
  padding: Padding,
  zeros: Uint8Array,
): void {
  eachPixel(output, (y, x, c) => {
    let sum = bias[c];
    for (let row = 0; row < kernel[0]; row++) {
      for (let column = 0; column < kernel[1]; column++) {
        const at = [y * strides[0] + row - padding.top, x * strides[1] + column - padding.left] as const;
        sum += weights[(row * kernel[1] + column) * channels + c] * pixel(input, at[0], at[1], c, zeros[c]);
        if (Math.abs(sum) > 32767) throw new Error(`the sum ${sum} is not a 16-bit integer`);
      }
    }
    const scaled = Math.floor((sum * multipliers[c] + 2 ** 14) / 2 ** 15);
    const rectified = isRectified ? Math.max(scaled, 0) : scaled;
    return Math.min(Math.max(rectified + zeroPoints[c], 0), 127);
  });
}

function activate(activation: Activation, x: number, channel: number): number {
  switch (activation.kind) {
    case 'linear':
      return x;
    case 'relu':
      return Math.min(Math.max(x, 0), fround(activation.maxValue ?? Number.POSITIVE_INFINITY));
    case 'leakyRelu':
      return x < 0 ? fround(x * fround(activation.alpha)) : x;
    case 'prelu':
      return x < 0 ? fround(x * activation.alphas[channel]) : x;
    default:
      throw new Error(`the reference does not support '${activation.kind}'`);
  }
}

/** The nearest byte; ties go to the even one. */
function toByte(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  const nearest = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
  return Math.min(Math.max(nearest, 0), 127);
}

function pixel(
  { height, width, channels, numbers }: Picture,
  y: number,
  x: number,
  c: number,
  outside: number,
): number {
  if (y < 0 || x < 0 || y >= height || x >= width) return outside;
  return numbers[(y * width + x) * channels + c];
}

function each({ channels, numbers }: Picture, number: (index: number, channel: number) => number): void {
  for (let i = 0; i < numbers.length; i++) numbers[i] = number(i, i % channels);
}

function eachPixel(
  { width, channels, numbers }: Picture,
  number: (y: number, x: number, channel: number) => number,
): void {
  for (let i = 0; i < numbers.length; i++) {
    const place = Math.floor(i / channels);
    numbers[i] = number(Math.floor(place / width), place % width, i % channels);
  }
}
