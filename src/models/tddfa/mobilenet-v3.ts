import { type LayerOutput, LayersModelBuilder, type NetworkTopology } from '../../engine/layers-model-builder.ts';
import { CROP_SIZE } from '../../geometry/similarity-transform.ts';

/** The two networks of the paper. */
export type MobilenetV3Size = 'small' | 'large';

/** An inverted residual block; channels at width 1. */
export interface MobilenetV3Block {
  /** Side of the depthwise kernel. */
  readonly kernelSize: 3 | 5;
  /** Channels between the two pointwise convolutions. */
  readonly expanded: number;
  readonly channels: number;
  /** Squeeze and excite: a gate for each channel, from the mean over the picture. */
  readonly hasGate: boolean;
  readonly nonlinearity: 'relu' | 'hard-swish';
  readonly stride: 1 | 2;
}

function block(
  kernelSize: 3 | 5,
  expanded: number,
  channels: number,
  gate: 'gate' | '-',
  nonlinearity: MobilenetV3Block['nonlinearity'],
  stride: 1 | 2,
): MobilenetV3Block {
  return { kernelSize, expanded, channels, hasGate: gate === 'gate', nonlinearity, stride };
}

/** Blocks of both networks, as in upstream: tables 1 and 2 of the paper, except for the first block of `small`. */
export const MOBILENET_V3_BLOCKS: Readonly<Record<MobilenetV3Size, readonly MobilenetV3Block[]>> = {
  small: [
    block(3, 16, 16, 'gate', 'relu', 2),
    block(3, 72, 24, '-', 'relu', 2),
    block(3, 88, 24, '-', 'relu', 1),
    block(5, 96, 40, 'gate', 'hard-swish', 2),
    block(5, 240, 40, 'gate', 'hard-swish', 1),
    block(5, 240, 40, 'gate', 'hard-swish', 1),
    block(5, 120, 48, 'gate', 'hard-swish', 1),
    block(5, 144, 48, 'gate', 'hard-swish', 1),
    block(5, 288, 96, 'gate', 'hard-swish', 2),
    block(5, 576, 96, 'gate', 'hard-swish', 1),
    block(5, 576, 96, 'gate', 'hard-swish', 1),
  ],
  large: [
    block(3, 16, 16, '-', 'relu', 1),
    block(3, 64, 24, '-', 'relu', 2),
    block(3, 72, 24, '-', 'relu', 1),
    block(5, 72, 40, 'gate', 'relu', 2),
    block(5, 120, 40, 'gate', 'relu', 1),
    block(5, 120, 40, 'gate', 'relu', 1),
    block(3, 240, 80, '-', 'hard-swish', 2),
    block(3, 200, 80, '-', 'hard-swish', 1),
    block(3, 184, 80, '-', 'hard-swish', 1),
    block(3, 184, 80, '-', 'hard-swish', 1),
    block(3, 480, 112, 'gate', 'hard-swish', 1),
    block(3, 672, 112, 'gate', 'hard-swish', 1),
    block(5, 672, 160, 'gate', 'hard-swish', 2),
    block(5, 960, 160, 'gate', 'hard-swish', 1),
    block(5, 960, 160, 'gate', 'hard-swish', 1),
  ],
};

/** Channels of the first convolution, at every width. */
const STEM_CHANNELS = 16;
/** Channels of the last convolution over a picture, at width 1. */
export const MOBILENET_V3_LAST_CHANNELS: Readonly<Record<MobilenetV3Size, number>> = { small: 576, large: 960 };
/** Channels before the last layer, at widths up to 1. */
const FEATURES = 1280;
/** The gate's inner layer has this many times fewer channels. */
const GATE_REDUCTION = 4;

/**
 * Factor by which the argument of Keras's hard sigmoid, 0.2 x + 0.5, is multiplied to get torch's, x / 6 + 0.5. A gate
 * has it in its weights, a hard swish in a separate layer.
 */
export const HARD_SIGMOID_FACTOR = 5 / 6;

/** Options of a MobileNet-V3. */
export interface MobilenetV3Options {
  readonly size: MobilenetV3Size;
  /** Multiplies the channels of the blocks, rounded up to multiples of 8; 1 is the original's default. */
  readonly widthMultiplier: number;
  /** Number of outputs: 62, 72 or 141. */
  readonly outputCount: number;
}

/** A MobileNet-V3, and which of its layers only multiply by `HARD_SIGMOID_FACTOR`. */
export interface MobilenetV3Topology extends NetworkTopology {
  readonly scaleLayers: readonly string[];
}

/**
 * MobileNet-V3 as a regressor: input `[n, 120, 120, 3]`, BGR, `(v - 127.5) / 128`; output `[n, outputCount]`,
 * standardised parameters. Layers have the names of upstream's modules; BatchNorm is expected to be folded into the
 * convolutions, and `HARD_SIGMOID_FACTOR` into the second layer of each gate.
 * @throws RangeError if `widthMultiplier` is not positive.
 * @see models/mobilenet_v3.py (3DDFA_V2 1b6c676); Howard et al., "Searching for MobileNetV3"
 */
export function mobilenetV3({ size, widthMultiplier, outputCount }: MobilenetV3Options): MobilenetV3Topology {
  if (!(widthMultiplier > 0 && widthMultiplier < Infinity)) {
    throw new RangeError(`widthMultiplier: expected a positive number, got ${widthMultiplier}`);
  }
  const model = new LayersModelBuilder('mobilenet_v3');
  const scaleLayers: string[] = [];
  const hardSwish = (name: string, input: LayerOutput): LayerOutput => {
    const scaled = `${name}.scale`;
    scaleLayers.push(scaled);
    let gate = model.depthwiseConv2d(scaled, input, { kernelSize: 1, bias: false });
    gate = model.activation(`${name}.gate`, gate, 'hard_sigmoid');
    return model.multiply(name, input, gate);
  };
  let features: LayerOutput = model.input('input', [CROP_SIZE, CROP_SIZE, 3]);
  features = model.zeroPadding2d('features.0.pad', features, 1);
  features = model.conv2d('features.0.0', features, { filters: STEM_CHANNELS, kernelSize: 3, stride: 2 });
  features = hardSwish('features.0.2', features);
  const blocks = MOBILENET_V3_BLOCKS[size];
  for (const [index, { kernelSize, expanded, channels, hasGate, nonlinearity, stride }] of blocks.entries()) {
    const name = `features.${index + 1}.conv`;
    const inner = dividedByEight(expanded, widthMultiplier);
    const nonlinear = (layer: string, input: LayerOutput): LayerOutput =>
      nonlinearity === 'relu' ? model.relu(layer, input) : hardSwish(layer, input);
    const before = features;
    features = model.conv2d(`${name}.0`, features, { filters: inner, kernelSize: 1 });
    features = nonlinear(`${name}.2`, features);
    features = model.zeroPadding2d(`${name}.pad`, features, (kernelSize - 1) / 2);
    features = model.depthwiseConv2d(`${name}.3`, features, { kernelSize, stride });
    if (hasGate) {
      let gate = model.globalAveragePooling2d(`${name}.5.avg_pool`, features);
      const squeezed = Math.floor(inner / GATE_REDUCTION);
      gate = model.dense(`${name}.5.fc.0`, gate, squeezed, { bias: false, activation: 'relu' });
      gate = model.dense(`${name}.5.fc.2`, gate, inner, { bias: false, activation: 'hard_sigmoid' });
      gate = model.reshape(`${name}.5.factors`, gate, [1, 1, inner]);
      features = model.multiply(`${name}.5`, features, gate);
    }
    features = nonlinear(`${name}.6`, features);
    const filters = dividedByEight(channels, widthMultiplier);
    features = model.conv2d(`${name}.7`, features, { filters, kernelSize: 1 });
    if (stride === 1 && before.shape.at(-1) === filters) features = model.add(`${name}.sum`, [before, features]);
  }
  const last = dividedByEight(MOBILENET_V3_LAST_CHANNELS[size], widthMultiplier);
  features = model.conv2d(`features.${blocks.length + 1}.0`, features, { filters: last, kernelSize: 1 });
  features = hardSwish(`features.${blocks.length + 1}.2`, features);
  features = model.globalAveragePooling2d(`features.${blocks.length + 2}`, features);
  features = model.reshape('pixel', features, [1, 1, last]);
  const filters = widthMultiplier > 1 ? dividedByEight(FEATURES, widthMultiplier) : FEATURES;
  features = model.conv2d(`features.${blocks.length + 3}`, features, { filters, kernelSize: 1 });
  features = hardSwish(`features.${blocks.length + 4}`, features);
  features = model.reshape('flat', features, [filters]);
  return { ...model.build([model.dense('fc', features, outputCount)]), scaleLayers };
}

/** Channels of a layer at a width multiplier: rounded up to a multiple of 8. */
export function dividedByEight(channels: number, widthMultiplier: number): number {
  return Math.ceil((channels * widthMultiplier) / 8) * 8;
}
