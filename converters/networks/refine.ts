import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { REFINE_BLOCKS, REFINE_SIZE, refineNetwork } from '../../src/models/tddfa/refine-network.ts';
import type { NamedTensor, StateDict } from '../tensor.ts';
import { type FoldedLayer, foldLayers, separableLayers } from './fold-layers.ts';

/** BatchNorm counters, which are not needed. */
const COUNTER = /\.num_batches_tracked$/;

/**
 * Converts a network trained by `train_refine`.
 * @throws WeightFormatError naming the tensor that is wrong.
 */
export function convertRefineNetwork(
  stateDict: StateDict,
  outputCount: number,
  file: string,
): { readonly artifact: LayersArtifact; readonly inputSize: number } {
  const tensors = new Map<string, NamedTensor>([...stateDict].filter(([name]) => !COUNTER.test(name)));
  const channels = stateDict.get('conv1.weight')?.shape[1] ?? 0;
  const layers: FoldedLayer[] = [{ kind: 'convolution', layer: 'conv1', module: 'conv1', batchNorm: 'bn1' }];
  for (const name of REFINE_BLOCKS) layers.push(...separableLayers(name));
  layers.push({ kind: 'convolution', layer: 'conv_squeeze', module: 'conv_squeeze', batchNorm: 'bn_squeeze' });
  for (const name of ['fc_features', 'fc']) layers.push({ kind: 'dense', layer: name, module: name });
  return {
    artifact: foldLayers(tensors, refineNetwork(channels, outputCount), layers, file),
    inputSize: REFINE_SIZE,
  };
}
