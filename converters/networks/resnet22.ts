import { RESNET22_STAGES, resnet22 } from '../../src/models/tddfa/resnet22.ts';
import type { StateDict } from '../tensor.ts';
import type { ConvertedNetwork } from './converted-network.ts';
import { type FoldedLayer, foldLayers } from './fold-layers.ts';
import { findRegressorHead } from './regressor-head.ts';

/**
 * Converts a ResNet22 regressor.
 * @param stateDict - names without `module.`.
 * @throws WeightFormatError naming the tensor that is wrong.
 * @see models/resnet.py (3DDFA_V2 1b6c676)
 */
export function convertResnet22(stateDict: StateDict, file: string): ConvertedNetwork {
  const head = findRegressorHead(stateDict, 'conv_param', file);
  const layers: FoldedLayer[] = [convolution('conv1', 'bn1'), convolution('conv2', 'bn2')];
  for (const [stage, , blocks] of RESNET22_STAGES) {
    for (let i = 0; i < blocks; i++) {
      const block = `${stage}.${i}`;
      layers.push(convolution(`${block}.conv1`, `${block}.bn1`), convolution(`${block}.conv2`, `${block}.bn2`));
      if (i === 0) layers.push(convolution(`${block}.downsample.0`, `${block}.downsample.1`));
    }
  }
  layers.push({ kind: 'convolution', layer: 'conv_param', module: head.module });
  const { outputCount } = head;
  const artifact = foldLayers(stateDict, resnet22({ outputCount }), layers, file);
  return { architecture: 'resnet22', outputCount, artifact };
}

function convolution(module: string, batchNorm: string): FoldedLayer {
  return { kind: 'convolution', layer: module, module, batchNorm };
}
