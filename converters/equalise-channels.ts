import { type LayerNode, parseLayersArtifact } from '../src/engine/compiler/parse.ts';
import type { LayersArtifact } from '../src/engine/layers-artifact.ts';

/** Layers between two convolutions whose output scales by s when the input does, s > 0. */
const HOMOGENEOUS = new Set([
  'ZeroPadding2D',
  'MaxPooling2D',
  'AveragePooling2D',
  'GlobalAveragePooling2D',
  'PReLU',
  'ReLU',
]);

/**
 * The largest of a layer's weights for a channel must stay at least this large: half precision then keeps its full
 * accuracy.
 */
const LEAST_WEIGHT = 2 ** -13;
/** Largest bias; float16 ends at 65504. */
const LARGEST_BIAS = 2 ** 15;

/**
 * Scales the output channels of a convolution to weights of the same magnitude, so that 8-bit quantisation is as
 * accurate for each as for the largest: a quantised tensor has a single scale. A channel's weights and bias are
 * multiplied by s > 0, and the next layer's weights for that channel are divided by s; as relu(s x) = s relu(x), the
 * network's function stays the same. Applied to each convolution, with a ReLU, a PReLU or neither, whose output only
 * one other layer with weights reads; the rest is unchanged.
 * @returns a new artifact; the given one is not modified.
 * @see Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.1;
 *   here s considers only the kernel to be quantised, as the depthwise one after it is not.
 */
export function equaliseChannels(artifact: LayersArtifact): LayersArtifact {
  const equalised = { ...artifact, weightData: artifact.weightData.slice(0) };
  // The tensors of the graph are views of `weightData`.
  const { layers, outputs } = parseLayersArtifact(equalised);
  const readers = new Map<string, LayerNode[]>(layers.map(({ name }) => [name, []]));
  for (const layer of layers) for (const input of layer.inputs) readers.get(input)?.push(layer);

  const onlyReader = ({ name }: LayerNode): LayerNode | undefined => {
    const [reader, ...others] = readers.get(name) ?? [];
    return others.length === 0 && !outputs.includes(name) ? reader : undefined;
  };
  for (const layer of layers) {
    if (layer.type !== 'Conv2D' || !['relu', 'linear'].includes(String(layer.config.activation))) continue;
    let next = onlyReader(layer);
    while (next !== undefined && isHomogeneous(next)) next = onlyReader(next);
    const kernel = layer.tensors.get('kernel');
    const following = next && channelWeights(next);
    if (kernel && following) {
      equalise(kernel.data, layer.tensors.get('bias')?.data ?? new Float32Array(following.channels), following);
    }
  }
  return equalised;
}

function isHomogeneous({ type, config }: LayerNode): boolean {
  return HOMOGENEOUS.has(type) && typeof config.max_value !== 'number';
}

/** A layer's weights, seen as `[outer x channels x inner]` by its input channels. */
interface ChannelWeights {
  readonly data: Float32Array;
  readonly channels: number;
  readonly inner: number;
}

function channelWeights({ type, tensors }: LayerNode): ChannelWeights | undefined {
  const kernel = tensors.get(type === 'DepthwiseConv2D' ? 'depthwise_kernel' : 'kernel');
  if (kernel === undefined) return undefined;
  const [channels = 0, inner = 0] = kernel.shape.slice(-2);
  return { data: kernel.data, channels, inner };
}

/** @param kernel - `[rows x channels]`, @param bias - `[channels]`: both are changed, and so is `next`. */
function equalise(kernel: Float32Array, bias: Float32Array, next: ChannelWeights): void {
  const { channels } = next;
  const sizes = largest({ data: kernel, channels, inner: 1 });
  const nextSizes = largest(next);
  const size = sizes.reduce((most, one) => Math.max(most, one), 0);
  const factors = sizes.map((one, channel) => {
    const room = nextSizes[channel] / LEAST_WEIGHT;
    const biasRoom = LARGEST_BIAS / Math.abs(bias[channel]);
    // A channel without weights, or one that nothing reads, gains nothing.
    return one === 0 ? 1 : Math.max(1, Math.min(size / one, room, biasRoom));
  });
  multiply({ data: kernel, channels, inner: 1 }, factors);
  multiply({ data: bias, channels, inner: 1 }, factors);
  multiply(
    next,
    factors.map((factor) => 1 / factor),
  );
}

/** Largest magnitude per channel. */
function largest({ data, channels, inner }: ChannelWeights): number[] {
  const sizes = new Array<number>(channels).fill(0);
  for (let from = 0; from < data.length; ) {
    for (let channel = 0; channel < channels; channel++) {
      let size = sizes[channel];
      for (const end = from + inner; from < end; from++) {
        const value = data[from];
        if (value > size) size = value;
        else if (-value > size) size = -value;
      }
      sizes[channel] = size;
    }
  }
  return sizes;
}

function multiply({ data, channels, inner }: ChannelWeights, factors: readonly number[]): void {
  for (let from = 0; from < data.length; ) {
    for (let channel = 0; channel < channels; channel++) {
      const factor = factors[channel];
      for (const end = from + inner; from < end; from++) data[from] = data[from] * factor;
    }
  }
}
