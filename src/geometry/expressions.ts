/** A face's expression by name. */
import { checkFaceArgument } from '../check-arguments.ts';
import { WeightFormatError } from '../errors.ts';
import type { AlignedFace, MorphableModel } from '../types.ts';
import { expressionNames, type NamedExpressions } from './expression-names.ts';
import { checkParamCount, splitParams } from './params.ts';

/**
 * The fitted expression of a face: every name of the model with its coefficient, in the order of the model's columns.
 * Coefficients are not limited to 0..1: if a pack names its columns, 0 is none of an expression and 1 all of it.
 * @param model - the model that the names come from. Upstream's columns are principal components without names:
 *   `expression_1` ….
 * @throws RangeError if the parameters do not fit the model.
 */
export function expressions(face: Pick<AlignedFace, 'params'>, model: NamedExpressions): Record<string, number> {
  checkParamCount(face.params, model);
  const { expression } = splitParams(face.params, model);
  return Object.fromEntries(expressionNames(model).map((name, column) => [name, expression[column]]));
}

/**
 * `expressions` for a pack that may have no model: `FaceAligner.expressions`.
 * @param packName - for the message.
 * @throws WeightFormatError if there is none.
 */
export function expressionsOf(
  face: AlignedFace,
  packName: string,
  model: MorphableModel | undefined,
): Record<string, number> {
  checkFaceArgument(face);
  if (model === undefined) throw new WeightFormatError(packName, 'this pack has no morphable model');
  return expressions(face, model);
}
