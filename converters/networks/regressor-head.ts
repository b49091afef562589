import { WeightFormatError } from '../../src/errors.ts';
import { PARAM_LAYOUTS } from '../../src/geometry/params.ts';
import type { StateDict } from '../tensor.ts';

const HEAD_NAMES = ['fc', 'fc_param', 'conv_param'];

/**
 * Finds the last layer of a regressor.
 * @param usualName - named in the error if there is none.
 * @returns its torch module, and how many parameters it outputs.
 * @throws WeightFormatError if it is missing or its number of outputs is not 62, 72 or 141.
 */
export function findRegressorHead(
  stateDict: StateDict,
  usualName: string,
  file: string,
): { module: string; outputCount: number } {
  const module = HEAD_NAMES.find((name) => stateDict.has(`${name}.weight`)) ?? usualName;
  const outputCount = stateDict.get(`${module}.weight`)?.shape[0];
  if (outputCount === undefined || !PARAM_LAYOUTS.has(outputCount)) {
    throw new WeightFormatError(
      file,
      outputCount === undefined ? 'is missing' : 'has a number of outputs that matches no parameter layout',
      {
        tensor: `${module}.weight`,
        expected: `${[...PARAM_LAYOUTS.keys()].join(', ')} outputs`,
        actual: outputCount === undefined ? 'nothing' : String(outputCount),
      },
    );
  }
  return { module, outputCount };
}
