/**
 * Pass 2, lower. Before: a `LayerGraph`. After: a `Program` with at least one operation for every layer that does
 * something; nothing is fused yet. A layer's result is a value with the layer's name. Layers or settings that the
 * engine does not support cause an `UnsupportedLayerError` here.
 */
import { UnsupportedLayerError, WeightFormatError } from '../../errors.ts';
import { isSize, LayerReader } from './layer-reader.ts';
import type { LayerGraph, LayerNode } from './parse.ts';
import { type Activation, LINEAR, NO_PADDING, type Operation, type Padding, type Program } from './program.ts';

/** Default epsilon of tfjs and Keras. */
const DEFAULT_BATCH_NORM_EPSILON = 1e-3;
const DEFAULT_LEAKY_ALPHA = 0.3;

export function lowerGraph(graph: LayerGraph): Program {
  const lowering = new Lowering();
  for (const layer of graph.layers) lowering.layer(layer);
  const { input } = lowering;
  if (!input) throw new WeightFormatError('model.json', 'the model has no input layer');
  return {
    input: input.name,
    inputShape: input.shape,
    operations: lowering.operations,
    outputs: graph.outputs.map((output) => lowering.valueOf(output)),
  };
}

class Lowering {
  readonly operations: Operation[] = [];
  input: { name: string; shape: readonly (number | null)[] } | undefined;
  /** Values of layers that are another value under a new name (Dropout, linear activations). */
  readonly #aliases = new Map<string, string>();
  /** Number of channels (last axis) of each value: known without the picture's size. */
  readonly #channels = new Map<string, number | undefined>();
  /** Axes of a value, without the batch. */
  readonly #ranks = new Map<string, number>();

  valueOf(layer: string): string {
    return this.#aliases.get(layer) ?? layer;
  }

  layer(node: LayerNode): void {
    const write = Object.hasOwn(LAYERS, node.type) ? LAYERS[node.type] : undefined;
    if (!write) throw new UnsupportedLayerError(node.name, node.type);
    write(this, new LayerReader(node));
  }

  setInput(name: string, shape: readonly (number | null)[]): void {
    if (this.input) {
      throw new UnsupportedLayerError(name, 'InputLayer', 'networks with several inputs are not supported');
    }
    this.input = { name, shape };
    this.#note(name, shape[shape.length - 1] ?? undefined, shape.length);
  }

  alias(layer: string, input: string): void {
    this.#aliases.set(layer, this.valueOf(input));
  }

  channelsOf(value: string): number | undefined {
    return this.#channels.get(value);
  }

  rankOf(value: string): number {
    return this.#ranks.get(value) ?? 0;
  }

  add(operation: Operation, value: string, channels: number | undefined, rank: number): void {
    this.operations.push(operation);
    this.#note(value, channels, rank);
  }

  /** The layer's own result, after its activation if it has one. */
  addActivated(
    reader: LayerReader,
    make: (output: string) => Operation,
    channels: number | undefined,
    rank: number,
    activation: Activation | 'softmax',
  ): void {
    const { name } = reader;
    if (activation !== 'softmax' && activation.kind === 'linear') {
      this.add(make(name), name, channels, rank);
      return;
    }
    const before = `${name}:linear`;
    this.add(make(before), before, channels, rank);
    this.addActivation(name, before, activation, channels, rank);
  }

  addActivation(
    name: string,
    input: string,
    activation: Activation | 'softmax',
    channels: number | undefined,
    rank: number,
  ): void {
    const operation: Operation =
      activation === 'softmax'
        ? { kind: 'softmax', name: `${name}:softmax`, input, output: name }
        : { kind: 'activate', name: `${name}:activation`, input, output: name, activation };
    this.add(operation, name, channels, rank);
  }

  #note(value: string, channels: number | undefined, rank: number): void {
    this.#channels.set(value, channels);
    this.#ranks.set(value, rank);
  }
}

type WriteLayer = (lowering: Lowering, layer: LayerReader) => void;

const LAYERS: Readonly<Record<string, WriteLayer>> = {
  InputLayer(lowering: Lowering, layer: LayerReader) {
    const shape = layer.node.config.batch_input_shape ?? layer.node.config.batch_shape;
    if (!Array.isArray(shape) || !shape.every((size) => size === null || isSize(size))) {
      layer.refuse('batch_input_shape is not a list of sizes');
    }
    const image: (number | null)[] = shape.slice(1);
    if (image.length !== 3 || image[2] === null) layer.refuse('the input must be [batch, height, width, channels]');
    lowering.setInput(layer.name, image);
  },

  Dropout: (lowering, layer) => lowering.alias(layer.name, layer.input),
  SpatialDropout2D: (lowering, layer) => lowering.alias(layer.name, layer.input),

  Conv2D(lowering, layer) {
    layer.checkPicture();
    const input = lowering.valueOf(layer.input);
    const inputChannels = knownChannels(lowering, layer, input);
    const kernel = layer.pair('kernel_size');
    const filters = layer.size('filters');
    const groups = layer.node.config.groups;
    if (groups !== undefined && groups !== null && groups !== 1) layer.refuse('grouped convolution is not supported');
    const weights = layer.tensor('kernel', [...kernel, inputChannels, filters]);
    const bias = layer.bias(filters);
    const { strides, padding } = layer.window(kernel);
    const make = (value: string): Operation => ({
      kind: 'convolution',
      name: layer.name,
      input,
      kernel,
      strides,
      padding,
      inputChannels,
      weights,
      bias,
      outputs: [{ value, channels: filters, activation: LINEAR, mirrored: false }],
    });
    lowering.addActivated(layer, make, filters, 3, layer.activation());
  },

  DepthwiseConv2D(lowering, layer) {
    layer.checkPicture();
    const input = lowering.valueOf(layer.input);
    const inputChannels = knownChannels(lowering, layer, input);
    const kernel = layer.pair('kernel_size');
    const multiplier = layer.size('depth_multiplier', 1);
    const channels = inputChannels * multiplier;
    const weights = layer.tensor('depthwise_kernel', [...kernel, inputChannels, multiplier]);
    const bias = layer.bias(channels);
    const window = layer.window(kernel);
    const { name } = layer;
    const make = (value: string): Operation =>
      multiplier === 1
        ? { kind: 'depthwise', name, input, output: value, channels, weights, bias, activation: LINEAR, ...window }
        : {
            kind: 'convolution',
            name,
            input,
            inputChannels,
            weights: spreadDepthwise(weights, kernel[0] * kernel[1], inputChannels, multiplier),
            bias,
            outputs: [{ value, channels, activation: LINEAR, mirrored: false }],
            ...window,
          };
    lowering.addActivated(layer, make, channels, 3, layer.activation());
  },

  Dense(lowering, layer) {
    const input = lowering.valueOf(layer.input);
    const units = layer.size('units');
    const kernel = layer.node.tensors.get('kernel') ?? layer.refuse('the weight file has no kernel for it');
    const inputChannels = lowering.channelsOf(input) ?? kernel.shape[0] ?? 0;
    const weights = layer.tensor('kernel', [inputChannels, units]);
    const bias = layer.bias(units);
    const make = (value: string): Operation => ({
      kind: 'convolution',
      name: layer.name,
      input,
      kernel: [1, 1],
      strides: [1, 1],
      padding: NO_PADDING,
      inputChannels,
      weights,
      bias,
      outputs: [{ value, channels: units, activation: LINEAR, mirrored: false }],
    });
    lowering.addActivated(layer, make, units, lowering.rankOf(input), layer.activation());
  },

  BatchNormalization(lowering, layer) {
    const input = lowering.valueOf(layer.input);
    const channels = knownChannels(lowering, layer, input);
    const rank = lowering.rankOf(input);
    const axis = layer.node.config.axis ?? -1;
    const last = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
    if (last !== -1 && last !== rank) layer.refuse(`axis ${String(axis)} is not supported, only the last`);
    const epsilon = layer.number('epsilon', DEFAULT_BATCH_NORM_EPSILON);
    const mean = layer.tensor('moving_mean', [channels]);
    const variance = layer.tensor('moving_variance', [channels]);
    const gamma = layer.node.config.scale === false ? undefined : layer.tensor('gamma', [channels]);
    const beta = layer.node.config.center === false ? undefined : layer.tensor('beta', [channels]);
    const weights = new Float32Array(channels);
    const bias = new Float32Array(channels);
    for (let c = 0; c < channels; c++) {
      const scale = (gamma?.[c] ?? 1) / Math.sqrt(variance[c] + epsilon);
      weights[c] = scale;
      bias[c] = (beta?.[c] ?? 0) - mean[c] * scale;
    }
    const operation: Operation = {
      kind: 'depthwise',
      name: layer.name,
      input,
      output: layer.name,
      channels,
      kernel: [1, 1],
      strides: [1, 1],
      padding: NO_PADDING,
      weights,
      bias,
      activation: LINEAR,
    };
    lowering.add(operation, layer.name, channels, rank);
  },

  Activation(lowering, layer) {
    addActivationLayer(lowering, layer, layer.activation());
  },

  ReLU(lowering, layer) {
    const limit = layer.node.config.max_value;
    if (limit !== undefined && limit !== null && typeof limit !== 'number') layer.refuse('max_value is not a number');
    for (const key of ['threshold', 'negative_slope']) {
      if (layer.number(key, 0) !== 0) layer.refuse(`${key} is not supported`);
    }
    addActivationLayer(
      lowering,
      layer,
      typeof limit === 'number' ? { kind: 'relu', maxValue: limit } : { kind: 'relu' },
    );
  },

  LeakyReLU(lowering, layer) {
    addActivationLayer(lowering, layer, { kind: 'leakyRelu', alpha: layer.number('alpha', DEFAULT_LEAKY_ALPHA) });
  },

  PReLU(lowering, layer) {
    const input = lowering.valueOf(layer.input);
    const channels = knownChannels(lowering, layer, input);
    const rank = lowering.rankOf(input);
    const alpha = layer.node.tensors.get('alpha') ?? layer.refuse('the weight file has no alpha for it');
    if (alpha.data.length === channels && alpha.shape[alpha.shape.length - 1] === channels) {
      lowering.addActivation(layer.name, input, { kind: 'prelu', alphas: alpha.data }, channels, rank);
      return;
    }
    const operation: Operation = {
      kind: 'elementPrelu',
      name: layer.name,
      input,
      output: layer.name,
      alphas: alpha.data,
      alphaShape: alpha.shape,
    };
    lowering.add(operation, layer.name, channels, rank);
  },

  Softmax(lowering, layer) {
    const input = lowering.valueOf(layer.input);
    const rank = lowering.rankOf(input);
    const axis = layer.number('axis', -1);
    if (axis !== -1 && axis !== rank) layer.refuse(`axis ${axis} is not supported, only the last`);
    lowering.addActivation(layer.name, input, 'softmax', lowering.channelsOf(input), rank);
  },

  Add(lowering, layer) {
    const inputs = layer.node.inputs.map((input) => lowering.valueOf(input));
    const [first] = inputs;
    if (first === undefined) layer.refuse('it has no input');
    const operation: Operation = { kind: 'add', name: layer.name, inputs, output: layer.name, activation: LINEAR };
    lowering.add(operation, layer.name, lowering.channelsOf(first), lowering.rankOf(first));
  },

  Multiply(lowering, layer) {
    const [first, second, ...more] = layer.node.inputs.map((input) => lowering.valueOf(input));
    if (first === undefined || second === undefined || more.length > 0) {
      layer.refuse(`it has ${layer.node.inputs.length} inputs instead of two`);
    }
    const inputs: [string, string] = [first, second];
    const operation: Operation = { kind: 'multiply', name: layer.name, inputs, output: layer.name, activation: LINEAR };
    lowering.add(operation, layer.name, lowering.channelsOf(first), lowering.rankOf(first));
  },

  Concatenate(lowering, layer) {
    const inputs = layer.node.inputs.map((input) => lowering.valueOf(input));
    const [first] = inputs;
    if (first === undefined) layer.refuse('it has no input');
    const rank = lowering.rankOf(first);
    const given = layer.number('axis', -1);
    const axis = given < 0 ? rank + given : given - 1;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) layer.refuse(`axis ${given} is not supported`);
    const counts = inputs.map((input) => lowering.channelsOf(input));
    const channels =
      axis < rank - 1
        ? counts[0]
        : counts.reduce((sum, count) => (sum === undefined ? sum : sum + (count ?? Number.NaN)), 0);
    const operation: Operation = { kind: 'concatenate', name: layer.name, inputs, output: layer.name, axis };
    lowering.add(operation, layer.name, Number.isNaN(channels) ? undefined : channels, rank);
  },

  ZeroPadding2D(lowering, layer) {
    layer.checkPicture();
    const input = lowering.valueOf(layer.input);
    const operation: Operation = {
      kind: 'pad',
      name: layer.name,
      input,
      output: layer.name,
      padding: readZeroPadding(layer),
    };
    lowering.add(operation, layer.name, lowering.channelsOf(input), 3);
  },

  MaxPooling2D: (lowering, layer) => addPool(lowering, layer, 'maxPool'),
  AveragePooling2D: (lowering, layer) => addPool(lowering, layer, 'averagePool'),

  GlobalAveragePooling2D(lowering, layer) {
    layer.checkPicture();
    if (layer.node.config.keepdims === true) layer.refuse('keepdims is not supported');
    const input = lowering.valueOf(layer.input);
    const operation: Operation = { kind: 'globalAverage', name: layer.name, input, output: layer.name };
    lowering.add(operation, layer.name, lowering.channelsOf(input), 1);
  },

  Flatten(lowering, layer) {
    layer.checkPicture();
    const input = lowering.valueOf(layer.input);
    const operation: Operation = { kind: 'reshape', name: layer.name, input, output: layer.name, targetShape: 'flat' };
    const channels = lowering.rankOf(input) === 1 ? lowering.channelsOf(input) : undefined;
    lowering.add(operation, layer.name, channels, 1);
  },

  Reshape(lowering: Lowering, layer: LayerReader) {
    const target: unknown = layer.node.config.target_shape;
    if (!Array.isArray(target) || target.length === 0 || target.length > 3) {
      layer.refuse('target_shape must have one to three entries');
    }
    const targetShape = target.map((size: unknown): unknown => (size === null ? -1 : size));
    if (
      !targetShape.every((size) => size === -1 || isSize(size)) ||
      targetShape.filter((size) => size === -1).length > 1
    ) {
      layer.refuse(`target_shape [${target.join(', ')}] is not supported`);
    }
    const input = lowering.valueOf(layer.input);
    const operation: Operation = { kind: 'reshape', name: layer.name, input, output: layer.name, targetShape };
    const channels: number = targetShape[targetShape.length - 1];
    lowering.add(operation, layer.name, channels === -1 ? undefined : channels, targetShape.length);
  },
};

function addActivationLayer(lowering: Lowering, layer: LayerReader, activation: Activation | 'softmax'): void {
  const input = lowering.valueOf(layer.input);
  if (activation !== 'softmax' && activation.kind === 'linear') {
    lowering.alias(layer.name, layer.input);
    return;
  }
  lowering.addActivation(layer.name, input, activation, lowering.channelsOf(input), lowering.rankOf(input));
}

function addPool(lowering: Lowering, layer: LayerReader, kind: 'maxPool' | 'averagePool'): void {
  layer.checkPicture();
  const input = lowering.valueOf(layer.input);
  const kernel = layer.pair('pool_size');
  const window = layer.window(kernel);
  const operation: Operation = { kind, name: layer.name, input, output: layer.name, paddingIsZero: false, ...window };
  lowering.add(operation, layer.name, lowering.channelsOf(input), 3);
}

function readZeroPadding(layer: LayerReader): Padding {
  const value = layer.node.config.padding;
  const [rows, columns, ...more] = Array.isArray(value) ? value : [value, value];
  const [top, bottom, ...below] = Array.isArray(rows) ? rows : [rows, rows];
  const [left, right, ...beyond] = Array.isArray(columns) ? columns : [columns, columns];
  const isCount = (size: unknown): size is number => size === 0 || isSize(size);
  const isEven = Array.isArray(rows) === Array.isArray(columns) && more.length + below.length + beyond.length === 0;
  if (!isEven || !isCount(top) || !isCount(bottom) || !isCount(left) || !isCount(right)) {
    layer.refuse('malformed padding');
  }
  return { top, bottom, left, right };
}

function knownChannels(lowering: Lowering, layer: LayerReader, value: string): number {
  return lowering.channelsOf(value) ?? layer.refuse('the number of channels of its input is not known');
}

/** Weights of the ordinary convolution equivalent to a depthwise one with several filters per channel. */
function spreadDepthwise(weights: Float32Array, taps: number, channels: number, multiplier: number): Float32Array {
  const outputs = channels * multiplier;
  const spread = new Float32Array(taps * channels * outputs);
  for (let i = 0; i < weights.length; i++) {
    const channel = Math.floor(i / multiplier) % channels;
    const row = Math.floor(i / multiplier);
    spread[row * outputs + channel * multiplier + (i % multiplier)] = weights[i];
  }
  return spread;
}
