import { type LayerOutput, LayersModelBuilder, type NetworkTopology } from '../../engine/layers-model-builder.ts';
import { CROP_SIZE } from '../../geometry/similarity-transform.ts';

/** Stages: name, channels, number of basic blocks; the first block of each halves the picture. */
export const RESNET22_STAGES: readonly (readonly [name: string, channels: number, blocks: number])[] = [
  ['layer1', 128, 3],
  ['layer2', 256, 4],
  ['layer3', 512, 3],
];

/**
 * ResNet22 as a regressor: input `[n, 120, 120, 3]`, BGR, `(v - 127.5) / 128`; output `[n, outputCount]`, standardised
 * parameters. Layers have the names of upstream's modules; BatchNorm is expected to be folded into the convolutions.
 * @param outputCount - 62, 72 or 141.
 * @see models/resnet.py (3DDFA_V2 1b6c676)
 */
export function resnet22({ outputCount }: { readonly outputCount: number }): NetworkTopology {
  const model = new LayersModelBuilder('resnet22');
  const conv = (
    name: string,
    input: LayerOutput,
    filters: number,
    kernelSize: number,
    stride: number,
    activation?: 'relu',
  ): LayerOutput => {
    const padding = (kernelSize - 1) / 2;
    const padded = padding === 0 ? input : model.zeroPadding2d(`${name}.pad`, input, padding);
    return model.conv2d(name, padded, { filters, kernelSize, stride, ...(activation && { activation }) });
  };

  let features = model.input('input', [CROP_SIZE, CROP_SIZE, 3]);
  features = conv('conv1', features, 32, 5, 2, 'relu');
  features = conv('conv2', features, 64, 3, 1, 'relu');
  for (const [stage, channels, blocks] of RESNET22_STAGES) {
    for (let i = 0; i < blocks; i++) {
      const block = `${stage}.${i}`;
      const stride = i === 0 ? 2 : 1;
      const shortcut = i === 0 ? conv(`${block}.downsample.0`, features, channels, 1, stride) : features;
      features = conv(`${block}.conv1`, features, channels, 3, stride, 'relu');
      features = conv(`${block}.conv2`, features, channels, 3, 1);
      features = model.add(`${block}.add`, [features, shortcut]);
      features = model.relu(`${block}.relu`, features);
    }
  }
  features = conv('conv_param', features, outputCount, 1, 1);
  return model.build([model.globalAveragePooling2d('avgpool', features)]);
}
