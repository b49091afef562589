import {
  ACTING_HEAD,
  MOBILENET_V1_BLOCKS,
  MOBILENET_V1_STEM_CHANNELS,
  mobilenetV1,
  scaledChannels,
} from '../../src/models/tddfa/mobilenet-v1.ts';
import type { StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { type FoldedLayer, foldLayers, separableLayers } from './fold-layers.ts';
import { findRegressorHead } from './regressor-head.ts';
import { explainChannels, type LayerChannels } from './width-multiplier.ts';

/**
 * Converts a MobileNet-V1 regressor.
 * @param stateDict - names without `module.`.
 * @throws WeightFormatError naming the tensor that is wrong.
 * @see models/mobilenet_v1.py (3DDFA_V2 1b6c676)
 */
export function convertMobilenetV1(stateDict: StateDict, file: string): ConvertedNetwork {
  const head = findRegressorHead(stateDict, 'fc', file);
  const widthMultiplier = recogniseWidth(stateDict);
  const { outputCount } = head;
  // The original's PReLU has one factor; both convolutions of a block share it.
  const activation = [...stateDict.keys()].some((name) => /(^|\.)relu\.weight$/.test(name)) ? 'prelu' : 'relu';
  const layers: FoldedLayer[] = [{ kind: 'convolution', layer: 'conv1', module: 'conv1', batchNorm: 'bn1' }];
  for (const [name] of MOBILENET_V1_BLOCKS) {
    for (const convolution of separableLayers(name)) {
      layers.push(convolution);
      if (activation !== 'prelu') continue;
      layers.push({ kind: 'prelu', layer: convolution.layer.replace('.conv_', '.relu_'), module: `${name}.relu` });
    }
  }
  if (activation === 'prelu') layers.push({ kind: 'prelu', layer: 'relu', module: 'relu' });
  layers.push({ kind: 'dense', layer: 'fc', module: head.module });
  const actingOutputCount = stateDict.get(`${ACTING_HEAD}.weight`)?.shape[0];
  if (actingOutputCount !== undefined) layers.push({ kind: 'dense', layer: ACTING_HEAD, module: ACTING_HEAD });
  const topology = mobilenetV1({ widthMultiplier, outputCount, actingOutputCount, activation });
  const artifact = foldLayers(stateDict, topology, layers, file);
  return {
    architecture: 'mobilenet-v1',
    widthMultiplier,
    outputCount,
    ...(actingOutputCount !== undefined && { actingOutputCount }),
    artifact,
  };
}

/** Each layer's number of channels, rounded down, leaves an interval for the width multiplier. */
function recogniseWidth(stateDict: StateDict): number {
  const intervals: LayerChannels[] = [];
  const stem = ['conv1', MOBILENET_V1_STEM_CHANNELS] as const;
  for (const [module, base] of [stem, ...MOBILENET_V1_BLOCKS.map(([name, n]) => [`${name}.conv_sep`, n] as const)]) {
    const channels = stateDict.get(`${module}.weight`)?.shape[0];
    if (channels) intervals.push({ from: channels / base, to: (channels + 1) / base, base, channels });
  }
  return explainChannels(intervals, (width, { base, channels }) => scaledChannels(base, width) === channels);
}
