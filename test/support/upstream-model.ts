import { readWeightFile } from '../../converters/read-weight-file.ts';
import type { StateDict } from '../../converters/tensor.ts';
import type { MorphableModel } from '../../src/types.ts';
import { sharedPath } from './shared.ts';

/** The original's morphable model, straight from its file, for tests of computations with it. */
export async function readUpstreamModel(): Promise<MorphableModel> {
  const tensors = await readWeightFile(sharedPath('upstream', 'configs', 'bfm_noneck_v3.pkl.gz'));
  const shapeBasis = float32(tensors, 'w_shp');
  const expressionBasis = float32(tensors, 'w_exp');
  const meanShape = float32(tensors, 'u');
  const keypoints = tensors.get('keypoints');
  if (keypoints === undefined) throw new Error(`no keypoints among ${[...tensors.keys()]}`);
  return {
    vertexCount: meanShape.length / 3,
    shapeCount: shapeBasis.length / meanShape.length,
    expressionCount: expressionBasis.length / meanShape.length,
    meanShape,
    shapeBasis,
    expressionBasis,
    keypointIndices: Uint32Array.from(keypoints.data as ArrayLike<number | bigint>, Number),
  };
}

/** `mean` and `std` of the original's normalisation. */
export async function readUpstreamNormalisation(): Promise<{ mean: Float32Array; std: Float32Array }> {
  const tensors = await readWeightFile(sharedPath('upstream', 'configs', 'param_mean_std_62d_120x120.pkl'));
  return { mean: float32(tensors, 'mean'), std: float32(tensors, 'std') };
}

function float32(tensors: StateDict, name: string): Float32Array {
  const data = tensors.get(name)?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float32 tensor '${name}' among ${[...tensors.keys()]}`);
  return data;
}
