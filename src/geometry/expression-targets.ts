/** A face's expression as movements of its vertices, so that programs which know no morphable model can animate it. */
import type { AlignedFace, MorphableModel } from '../types.ts';
import { expressionNames } from './expressions.ts';
import { checkParamCount, splitParams } from './params.ts';
import { cropPlacement } from './similarity-transform.ts';

/** A face at rest and what each expression coefficient adds to it. */
export interface ExpressionTargets {
  /** `[n x 3]`: the face without expression, in the frame of the positions that were given. */
  readonly neutralPositions: Float32Array;
  /** Per coefficient `[n x 3]`: what is added to the positions for a coefficient of 1. */
  readonly displacements: readonly Float32Array[];
  /** `[expressionCount]`: the fitted coefficients; with them the sum is the face that was given. */
  readonly weights: Float32Array;
  /** Of the pack, or `expression_1` … where it has none: upstream's columns mean nothing that has a name. */
  readonly names: readonly string[];
}

/**
 * Takes a face's expression off its mesh.
 * @param positions - `[n x 3]`, the dense face in a frame with y up: px of the photo or millimetres.
 * @param face - the parameters that the positions were reconstructed from.
 * @param model - whose dense vertices they are.
 * @param scale - units of the positions per px of the image; default 1.
 * @throws RangeError where counts do not fit.
 */
export function expressionTargets(
  positions: Float32Array | Float64Array,
  face: AlignedFace,
  model: MorphableModel,
  scale = 1,
): ExpressionTargets {
  checkParamCount(face.params, model);
  const { expressionCount, expressionBasis, vertexCount } = model;
  if (positions.length !== vertexCount * 3) {
    throw new RangeError(`positions: expected ${vertexCount} x 3 coordinates, got ${positions.length}`);
  }
  const { rotation, expression } = splitParams(face.params, model);
  const { scaleX, scaleY, scaleZ } = cropPlacement(face.roiBox);
  // Crop space has y up, as the positions have: only the scales of the crop's axes are left to do.
  const rowScales = [scaleX * scale, scaleY * scale, scaleZ * scale];
  const m = rotation.map((value, i) => value * rowScales[Math.floor(i / 3)]);
  const [m00 = 0, m01 = 0, m02 = 0, m10 = 0, m11 = 0, m12 = 0, m20 = 0, m21 = 0, m22 = 0] = m;

  const neutralPositions = Float32Array.from(positions);
  const displacements = Array.from({ length: expressionCount }, (_, column) => {
    const displacement = new Float32Array(vertexCount * 3);
    const weight = expression[column];
    for (let i = 0, row = column; i < displacement.length; i += 3, row += 3 * expressionCount) {
      const x = expressionBasis[row];
      const y = expressionBasis[row + expressionCount];
      const z = expressionBasis[row + 2 * expressionCount];
      const dx = m00 * x + m01 * y + m02 * z;
      const dy = m10 * x + m11 * y + m12 * z;
      const dz = m20 * x + m21 * y + m22 * z;
      displacement[i] = dx;
      displacement[i + 1] = dy;
      displacement[i + 2] = dz;
      neutralPositions[i] = neutralPositions[i] - weight * dx;
      neutralPositions[i + 1] = neutralPositions[i + 1] - weight * dy;
      neutralPositions[i + 2] = neutralPositions[i + 2] - weight * dz;
    }
    return displacement;
  });
  return {
    neutralPositions,
    displacements,
    weights: expression.slice(),
    names: expressionNames(model),
  };
}
