import {
  MOBILENET_V1_BLOCKS,
  MOBILENET_V1_STEM_CHANNELS,
  mobilenetV1,
  scaledChannels,
} from '../../src/models/tddfa/mobilenet-v1.ts';
import type { StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { type FoldedLayer, foldLayers } from './fold-layers.ts';
import { findRegressorHead } from './regressor-head.ts';

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
  const layers: FoldedLayer[] = [{ kind: 'convolution', layer: 'conv1', module: 'conv1', batchNorm: 'bn1' }];
  for (const [name] of MOBILENET_V1_BLOCKS) {
    for (const [kind, part] of [
      ['depthwise', 'dw'],
      ['convolution', 'sep'],
    ] as const) {
      const module = `${name}.conv_${part}`;
      layers.push({ kind, layer: module, module, batchNorm: `${name}.bn_${part}` });
    }
  }
  layers.push({ kind: 'dense', layer: 'fc', module: head.module });
  const topology = mobilenetV1({ widthMultiplier, outputCount });
  const artifact = foldLayers(stateDict, topology, layers, file);
  return { architecture: 'mobilenet-v1', widthMultiplier, outputCount, artifact };
}

/**
 * The width multiplier that explains the most layers: each layer's channels, cut to a whole number, leave an interval for
 * it. A layer that no such multiplier explains is then found misshapen. Of all multipliers that fit, the shortest decimal.
 */
function recogniseWidth(stateDict: StateDict): number {
  const intervals: { from: number; to: number; base: number; channels: number }[] = [];
  const stem = ['conv1', MOBILENET_V1_STEM_CHANNELS] as const;
  for (const [module, base] of [stem, ...MOBILENET_V1_BLOCKS.map(([name, n]) => [`${name}.conv_sep`, n] as const)]) {
    const channels = stateDict.get(`${module}.weight`)?.shape[0];
    if (channels) intervals.push({ from: channels / base, to: (channels + 1) / base, base, channels });
  }
  let best: typeof intervals = [];
  for (const { from } of intervals) {
    const explained = intervals.filter((interval) => interval.from <= from && from < interval.to);
    if (explained.length > best.length) best = explained;
  }
  const from = Math.max(0, ...best.map((interval) => interval.from));
  const to = Math.min(...best.map((interval) => interval.to));
  for (let power = 1; power <= 1e9; power *= 10) {
    const decimal = Math.ceil(from * power) / power;
    if (decimal < to && best.every(({ base, channels }) => scaledChannels(base, decimal) === channels)) return decimal;
  }
  return from > 0 ? from : 1;
}
