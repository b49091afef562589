import {
  dividedByEight,
  HARD_SIGMOID_FACTOR,
  MOBILENET_V3_BLOCKS,
  MOBILENET_V3_LAST_CHANNELS,
  type MobilenetV3Size,
  mobilenetV3,
} from '../../src/models/tddfa/mobilenet-v3.ts';
import type { StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { type FoldedLayer, foldLayers } from './fold-layers.ts';
import { findRegressorHead } from './regressor-head.ts';
import { explainChannels, type LayerChannels } from './width-multiplier.ts';

/**
 * Converts a MobileNet-V3 regressor, small or large, of any width.
 * @param stateDict - names without a prefix.
 * @throws WeightFormatError naming the tensor that is wrong.
 * @see models/mobilenet_v3.py (3DDFA_V2 1b6c676)
 */
export function convertMobilenetV3(stateDict: StateDict, file: string): ConvertedNetwork {
  const head = findRegressorHead(stateDict, 'fc', file);
  const { outputCount } = head;
  // The large network still has blocks where the small one has its last convolutions.
  const isLarge = [...stateDict.keys()].some((name) => name.startsWith('features.15.conv.'));
  const size: MobilenetV3Size = isLarge ? 'large' : 'small';
  const blocks = MOBILENET_V3_BLOCKS[size];
  const widthMultiplier = recogniseWidth(stateDict, size);
  const layers: FoldedLayer[] = [convolution('features.0.0', 'features.0.1')];
  for (const [index, { hasGate }] of blocks.entries()) {
    const name = `features.${index + 1}.conv`;
    layers.push(
      convolution(`${name}.0`, `${name}.1`),
      { kind: 'depthwise', layer: `${name}.3`, module: `${name}.3`, batchNorm: `${name}.4` },
      convolution(`${name}.7`, `${name}.8`),
    );
    if (!hasGate) continue;
    const [squeeze, excite] = [`${name}.5.fc.0`, `${name}.5.fc.2`];
    layers.push(
      { kind: 'dense', layer: squeeze, module: squeeze },
      { kind: 'dense', layer: excite, module: excite, factor: HARD_SIGMOID_FACTOR },
    );
  }
  const last = `features.${blocks.length + 1}`;
  const pixel = `features.${blocks.length + 3}`;
  layers.push(
    convolution(`${last}.0`, `${last}.1`),
    { kind: 'convolution', layer: pixel, module: pixel },
    { kind: 'dense', layer: 'fc', module: head.module },
  );
  const { scaleLayers, ...topology } = mobilenetV3({ size, widthMultiplier, outputCount });
  for (const layer of scaleLayers) layers.push({ kind: 'constant', layer, value: HARD_SIGMOID_FACTOR });
  const artifact = foldLayers(stateDict, topology, layers, file);
  return { architecture: `mobilenet-v3-${size}`, widthMultiplier, outputCount, artifact };
}

function convolution(module: string, batchNorm: string): FoldedLayer {
  return { kind: 'convolution', layer: module, module, batchNorm };
}

/** Each layer's number of channels, rounded up to a multiple of 8, leaves an interval for the width multiplier. */
function recogniseWidth(stateDict: StateDict, size: MobilenetV3Size): number {
  const blocks = MOBILENET_V3_BLOCKS[size];
  const bases = blocks.flatMap(({ expanded, channels }, index): [string, number][] => [
    [`features.${index + 1}.conv.0`, expanded],
    [`features.${index + 1}.conv.7`, channels],
  ]);
  bases.push([`features.${blocks.length + 1}.0`, MOBILENET_V3_LAST_CHANNELS[size]]);
  const layers: LayerChannels[] = [];
  for (const [module, base] of bases) {
    const channels = stateDict.get(`${module}.weight`)?.shape[0];
    // Just above the multiplier that gives 8 channels fewer.
    if (channels)
      layers.push({ base, channels, from: ((channels - 8) / base) * (1 + 1e-9), to: (channels / base) * (1 + 1e-9) });
  }
  return explainChannels(layers, (width, { base, channels }) => dividedByEight(base, width) === channels);
}
