import type { LayersArtifact, WeightSpec } from '../../src/engine/layers-artifact.ts';
import type { NetworkTopology } from '../../src/engine/layers-model-builder.ts';
import { WeightFormatError } from '../../src/errors.ts';
import type { NamedTensor, StateDict } from '../tensor.ts';

/** Added to the variance by torch's BatchNorm. */
const BATCH_NORM_EPSILON = 1e-5;

/** One of our layers and the torch modules that its weights come from. */
export type FoldedLayer =
  | {
      readonly kind: FoldedKind;
      /** Name in the topology. */
      readonly layer: string;
      /** Prefix of `weight`, and of `bias` if there is no BatchNorm. */
      readonly module: string;
      /** Prefix of the subsequent BatchNorm, which is folded into the weights. */
      readonly batchNorm?: string;
      /** An additional factor of the result; default 1. */
      readonly factor?: number;
    }
  | {
      readonly kind: 'prelu';
      /** Name in the topology. */
      readonly layer: string;
      /** Prefix of `weight`: one factor for all channels, or one for each. */
      readonly module: string;
    }
  | {
      /** A depthwise kernel that is not in any checkpoint. */
      readonly kind: 'constant';
      readonly layer: string;
      readonly value: number;
    };

/**
 * Converts a checkpoint to a Layers artifact: folds each BatchNorm into the convolution before it (in float64), and
 * reorders kernels from torch's order (`[out, in, height, width]`) to that of Layers (`[height, width, in, out]`).
 * @param stateDict - tensors under the names given in `layers`; all of them must be used.
 * @param file - for error messages.
 * @throws WeightFormatError naming the tensor that is missing, unexpected, misshapen or not finite.
 */
export function foldLayers(
  stateDict: StateDict,
  { modelTopology, weightSpecs }: NetworkTopology,
  layers: readonly FoldedLayer[],
  file: string,
): LayersArtifact {
  const reader = new TensorReader(stateDict, file);
  const shapes = new Map(weightSpecs.map(({ name, shape }) => [name, shape]));
  // All tensors are checked before memory is allocated: a damaged shape could request any amount.
  const read = layers.map((layer) => {
    const name = ['kernel', 'depthwise_kernel', 'alpha']
      .map((weight) => `${layer.layer}/${weight}`)
      .find((weight) => shapes.has(weight));
    if (name === undefined) throw new Error(`the topology has no weights for '${layer.layer}'`);
    return { name, write: readWeights(reader, layer, shapes.get(name) ?? [], shapes.has(`${layer.layer}/bias`)) };
  });
  reader.refuseUnread();

  const { weightData, values } = layOut(weightSpecs);
  for (const { name, write } of read) {
    const kernel = values.get(name);
    if (kernel !== undefined) write(kernel, values.get(name.replace(/[^/]*$/, 'bias')));
  }
  return { modelTopology, weightSpecs, weightData };
}

/** Fills the weights of one of our layers. */
type WriteWeights = (kernel: Float32Array, bias: Float32Array | undefined) => void;

/** Reads what a layer needs, and returns a function that writes it. */
function readWeights(
  reader: TensorReader,
  layer: FoldedLayer,
  shape: readonly number[],
  hasBias: boolean,
): WriteWeights {
  switch (layer.kind) {
    case 'constant':
      return (kernel) => kernel.fill(layer.value);
    case 'prelu': {
      const alphas = reader.read(`${layer.module}.weight`, [[1], [elementCount(shape)]]);
      return (kernel) => {
        for (let i = 0; i < kernel.length; i++) kernel[i] = alphas[alphas.length === 1 ? 0 : i];
      };
    }
    default: {
      const tensors = readLayer(reader, layer, shape, hasBias);
      return (kernel, bias) => foldLayer(tensors, kernel, bias);
    }
  }
}

/** One buffer for all tensors of the artifact, and views of each. */
function layOut(specs: readonly WeightSpec[]): { weightData: ArrayBuffer; values: Map<string, Float32Array> } {
  const weightData = new ArrayBuffer(4 * specs.reduce((total, { shape }) => total + elementCount(shape), 0));
  const values = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of specs) {
    const view = new Float32Array(weightData, offset, elementCount(shape));
    values.set(name, view);
    offset += view.byteLength;
  }
  return { weightData, values };
}

type Numbers = Float32Array | Float64Array;

/** A torch layer, seen as a convolution. */
interface TorchLayer {
  readonly outputs: number;
  /** Per output: a dense layer's inputs, a convolution's channels, 1 for a depthwise one. */
  readonly inputs: number;
  /** Of the kernel. */
  readonly pixels: number;
  /** `[outputs x inputs x pixels]`. */
  readonly weight: Numbers;
  /** What follows: a bias, or a BatchNorm. */
  readonly bias?: Numbers;
  readonly batchNorm?: ScaleAndShift;
  readonly factor: number;
}

/** `y = scale * x + shift`, per channel. */
interface ScaleAndShift {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function readLayer(
  reader: TensorReader,
  { kind, module, batchNorm, factor = 1 }: Extract<FoldedLayer, { kind: FoldedKind }>,
  kernelShape: readonly number[],
  hasBias: boolean,
): TorchLayer {
  const [height, width, inputs, outputs] = kernelSizes(kind, kernelShape);
  const asConvolution = [outputs, inputs, height, width];
  // A last layer may be stored as a 1x1 convolution or as a matrix: they are equivalent.
  const isHead = batchNorm === undefined && height * width === 1;
  const asMatrix = [outputs, inputs];
  const shapes = !isHead ? [asConvolution] : kind === 'dense' ? [asMatrix, asConvolution] : [asConvolution, asMatrix];
  return {
    outputs,
    inputs,
    pixels: height * width,
    factor,
    weight: reader.read(`${module}.weight`, shapes),
    ...(batchNorm !== undefined && { batchNorm: readBatchNorm(reader, batchNorm, outputs) }),
    ...(batchNorm === undefined && hasBias && { bias: reader.read(`${module}.bias`, [[outputs]]) }),
  };
}

/** The effect of a BatchNorm after training. */
function readBatchNorm(reader: TensorReader, module: string, channels: number): ScaleAndShift {
  const gamma = reader.read(`${module}.weight`, [[channels]]);
  const beta = reader.read(`${module}.bias`, [[channels]]);
  const mean = reader.read(`${module}.running_mean`, [[channels]]);
  const variance = reader.read(`${module}.running_var`, [[channels]]);
  const scale = new Float64Array(channels);
  const shift = new Float64Array(channels);
  for (let i = 0; i < channels; i++) {
    const positive = variance[i] + BATCH_NORM_EPSILON;
    if (!(positive > 0)) {
      throw new WeightFormatError(reader.file, `element ${i} is a negative variance`, {
        tensor: `${module}.running_var`,
        expected: 'at least 0',
        actual: String(variance[i]),
      });
    }
    scale[i] = gamma[i] / Math.sqrt(positive);
    shift[i] = beta[i] - mean[i] * scale[i];
  }
  return { scale, shift };
}

/** Writes a layer's kernel, `[pixels x inputs x outputs]`, and its bias if it has one. */
function foldLayer(layer: TorchLayer, kernel: Float32Array, bias: Float32Array | undefined): void {
  const { outputs, inputs, pixels, weight, batchNorm } = layer;
  const shifts = batchNorm?.shift ?? layer.bias ?? [];
  bias?.set(layer.factor === 1 ? shifts : shifts.map((shift) => shift * layer.factor));
  let from = 0;
  for (let output = 0; output < outputs; output++) {
    const factor = (batchNorm?.scale[output] ?? 1) * layer.factor;
    for (let input = 0; input < inputs; input++) {
      let to = input * outputs + output;
      for (let pixel = 0; pixel < pixels; pixel++, from++, to += inputs * outputs) {
        kernel[to] = weight[from] * factor;
      }
    }
  }
}

/** The two convolutions of a depthwise separable block, under the original's names. */
export function separableLayers(block: string): [FoldedLayer, FoldedLayer] {
  const named = (kind: FoldedKind, part: string): FoldedLayer => {
    const name = `${block}.conv_${part}`;
    return { kind, layer: name, module: name, batchNorm: `${block}.bn_${part}` };
  };
  return [named('depthwise', 'dw'), named('convolution', 'sep')];
}

type FoldedKind = 'convolution' | 'depthwise' | 'dense';

/** Height, width, inputs per output, and outputs of one of our kernels. */
function kernelSizes(kind: FoldedKind, shape: readonly number[]): [number, number, number, number] {
  const [a = 1, b = 1, c = 1, d = 1] = shape;
  if (kind === 'dense') return [1, 1, a, b];
  return kind === 'depthwise' ? [a, b, 1, c] : [a, b, c, d];
}

/** Returns each tensor once, and keeps track of those never read. */
class TensorReader {
  readonly file: string;
  readonly #stateDict: StateDict;
  readonly #unread: Set<string>;

  constructor(stateDict: StateDict, file: string) {
    this.file = file;
    this.#stateDict = stateDict;
    this.#unread = new Set(stateDict.keys());
  }

  /** @param shapes - accepted shapes. */
  read(name: string, shapes: readonly (readonly number[])[]): Numbers {
    const tensor = this.#stateDict.get(name);
    const expected = shapes.map((shape) => `[${shape.join(', ')}]`).join(' or ');
    if (tensor === undefined) {
      throw new WeightFormatError(this.file, 'is missing', { tensor: name, expected, actual: 'nothing' });
    }
    if (!shapes.some((shape) => shape.length === tensor.shape.length && shape.every((n, i) => n === tensor.shape[i]))) {
      throw new WeightFormatError(this.file, 'has the wrong shape', {
        tensor: name,
        expected,
        actual: `[${tensor.shape.join(', ')}]`,
      });
    }
    this.#unread.delete(name);
    return this.#finiteNumbers(name, tensor);
  }

  /** @throws WeightFormatError naming the first tensor that was not read. */
  refuseUnread(): void {
    for (const name of this.#unread) {
      throw new WeightFormatError(this.file, 'is not a tensor of this network', { tensor: name });
    }
  }

  #finiteNumbers(name: string, { shape, data }: NamedTensor): Numbers {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      throw new WeightFormatError(this.file, 'has the wrong type', {
        tensor: name,
        expected: 'floating-point numbers',
        actual: data.constructor.name.replace('Array', '').toLowerCase(),
      });
    }
    if (data.length !== elementCount(shape)) {
      throw new WeightFormatError(this.file, 'has the wrong number of elements', {
        tensor: name,
        expected: String(elementCount(shape)),
        actual: String(data.length),
      });
    }
    const isNumber = Number.isFinite;
    for (let i = 0; i < data.length; i++) {
      if (isNumber(data[i])) continue;
      throw new WeightFormatError(this.file, `element ${i} is not finite`, {
        tensor: name,
        expected: 'a number',
        actual: String(data[i]),
      });
    }
    return data;
  }
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
