import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { REFINE_BLOCKS, REFINE_SIZE, refineNetwork } from '../../src/models/tddfa/refine-network.ts';
import type { NamedTensor, StateDict } from '../tensor.ts';
import { type FoldedLayer, foldLayers, separableLayers } from './fold-layers.ts';

/** Counters of BatchNorm, which nothing needs. */
const COUNTER = /\.num_batches_tracked$/;

/**
 * Converts a network that `train_refine` trained.
 * @param outputs - which of its outputs are kept, in this order.
 * @throws WeightFormatError naming the tensor that is wrong.
 */
export function convertRefineNetwork(
  stateDict: StateDict,
  outputs: readonly number[],
  file: string,
): { readonly artifact: LayersArtifact; readonly inputSize: number } {
  const tensors = new Map<string, NamedTensor>();
  for (const [name, tensor] of stateDict) {
    if (!COUNTER.test(name)) tensors.set(name, name.startsWith('fc.') ? takeRows(tensor, outputs) : tensor);
  }
  const channels = stateDict.get('conv1.weight')?.shape[1] ?? 0;
  const layers: FoldedLayer[] = [{ kind: 'convolution', layer: 'conv1', module: 'conv1', batchNorm: 'bn1' }];
  for (const name of REFINE_BLOCKS) layers.push(...separableLayers(name));
  layers.push({ kind: 'convolution', layer: 'conv_squeeze', module: 'conv_squeeze', batchNorm: 'bn_squeeze' });
  for (const name of ['fc_features', 'fc']) layers.push({ kind: 'dense', layer: name, module: name });
  return {
    artifact: foldLayers(tensors, refineNetwork(channels, outputs.length), layers, file),
    inputSize: REFINE_SIZE,
  };
}

/** Some rows of a matrix or numbers of a vector of float32. */
function takeRows({ shape, data, ...rest }: NamedTensor, rows: readonly number[]): NamedTensor {
  const length = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const taken = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) {
    for (let k = 0; k < length; k++) taken[i * length + k] = Number(data[row * length + k]);
  }
  return { ...rest, shape: [rows.length, ...shape.slice(1)], data: taken };
}
