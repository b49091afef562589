import { faceboxes, NEGATION_LAYERS } from '../../src/models/faceboxes/network.ts';
import type { StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { type FoldedLayer, foldLayers } from './fold-layers.ts';

const HEADS = ['loc.0', 'loc.1', 'loc.2', 'conf.0', 'conf.1', 'conf.2'];

/**
 * Converts a FaceBoxes detector.
 * @param stateDict - names without `module.`.
 * @throws WeightFormatError naming the tensor that is wrong.
 * @see FaceBoxes/models/faceboxes.py (3DDFA_V2 1b6c676)
 */
export function convertFaceboxes(stateDict: StateDict, file: string): ConvertedNetwork {
  const topology = faceboxes();
  const layers: FoldedLayer[] = [
    ...NEGATION_LAYERS.map((layer) => ({ kind: 'constant', layer, value: -1 }) as const),
    ...HEADS.map((module) => ({ kind: 'convolution', layer: module, module }) as const),
  ];
  // Every other convolution is a module `conv` beside its BatchNorm `bn`.
  for (const { name } of topology.weightSpecs) {
    const block = /^(.*)\.conv\/kernel$/.exec(name)?.[1];
    if (block === undefined) continue;
    layers.push({
      kind: 'convolution',
      layer: `${block}.conv`,
      module: `${block}.conv`,
      batchNorm: `${block}.bn`,
    });
  }
  return { architecture: 'faceboxes', artifact: foldLayers(stateDict, topology, layers, file) };
}
