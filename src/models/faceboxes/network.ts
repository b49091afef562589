import { type LayerOutput, LayersModelBuilder, type NetworkTopology } from '../../engine/layers-model-builder.ts';
import { ANCHORS_PER_CELL } from './constants.ts';

/** Layers that negate their input: their depthwise kernels are -1 throughout, not learned. */
export const NEGATION_LAYERS: readonly string[] = ['conv1.negate', 'conv2.negate'];

/**
 * FaceBoxes: input `[n, height, width, 3]` of any size, BGR minus the channel means; outputs `loc [n, priors, 4]` and
 * `conf [n, priors, 2]` (after softmax; class 1 is a face). Convolutions have the names of upstream's modules;
 * BatchNorm is expected to be folded into them.
 *
 * The average pooling of the inceptions counts the padding, as torch does: the zeros are added before a pooling without
 * padding. CReLU keeps both signs: `relu(concat(x, -x))`, where `-x` is a depthwise 1x1 convolution with -1.
 * @see FaceBoxes/models/faceboxes.py (3DDFA_V2 1b6c676)
 */
export function faceboxes(): NetworkTopology {
  const model = new LayersModelBuilder('faceboxes');
  const pad = (name: string, input: LayerOutput, padding: number): LayerOutput =>
    padding === 0 ? input : model.zeroPadding2d(`${name}.pad`, input, padding);
  const conv = (name: string, input: LayerOutput, filters: number, kernelSize: number, stride = 1): LayerOutput =>
    model.conv2d(`${name}.conv`, pad(name, input, (kernelSize - 1) / 2), {
      filters,
      kernelSize,
      stride,
      activation: 'relu',
    });

  const crelu = (
    name: string,
    input: LayerOutput,
    filters: number,
    kernelSize: number,
    stride: number,
  ): LayerOutput => {
    const padded = pad(name, input, (kernelSize - 1) / 2);
    const features = model.conv2d(`${name}.conv`, padded, { filters, kernelSize, stride });
    const negated = model.depthwiseConv2d(`${name}.negate`, features, { kernelSize: 1, bias: false });
    return model.relu(`${name}.relu`, model.concatenate(`${name}.concat`, [features, negated], 2));
  };

  const inception = (name: string, input: LayerOutput): LayerOutput => {
    const pooled = model.averagePooling2d(`${name}.avgpool`, pad(`${name}.avgpool`, input, 1), 3, 1);
    const reduced = conv(`${name}.branch3x3_reduce`, input, 24, 1);
    const reducedTwice = conv(`${name}.branch3x3_reduce_2`, input, 24, 1);
    const branches = [
      conv(`${name}.branch1x1`, input, 32, 1),
      conv(`${name}.branch1x1_2`, pooled, 32, 1),
      conv(`${name}.branch3x3`, reduced, 32, 3),
      conv(`${name}.branch3x3_3`, conv(`${name}.branch3x3_2`, reducedTwice, 32, 3), 32, 3),
    ];
    return model.concatenate(`${name}.concat`, branches, 2);
  };

  let features: LayerOutput = model.input('input', [null, null, 3]);
  features = crelu('conv1', features, 24, 7, 4);
  features = model.maxPooling2d('maxpool1', pad('maxpool1', features, 1), 3, 2);
  features = crelu('conv2', features, 64, 5, 2);
  features = model.maxPooling2d('maxpool2', pad('maxpool2', features, 1), 3, 2);
  for (const name of ['inception1', 'inception2', 'inception3']) features = inception(name, features);
  const sources = [features];
  features = conv('conv3_2', conv('conv3_1', features, 128, 1), 256, 3, 2);
  sources.push(features);
  features = conv('conv4_2', conv('conv4_1', features, 128, 1), 256, 3, 2);
  sources.push(features);

  const heads = (name: string, numbersPerAnchor: number): LayerOutput[] =>
    sources.map((source, i) => {
      const filters = ANCHORS_PER_CELL[i] * numbersPerAnchor;
      const padded = pad(`${name}.${i}`, source, 1);
      const head = model.conv2d(`${name}.${i}`, padded, { filters, kernelSize: 3 });
      return model.reshape(`${name}.${i}.flat`, head, [null, numbersPerAnchor]);
    });
  const loc = model.concatenate('loc', heads('loc', 4), 0);
  const scores = model.concatenate('conf.concat', heads('conf', 2), 0);
  return model.build([loc, model.softmax('conf', scores)]);
}
