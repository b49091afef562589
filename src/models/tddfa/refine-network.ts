import { type LayerOutput, LayersModelBuilder, type NetworkTopology } from '../../engine/layers-model-builder.ts';

/** Side of a crop of eyes or of a mouth, px. */
export const REFINE_SIZE = 64;

/** Depthwise-separable blocks after the first convolution: output channels, stride. */
const BLOCKS: readonly (readonly [channels: number, stride: 1 | 2])[] = [
  [48, 1],
  [96, 2],
  [96, 1],
  [144, 2],
  [144, 1],
  [192, 2],
  [192, 1],
];
const STEM_CHANNELS = 36;
const SQUEEZED_CHANNELS = 64;
const FEATURES = 128;
/** Side of the last features: the picture halved four times. */
const LAST_SIZE = REFINE_SIZE / 16;

/** Names of the blocks, those of the torch modules. */
export const REFINE_BLOCKS: readonly string[] = BLOCKS.map((_, index) => `dw${index + 2}`);

/**
 * A small network for crops of a feature: input `[n, 64, 64, channels]`, output `[n, outputCount]`, standardised. Its
 * last features are not pooled, because positions matter.
 * @param channels - of the input: colours, then constants of the whole crop.
 */
export function refineNetwork(channels: number, outputCount: number): NetworkTopology {
  const model = new LayersModelBuilder('refine');
  const relu = { activation: 'relu' } as const;
  let features: LayerOutput = model.input('input', [REFINE_SIZE, REFINE_SIZE, channels]);
  features = model.zeroPadding2d('conv1.pad', features, 1);
  features = model.conv2d('conv1', features, { filters: STEM_CHANNELS, kernelSize: 3, stride: 2, ...relu });
  for (const [index, [filters, stride]] of BLOCKS.entries()) {
    const name = `dw${index + 2}`;
    features = model.zeroPadding2d(`${name}.pad`, features, 1);
    features = model.depthwiseConv2d(`${name}.conv_dw`, features, { kernelSize: 3, stride, ...relu });
    features = model.conv2d(`${name}.conv_sep`, features, { filters, kernelSize: 1, ...relu });
  }
  features = model.conv2d('conv_squeeze', features, { filters: SQUEEZED_CHANNELS, kernelSize: 1, ...relu });
  features = model.reshape('flat', features, [LAST_SIZE * LAST_SIZE * SQUEEZED_CHANNELS]);
  features = model.dense('fc_features', features, FEATURES, relu);
  return model.build([model.dense('fc', features, outputCount)]);
}
