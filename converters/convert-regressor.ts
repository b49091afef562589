import type { PackLicence, PackModel } from '../src/engine/weights/pack-manifest.ts';
import { WeightFormatError } from '../src/errors.ts';
import { PARAM_LAYOUTS } from '../src/geometry/params.ts';
import { CROP_SIZE } from '../src/geometry/similarity-transform.ts';
import { meanAndStd } from './mean-and-std.ts';
import { type ConvertNetworkOptions, convertNetwork } from './networks/convert-network.ts';
import type { ConvertedNetwork } from './networks/converted-network.ts';
import type { StateDict } from './tensor.ts';
import { takeTensor, toFloat32 } from './tensor-values.ts';
import type { NewModel } from './write-pack.ts';

/** Facts stated for every model in a pack. */
export interface ModelOrigin {
  readonly licence: PackLicence;
  readonly source: PackModel['source'];
}

/**
 * Converts a network from a checkpoint to a model for a pack; the architecture determines whether it is a detector or a
 * regressor.
 * @param file - name of the checkpoint, for messages.
 * @param normalizationFor - returns the name of the normalization in the pack for a number of outputs; called only for
 *   a regressor.
 * @throws WeightFormatError
 */
export function networkModel(
  name: string,
  stateDict: StateDict,
  file: string,
  origin: ModelOrigin,
  normalizationFor: (outputCount: number) => string,
  options: Pick<ConvertNetworkOptions, 'state' | 'otherStates' | 'onNotice'> = {},
): NewModel {
  const network: ConvertedNetwork = convertNetwork(stateDict, { ...options, file });
  const { architecture, artifact } = network;
  if (network.architecture === 'faceboxes') return { name, role: 'detector', architecture, ...origin, artifact };
  const { outputCount } = network;
  const layout = PARAM_LAYOUTS.get(outputCount);
  if (layout === undefined) {
    throw new WeightFormatError(file, 'has an unknown number of outputs', {
      expected: [...PARAM_LAYOUTS.keys()].join(', '),
      actual: String(outputCount),
    });
  }
  return {
    name,
    role: 'regressor',
    architecture,
    ...('widthMultiplier' in network ? { widthMultiplier: network.widthMultiplier } : undefined),
    inputSize: CROP_SIZE,
    outputCount,
    ...layout,
    ...('actingOutputCount' in network && { actingOutputCount: network.actingOutputCount }),
    normalization: normalizationFor(outputCount),
    ...origin,
    artifact,
  };
}

/**
 * Mean and standard deviation of a regressor's outputs as a model for a pack.
 * @param tensors - as for `meanAndStd`; for a network with a second output also its `expression_mean` and
 *   `expression_std`.
 * @param file - their source, for messages.
 * @throws WeightFormatError
 */
export function normalizationModel(name: string, tensors: StateDict, file: string, origin: ModelOrigin): NewModel {
  const { mean, std } = meanAndStd(tensors, file);
  const outputCount = mean.length;
  const second = tensors.has('expression_mean') ? takeTensor(tensors, file, 'expression_mean', [null]) : undefined;
  const actingOutputCount = second?.data.length;
  const secondStd = second && takeTensor(tensors, file, 'expression_std', [second.data.length]);
  return {
    name,
    role: 'normalization',
    ...(actingOutputCount !== undefined && { actingOutputCount }),
    outputCount,
    ...origin,
    tensors: new Map([
      ['mean', { shape: [outputCount], data: mean }],
      ['std', { shape: [outputCount], data: std }],
      ...(second && secondStd
        ? ([
            ['actingMean', { shape: [second.data.length], data: toFloat32(second, { file, name: 'expression_mean' }) }],
            [
              'actingStd',
              { shape: [second.data.length], data: toFloat32(secondStd, { file, name: 'expression_std' }) },
            ],
          ] as const)
        : []),
    ]),
  };
}
