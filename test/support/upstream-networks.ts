/** The original's real networks, converted from the reference data. */
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import { readWeightFile } from '../../converters/read-weight-file.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import type { ParamNormalisation } from '../../src/models/tddfa/regressor.ts';
import { sharedPath } from './shared.ts';

const artifacts = new Map<string, LayersArtifact>();

/** Converts a checkpoint of `upstream/weights/`: `FaceBoxesProd`, `mb05_120x120`. */
export async function upstreamNetwork(name: string): Promise<LayersArtifact> {
  const file = sharedPath('upstream', 'weights', `${name}.pth`);
  const artifact = artifacts.get(name) ?? convertNetwork(await readWeightFile(file), { file }).artifact;
  artifacts.set(name, artifact);
  return artifact;
}

/** Means and standard deviations of the 62 parameters. */
export async function upstreamNormalisation(): Promise<ParamNormalisation> {
  const arrays = await readWeightFile(sharedPath('upstream', 'configs', 'param_mean_std_62d_120x120.pkl'));
  const [mean, std] = ['mean', 'std'].map((name) => arrays.get(name)?.data);
  if (!(mean instanceof Float32Array && std instanceof Float32Array)) throw new Error('mean and std are missing');
  return { mean, std };
}
