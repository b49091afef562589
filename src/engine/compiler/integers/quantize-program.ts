/**
 * Pass, quantize. Before: a fused `Program` of floats. After: one in which values that have a range, and readers that
 * can work on bytes, are bytes: convolutions, depthwise convolutions with few taps, max pools and concatenations of
 * channels. Anything without a range or an integer form is unchanged; `quantize` and `dequantize` stand where a value
 * changes its form. Outputs of the network stay floats.
 *
 * Scales are per channel. A convolution folds its input's scales into its weights, and then has one weight scale per
 * output channel; so concatenations of unlike scales, max pools and CReLU need no arithmetic, and a channel of small
 * numbers keeps its precision beside one of large ones.
 */
import { checkQuantization, MAX_BYTE, type Quantization, type RangesError } from '../../quantization.ts';
import {
  type Activation,
  type Concatenate,
  type Convolution,
  type Depthwise,
  type IntegerConvolutionOutput,
  inputsOf,
  LINEAR,
  type Operation,
  outputsOf,
  type Pool,
  type Program,
} from '../program.ts';
import { MAX_DEPTHWISE_TAPS, quantizeConvolution, quantizeDepthwise } from './quantize-weights.ts';

/**
 * @param ranges - by value; those of values that the program does not have are ignored.
 * @throws WeightFormatError for ranges that do not fit their values.
 */
export function quantizeProgram(
  program: Program,
  ranges: ReadonlyMap<string, Quantization>,
  RangesError: RangesError,
): Program {
  checkRanges(program, ranges, RangesError);
  const wanted = findWanted(program, ranges);
  return new Quantizing(program, ranges, wanted).run();
}

function checkRanges(program: Program, ranges: ReadonlyMap<string, Quantization>, RangesError: RangesError): void {
  const channels = channelsOfValues(program);
  for (const [value, quantization] of ranges) {
    checkQuantization('the ranges', value, quantization, RangesError);
    const expected = channels.get(value);
    const actual = quantization.scales.length;
    if (expected === undefined || expected === actual) continue;
    throw new RangesError('the ranges', 'do not fit the network', {
      tensor: value,
      expected: `${expected} channels`,
      actual: `${actual} scales`,
    });
  }
}

/** Values that become bytes: those with a range and a reader that works on bytes. */
function findWanted(program: Program, ranges: ReadonlyMap<string, Quantization>): ReadonlySet<string> {
  const wanted = new Set<string>();
  // Readers first: whether a pool or a concatenation works on bytes depends on the readers of its result.
  for (const operation of [...program.operations].reverse()) {
    for (const input of inputsOf(operation)) {
      if (!ranges.has(input)) continue;
      if (readsBytes(operation, input, ranges, wanted)) wanted.add(input);
    }
  }
  return wanted;
}

function readsBytes(
  operation: Operation,
  input: string,
  ranges: ReadonlyMap<string, Quantization>,
  wanted: ReadonlySet<string>,
): boolean {
  switch (operation.kind) {
    case 'convolution':
      return input === operation.input;
    case 'depthwise':
      return hasIntegerForm(operation) && ranges.has(operation.output);
    case 'maxPool':
      return wanted.has(operation.output) && isUnsigned(ranges.get(input));
    case 'concatenate':
      return isOfChannels(operation) && wanted.has(operation.output);
    default:
      return false;
  }
}

function hasIntegerForm({ kernel, activation }: Depthwise): boolean {
  return kernel[0] * kernel[1] <= MAX_DEPTHWISE_TAPS && isRelu(activation);
}

/** Linear or a ReLU: clipping at the ends of the byte range does the same. */
function isRelu({ kind }: Activation): boolean {
  return kind === 'linear' || kind === 'relu';
}

/** Whether `f(a x) = a f(x)` for a > 0, so that it can work in units of the output's scale. */
function isHomogeneous({ kind }: Activation): boolean {
  return kind === 'linear' || kind === 'relu' || kind === 'leakyRelu' || kind === 'prelu';
}

/** Whether an output with this activation can be written as bytes with this quantisation. */
function canCut(activation: Activation, quantization: Quantization): boolean {
  return isHomogeneous(activation) && keepsMaximum(activation, quantization);
}

function isOfChannels({ axis }: Concatenate): boolean {
  // It may also be the last axis of a value with fewer axes, but such values are small.
  return axis === 2;
}

function isUnsigned(quantization: Quantization | undefined): boolean {
  return quantization?.zeroPoints.every((zero) => zero === 0) ?? false;
}

class Quantizing {
  readonly #program: Program;
  readonly #ranges: ReadonlyMap<string, Quantization>;
  readonly #wanted: ReadonlySet<string>;
  readonly #outputs: ReadonlySet<string>;
  readonly #operations: Operation[] = [];
  /** Names of a value's forms in the new program. */
  readonly #floats = new Map<string, string>();
  readonly #bytes = new Map<string, { readonly name: string; readonly quantization: Quantization }>();
  readonly #zeroPoints = new Map<string, Uint8Array>();
  /** Bytes that a `quantize` produces. */
  readonly #quantized = new Set<string>();

  constructor(program: Program, ranges: ReadonlyMap<string, Quantization>, wanted: ReadonlySet<string>) {
    this.#program = program;
    this.#ranges = ranges;
    this.#wanted = wanted;
    this.#outputs = new Set(program.outputs);
  }

  run(): Program {
    this.#floats.set(this.#program.input, this.#program.input);
    for (const operation of this.#program.operations) {
      switch (operation.kind) {
        case 'convolution':
          this.#convolution(operation);
          break;
        case 'depthwise':
          this.#depthwise(operation);
          break;
        case 'maxPool':
          this.#maxPool(operation);
          break;
        case 'concatenate':
          this.#concatenate(operation);
          break;
        default:
          this.#keep(operation);
      }
    }
    const outputs = this.#program.outputs.map((value) => this.#floatsOf(value));
    return { ...this.#program, operations: this.#operations, outputs, zeroPoints: this.#zeroPoints };
  }

  /** Whether a value is written as bytes if its producer can do so. */
  #isWritten(value: string): boolean {
    return this.#wanted.has(value) && !this.#outputs.has(value);
  }

  #setBytes(value: string, name: string, quantization: Quantization): void {
    this.#bytes.set(value, { name, quantization });
    this.#zeroPoints.set(name, quantization.zeroPoints);
  }

  #floatsOf(value: string): string {
    const known = this.#floats.get(value);
    if (known !== undefined) return known;
    const bytes = this.#bytes.get(value);
    if (bytes === undefined) throw new Error(`value '${value}' has not been written`);
    const name = `${value}:floats`;
    const { quantization } = bytes;
    this.#operations.push({ kind: 'dequantize', name, input: bytes.name, output: name, quantization });
    this.#floats.set(value, name);
    return name;
  }

  #bytesOf(value: string): { readonly name: string; readonly quantization: Quantization } {
    const known = this.#bytes.get(value);
    if (known) return known;
    const quantization = this.#ranges.get(value);
    if (!quantization) throw new Error(`value '${value}' has no range`);
    const name = `${value}:bytes`;
    this.#operations.push({ kind: 'quantize', name, input: this.#floatsOf(value), output: name, quantization });
    this.#setBytes(value, name, quantization);
    this.#quantized.add(name);
    return { name, quantization };
  }

  /** A float operation stays one. */
  #keep(operation: Operation): void {
    const renamed = withInputs(operation, (value) => this.#floatsOf(value));
    this.#operations.push(renamed);
    for (const output of outputsOf(operation)) this.#floats.set(output, output);
  }

  #convolution(convolution: Convolution): void {
    const { residual, outputs } = convolution;
    const shortcut = residual === undefined ? undefined : this.#bytes.get(residual);
    const isShortcutInteger = residual === undefined || isUnsigned(shortcut?.quantization);
    if (!this.#wanted.has(convolution.input)) {
      this.#keep(convolution);
      return;
    }
    const input = this.#bytesOf(convolution.input);
    const { kernel, inputChannels } = convolution;
    // Few channels would leave most of a step of four empty. An input made only for it can be laid out as it needs.
    const needsDenseInput = kernel[1] > 1 && inputChannels % 4 > 0 && this.#quantized.has(input.name);
    const run = needsDenseInput ? kernel[1] * inputChannels : inputChannels;
    const { weights, bias, scales } = quantizeConvolution(convolution, input.quantization, run);
    let first = 0;
    const integerOutputs = outputs.map((output): IntegerConvolutionOutput => {
      const own = scales.subarray(first, first + output.channels);
      first += output.channels;
      if (residual !== undefined && !isShortcutInteger) {
        const value = `${output.value}:sums`;
        return { ...output, value, activation: LINEAR, multipliers: mirror(own, output.mirrored) };
      }
      const quantization = this.#ranges.get(output.value);
      if (!(quantization && this.#isWritten(output.value) && canCut(output.activation, quantization))) {
        this.#floats.set(output.value, output.value);
        return { ...output, multipliers: mirror(own, output.mirrored) };
      }
      this.#setBytes(output.value, output.value, quantization);
      return {
        ...output,
        activation: withoutMaximum(output.activation),
        multipliers: mirror(own, output.mirrored).map((scale, c) => scale / quantization.scales[c]),
        zeroPoints: quantization.zeroPoints,
      };
    });
    const { kind: _, residual: __, ...rest } = convolution;
    const [output] = integerOutputs;
    this.#operations.push({
      ...rest,
      kind: 'integerConvolution',
      input: input.name,
      weights,
      bias,
      outputs: integerOutputs,
      ...(needsDenseInput && { needsDenseInput }),
      ...(shortcut &&
        isShortcutInteger && {
          residual: shortcut.name,
          residualScales: shortcutScales(shortcut, this.#bytes.get(output.value)),
        }),
    });
    if (residual === undefined || isShortcutInteger) return;
    // Added afterwards, as floats.
    const [{ value, activation }] = outputs;
    const inputs = [output.value, this.#floatsOf(residual)];
    this.#operations.push({ kind: 'add', name: `${convolution.name}:sum`, inputs, output: value, activation });
    this.#floats.set(value, value);
  }

  #depthwise(depthwise: Depthwise): void {
    const wantedOutput = this.#ranges.get(depthwise.output);
    if (!(wantedOutput && this.#wanted.has(depthwise.input) && hasIntegerForm(depthwise))) {
      this.#keep(depthwise);
      return;
    }
    const input = this.#bytesOf(depthwise.input);
    const { quantization, ...numbers } = quantizeDepthwise(depthwise, input.quantization, wantedOutput);
    if (!keepsMaximum(depthwise.activation, quantization)) {
      this.#keep(depthwise);
      return;
    }
    const { name, output, channels, kernel, strides, padding } = depthwise;
    const isRectified = depthwise.activation.kind === 'relu';
    this.#operations.push({
      ...{ kind: 'integerDepthwise', name, output, channels, kernel, strides, padding, isRectified },
      ...numbers,
      input: input.name,
      zeroPoints: quantization.zeroPoints,
    });
    this.#setBytes(output, output, quantization);
  }

  #maxPool(pool: Pool): void {
    const input = this.#wanted.has(pool.output) ? this.#bytes.get(pool.input) : undefined;
    if (!(input && isUnsigned(input.quantization))) {
      this.#keep(pool);
      return;
    }
    const { name, output, kernel, strides, padding } = pool;
    this.#operations.push({ kind: 'integerMaxPool', name, input: input.name, output, kernel, strides, padding });
    // Maxima have different means.
    const { scales, zeroPoints } = input.quantization;
    this.#setBytes(output, output, { ...meansOf(this.#ranges.get(output)), scales, zeroPoints });
  }

  #concatenate(join: Concatenate): void {
    const range = this.#wanted.has(join.output) && isOfChannels(join) ? this.#ranges.get(join.output) : undefined;
    const parts = range && this.#partsOf(join, range);
    if (!parts) {
      this.#keep(join);
      return;
    }
    const scales = new Float32Array(parts.flatMap(({ quantization }) => [...quantization.scales]));
    const zeroPoints = new Uint8Array(parts.flatMap(({ quantization }) => [...quantization.zeroPoints]));
    this.#operations.push({ ...join, inputs: parts.map(({ name }) => name) });
    this.#setBytes(join.output, join.output, { ...meansOf(range), scales, zeroPoints });
  }

  /** The inputs of a concatenation as bytes, or undefined if one has no range. */
  #partsOf(
    join: Concatenate,
    range: Quantization,
  ): { readonly name: string; readonly quantization: Quantization }[] | undefined {
    const isKnown = (value: string): boolean => this.#bytes.has(value) || this.#ranges.has(value);
    // Its channels are known only from a range.
    if (!join.inputs.every(isKnown)) return undefined;
    const counts = join.inputs.map(
      (value) => (this.#bytes.get(value)?.quantization ?? this.#ranges.get(value))?.scales.length ?? 0,
    );
    if (counts.reduce((sum, count) => sum + count, 0) !== range.scales.length) return undefined;
    return join.inputs.map((value) => this.#bytesOf(value));
  }
}

function meansOf(quantization: Quantization | undefined): Partial<Quantization> {
  return quantization?.means ? { means: quantization.means } : {};
}

function shortcutScales(
  { quantization }: { readonly quantization: Quantization },
  output: { readonly quantization: Quantization } | undefined,
): Float32Array {
  return output === undefined
    ? quantization.scales
    : quantization.scales.map((scale, c) => scale / output.quantization.scales[c]);
}

/** Scales of CReLU, whose second half is the negative. */
function mirror(scales: Float32Array, isMirrored: boolean): Float32Array {
  return isMirrored ? Float32Array.of(...scales, ...scales.map((scale) => -scale)) : scales.slice();
}

/** Whether the largest byte represents no more than a ReLU's maximum, so that clipping at it does both. */
function keepsMaximum(activation: Activation, { scales, zeroPoints }: Quantization): boolean {
  if (activation.kind !== 'relu' || activation.maxValue === undefined) return true;
  const most = activation.maxValue * (1 + MAXIMUM_TOLERANCE);
  return scales.every((scale, c) => scale * (MAX_BYTE - zeroPoints[c]) <= most);
}

const MAXIMUM_TOLERANCE = 1e-3;

function withoutMaximum(activation: Activation): Activation {
  return activation.kind === 'relu' ? { kind: 'relu' } : activation;
}

function withInputs(operation: Operation, rename: (value: string) => string): Operation {
  switch (operation.kind) {
    case 'add':
    case 'concatenate':
      return { ...operation, inputs: operation.inputs.map(rename) };
    case 'multiply':
      return { ...operation, inputs: [rename(operation.inputs[0]), rename(operation.inputs[1])] };
    case 'convolution':
    case 'integerConvolution': {
      const { residual } = operation;
      return {
        ...operation,
        input: rename(operation.input),
        ...(residual !== undefined && { residual: rename(residual) }),
      };
    }
    default:
      return { ...operation, input: rename(operation.input) };
  }
}

/**
 * Number of channels of each value for which it is known without the input size.
 */
export function channelsOfValues(program: Program): ReadonlyMap<string, number> {
  const channels = new Map<string, number>();
  const set = (value: string, count: number | undefined | null): void => {
    if (count !== undefined && count !== null) channels.set(value, count);
  };
  set(program.input, program.inputShape.at(-1));
  for (const operation of program.operations) {
    switch (operation.kind) {
      case 'convolution':
      case 'integerConvolution':
        for (const { value, channels: count, mirrored } of operation.outputs) set(value, mirrored ? 2 * count : count);
        break;
      case 'concatenate': {
        if (!isOfChannels(operation)) break;
        const counts = operation.inputs.map((value) => channels.get(value) ?? Number.NaN);
        const total = counts.reduce((sum, count) => sum + count, 0);
        if (!Number.isNaN(total)) set(operation.output, total);
        break;
      }
      case 'reshape':
        break;
      default:
        set(outputsOf(operation)[0], channels.get(inputsOf(operation)[0]));
    }
  }
  return channels;
}

/**
 * Values that need a range for every operation that can work on bytes to do so.
 * @param withInput - whether to include the network's own input.
 */
export function valuesOfBytes(program: Program, withInput: boolean): string[] {
  const channels = channelsOfValues(program);
  const unsigned: Quantization = { scales: new Float32Array(), zeroPoints: new Uint8Array() };
  const possible = new Map<string, Quantization>();
  // After a mean over a picture, little is left to compute.
  const small = ['globalAverage', 'reshape', 'softmax'];
  for (const operation of program.operations) {
    if (small.includes(operation.kind)) continue;
    for (const value of outputsOf(operation)) if (channels.has(value)) possible.set(value, unsigned);
  }
  if (withInput) possible.set(program.input, unsigned);
  const wanted = findWanted(program, possible);
  const values = new Set(wanted);
  for (const operation of program.operations) {
    // A depthwise convolution of bytes returns bytes.
    if (operation.kind === 'depthwise' && wanted.has(operation.input)) values.add(operation.output);
  }
  return [...values];
}
