import { type LayerOutput, LayersModelBuilder, type NetworkTopology } from '../../engine/layers-model-builder.ts';
import { CROP_SIZE } from '../../geometry/similarity-transform.ts';

/** Depthwise-separable blocks: name, output channels at width 1, stride. */
export const MOBILENET_V1_BLOCKS: readonly (readonly [name: string, channels: number, stride: 1 | 2])[] = [
  ['dw2_1', 64, 1],
  ['dw2_2', 128, 2],
  ['dw3_1', 128, 1],
  ['dw3_2', 256, 2],
  ['dw4_1', 256, 1],
  ['dw4_2', 512, 2],
  ['dw5_1', 512, 1],
  ['dw5_2', 512, 1],
  ['dw5_3', 512, 1],
  ['dw5_4', 512, 1],
  ['dw5_5', 512, 1],
  ['dw5_6', 1024, 2],
  ['dw6', 1024, 1],
];

/** Output channels of the first convolution at width 1. */
export const MOBILENET_V1_STEM_CHANNELS = 32;

/** Layer of the second output, which the original does not have. */
export const ACTING_HEAD = 'fc_expression';

/** Options of a MobileNet-V1. */
export interface MobilenetV1Options {
  /** Multiplies the channels of every layer, rounded down; 1 is the original's default, 0.5 its small network. */
  readonly widthMultiplier: number;
  /** Number of outputs: 62, 72 or 141. */
  readonly outputCount: number;
  /** Size of a second output on the same features, in a network that outputs expressions and gaze separately. */
  readonly actingOutputCount?: number | undefined;
  /** Activation after each convolution: the original's default, `relu`, or its other choice. */
  readonly activation?: 'relu' | 'prelu';
}

/**
 * MobileNet-V1 as a regressor: input `[n, 120, 120, 3]`, BGR, `(v - 127.5) / 128`; output `[n, outputCount]`,
 * standardised parameters; with `actingOutputCount` a second output, `fc_expression`. Layers have the names of
 * upstream's modules; BatchNorm is expected to be folded into the convolutions.
 * @throws RangeError if `widthMultiplier` leaves no channels.
 * @see models/mobilenet_v1.py (3DDFA_V2 1b6c676)
 */
export function mobilenetV1({
  widthMultiplier,
  outputCount,
  actingOutputCount,
  activation = 'relu',
}: MobilenetV1Options): NetworkTopology {
  if (!(scaledChannels(MOBILENET_V1_STEM_CHANNELS, widthMultiplier) >= 1) || widthMultiplier === Infinity) {
    throw new RangeError(`widthMultiplier: expected a number of at least 1/32, got ${widthMultiplier}`);
  }
  const model = new LayersModelBuilder('mobilenet_v1');
  const fused = activation === 'relu' ? { activation } : {};
  const activated = (name: string, input: LayerOutput): LayerOutput =>
    activation === 'relu' ? input : model.prelu(name, input);
  let features: LayerOutput = model.input('input', [CROP_SIZE, CROP_SIZE, 3]);
  features = model.zeroPadding2d('conv1.pad', features, 1);
  features = model.conv2d('conv1', features, {
    filters: scaledChannels(MOBILENET_V1_STEM_CHANNELS, widthMultiplier),
    kernelSize: 3,
    stride: 2,
    ...fused,
  });
  features = activated('relu', features);
  for (const [name, channels, stride] of MOBILENET_V1_BLOCKS) {
    features = model.zeroPadding2d(`${name}.pad`, features, 1);
    features = model.depthwiseConv2d(`${name}.conv_dw`, features, { kernelSize: 3, stride, ...fused });
    features = activated(`${name}.relu_dw`, features);
    const filters = scaledChannels(channels, widthMultiplier);
    features = model.conv2d(`${name}.conv_sep`, features, { filters, kernelSize: 1, ...fused });
    features = activated(`${name}.relu_sep`, features);
  }
  features = model.globalAveragePooling2d('avgpool', features);
  return model.build([
    model.dense('fc', features, outputCount),
    ...(actingOutputCount === undefined ? [] : [model.dense(ACTING_HEAD, features, actingOutputCount)]),
  ]);
}

/** Channels of a layer at a width multiplier. */
export function scaledChannels(channels: number, widthMultiplier: number): number {
  return Math.trunc(channels * widthMultiplier);
}
