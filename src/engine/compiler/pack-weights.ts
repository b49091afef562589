/**
 * Pack-weights: once per network, before any input size is known. Before: a fused `Program`. After: all weights in one
 * run of floats in the order in which the kernels read them, and where each operation finds its own. Modules for all
 * input sizes read the same copy.
 *
 * Convolutions are packed in panels of 8 or 12 output channels: for each tap and input channel, 8 weights side by side
 * (2 vectors), so that a register tile of P pixels x 8 channels takes two vector loads per step. Panels of 12 are for
 * fused multiply-add, see emit/convolution.ts. The rest of a segment is in panels of 8 and 4, padded with zeros.
 */
import type { Optimization } from './optimize.ts';
import type { Activation, Convolution, Depthwise, ElementPrelu, Operation, Program } from './program.ts';

/** Output channels per panel. */
export const PANEL = 8;
/** Output channels per panel for fused multiply-add. */
export const WIDE_PANEL = 12;
export const QUAD = 4;
/** Convolutions with more weights (a megabyte) come late in a network: pictures are small, rows not multiples of 3. */
const MOST_WIDE_WEIGHTS = 262_144;

/** Panels of equal kind that one loop runs over. Addresses in bytes. */
export interface PanelGroup {
  /** Which of the convolution's outputs they belong to. */
  readonly output: number;
  /** 12, 8 or 4. */
  readonly width: number;
  readonly count: number;
  /** First channel within the output. */
  readonly firstChannel: number;
  /** Channels of each panel that exist: less than `width` only in a group of one. */
  readonly channels: number;
  readonly weights: number;
  readonly bias: number;
  /** PReLU factors, laid out like the bias. */
  readonly alphas: number;
}

export interface PackedChannels {
  readonly weights: number;
  readonly bias: number;
  readonly alphas: number;
  /** Channels rounded up to whole vectors: the distance between two taps of a depthwise filter, in floats. */
  readonly paddedChannels: number;
}

export interface PackedWeights {
  /** To be copied to `baseAddress`. */
  readonly data: Float32Array;
  readonly baseAddress: number;
  /** By the operation's name. */
  readonly convolutions: ReadonlyMap<string, readonly PanelGroup[]>;
  readonly channels: ReadonlyMap<string, PackedChannels>;
  /** Data of the byte operations. */
  readonly integers: PackedIntegers | undefined;
}

/**
 * Panels of an integer convolution. A step of 4 input numbers has 4 weights for each channel of a panel. The data at
 * all addresses is laid out like the bias; an address is 0 if there is none.
 */
export interface IntegerPanelGroup extends PanelGroup {
  readonly multipliers: number;
  readonly zeroPoints: number;
  readonly residualScales: number;
  /** Whether every result is small enough to be rounded without clipping it first. */
  readonly isBounded: boolean;
  /** Those of the second half of CReLU. */
  readonly mirroredMultipliers: number;
  readonly mirroredZeroPoints: number;
}

export interface PackedIntegerConvolution {
  readonly groups: readonly IntegerPanelGroup[];
  /** Whether a row of taps is one run of numbers, or each tap begins a step of its own. */
  readonly rowsOfTaps: boolean;
}

/** Per-channel numbers; each address is that of the first channel's, or 0 if there are none. */
export interface PackedByteChannels {
  /** Bytes, tap by tap, each tap padded to whole vectors. */
  readonly weights: number;
  readonly paddedChannels: number;
  readonly bias: number;
  readonly multipliers: number;
  readonly zeroPoints: number;
}

/** By the operation's name; borders by the value's name. */
export interface PackedIntegers {
  readonly convolutions: ReadonlyMap<string, PackedIntegerConvolution>;
  readonly channels: ReadonlyMap<string, PackedByteChannels>;
  /** Zero points of a value whose channels have different ones, padded to whole vectors. */
  readonly borders: ReadonlyMap<string, number>;
}

/**
 * @param baseAddress - where in memory the weights will lie, in bytes; a multiple of 64.
 * @param widePanels - for kernels with fused multiply-add.
 * @param packIntegers - adds the data that byte operations read.
 */
export function packWeights(
  program: Program,
  enabled: ReadonlySet<Optimization>,
  baseAddress: number,
  widePanels: boolean,
  packIntegers?: (
    packer: Packer,
    program: Program,
    enabled: ReadonlySet<Optimization>,
    relaxed: boolean,
  ) => PackedIntegers,
): PackedWeights {
  const numbers = program.operations.reduce((sum, operation) => sum + weightsOf(operation), 0);
  // Padding adds a few per cent.
  const packer = new Packer(baseAddress, Math.ceil(1.1 * numbers) + 1024);
  const convolutions = new Map<string, readonly PanelGroup[]>();
  const channels = new Map<string, PackedChannels>();
  const widthOf = ({ weights }: Convolution): number => {
    if (!enabled.has('register-tiles')) return QUAD;
    return widePanels && weights.length <= MOST_WIDE_WEIGHTS ? WIDE_PANEL : PANEL;
  };
  for (const operation of program.operations) {
    switch (operation.kind) {
      case 'convolution':
        convolutions.set(operation.name, packConvolution(packer, operation, widthOf(operation)));
        break;
      case 'depthwise':
        channels.set(operation.name, packDepthwise(packer, operation));
        break;
      case 'activate':
      case 'add':
      case 'multiply':
        channels.set(operation.name, packActivation(packer, operation.activation));
        break;
      case 'elementPrelu':
        channels.set(operation.name, packElements(packer, operation));
        break;
    }
  }
  const integers = packIntegers?.(packer, program, enabled, widePanels);
  return { data: packer.finish(), baseAddress, convolutions, channels, integers };
}

/** The program without its weights, which have been packed: it is kept as long as the network. */
export function withoutWeights(program: Program): Program {
  const operations = program.operations.map((operation) => {
    // TypeScript does not see that the type of the numbers is unchanged.
    return 'weights' in operation ? ({ ...operation, weights: operation.weights.slice(0, 0) } as Operation) : operation;
  });
  return { ...program, operations };
}

function weightsOf(operation: Operation): number {
  return 'weights' in operation ? operation.weights.byteLength / 4 : 0;
}

function packConvolution(packer: Packer, convolution: Convolution, width: number): PanelGroup[] {
  const { weights, bias, outputs } = convolution;
  const total = bias.length;
  const steps = weights.length / total;
  const groups: PanelGroup[] = [];
  let segment = 0;
  for (const [output, { channels, activation }] of outputs.entries()) {
    for (const { first, panel, count, present } of splitIntoPanels(channels, width)) {
      const { address, values: packed } = packer.reserve(count * steps * panel);
      let to = 0;
      for (let p = 0; p < count; p++) {
        const from = segment + first + p * panel;
        for (let k = 0; k < steps; k++, to += panel) {
          for (let c = 0; c < present; c++) packed[to + c] = weights[k * total + from + c];
        }
      }
      const last = first + count * present;
      groups.push({
        output,
        width: panel,
        count,
        firstChannel: first,
        channels: present,
        weights: address,
        bias: packer.add(bias.subarray(segment + first, segment + last), count * panel),
        alphas: activation.kind === 'prelu' ? packer.add(activation.alphas.subarray(first, last), count * panel) : 0,
      });
    }
    segment += channels;
  }
  return groups;
}

/** Panels of one width, then what remains. */
export function splitIntoPanels(
  channels: number,
  width: number,
): { first: number; panel: number; count: number; present: number }[] {
  const rest = channels % width;
  // A panel of 4 keeps the processor only half busy: two of 8 are better than one of 12 and one of 4.
  if (width === WIDE_PANEL && channels > width && rest > 0 && rest <= QUAD) {
    const first = channels - width - rest;
    const last = splitIntoPanels(width + rest, PANEL).map((group) => ({ ...group, first: first + group.first }));
    return first > 0 ? [{ first: 0, panel: width, count: first / width, present: width }, ...last] : last;
  }
  const whole = Math.floor(channels / width);
  const groups = whole > 0 ? [{ first: 0, panel: width, count: whole, present: width }] : [];
  if (rest > 0) groups.push({ first: whole * width, panel: roundUp(rest, QUAD), count: 1, present: rest });
  return groups;
}

function packDepthwise(packer: Packer, { weights, bias, channels, activation }: Depthwise): PackedChannels {
  const paddedChannels = roundUp(channels, QUAD);
  const taps = weights.length / channels;
  const { address, values: packed } = packer.reserve(taps * paddedChannels);
  for (let tap = 0; tap < taps; tap++) {
    packed.set(weights.subarray(tap * channels, (tap + 1) * channels), tap * paddedChannels);
  }
  return {
    ...packActivation(packer, activation),
    weights: address,
    bias: packer.add(bias, paddedChannels),
    paddedChannels,
  };
}

function packActivation(packer: Packer, activation: Activation): PackedChannels {
  const alphas =
    activation.kind === 'prelu' ? packer.add(activation.alphas, roundUp(activation.alphas.length, QUAD)) : 0;
  return { weights: 0, bias: 0, alphas, paddedChannels: 0 };
}

function packElements(packer: Packer, { alphas }: ElementPrelu): PackedChannels {
  return { weights: 0, bias: 0, alphas: packer.add(alphas, roundUp(alphas.length, QUAD)), paddedChannels: 0 };
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Lays out arrays one after another, each at the start of a cache line. */
export class Packer {
  readonly #base: number;
  #data: Float32Array;
  /** In floats. */
  #length = 0;

  /** @param capacity - initial room, in floats. */
  constructor(base: number, capacity: number) {
    this.#base = base;
    this.#data = new Float32Array(capacity);
  }

  /** Room for this many floats, initially zeros. */
  reserve(length: number): { readonly address: number; readonly values: Float32Array } {
    const start = this.#length;
    this.#length += roundUp(length, 16);
    if (this.#length > this.#data.length) {
      const grown = new Float32Array(2 * this.#length);
      grown.set(this.#data);
      this.#data = grown;
    }
    return { address: this.#base + start * 4, values: this.#data.subarray(start, start + length) };
  }

  /** @returns the address of a copy of the values, zero-padded to `length`. */
  add(source: Float32Array, length = source.length): number {
    const { address, values } = this.reserve(length);
    values.set(source);
    return address;
  }

  finish(): Float32Array {
    return this.#data.subarray(0, this.#length);
  }
}
