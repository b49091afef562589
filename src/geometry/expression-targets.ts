/**
 * A face's expression as movements of its vertices, so that programs without support for morphable models can animate
 * it.
 */
import type { AlignedFace, MorphableModel } from '../types.ts';
import { columnWeights, eyeCentre, gazeRotation, lookCoefficient, lookOf } from './acting.ts';
import { expressionNames } from './expression-names.ts';
import { CAMERA_PARAM_COUNT, checkParamCount, splitParams } from './params.ts';
import { cropPlacement } from './similarity-transform.ts';

/** A face at rest and what each expression coefficient adds to it. */
export interface ExpressionTargets {
  /** `[n x 3]`: the face without expression, in the frame of the given positions. */
  readonly neutralPositions: Float32Array;
  /** Per coefficient `[n x 3]`: what is added to the positions for a coefficient of 1. */
  readonly displacements: readonly Float32Array[];
  /** `[expressionCount]`: the fitted coefficients; with them the sum is the given face. */
  readonly weights: Float32Array;
  /** From the pack, or `expression_1` … if it has none: upstream's columns stand for nothing that has a name. */
  readonly names: readonly string[];
}

/** A movement of vertices in model units, `[3 * vertexCount]`. */
type Movement = Float64Array;

/**
 * Separates a face's expression from its mesh.
 *
 * For a model that acts, `eyeBlinkLeft` and `eyeBlinkRight` shut this person's eyes at 1, and the `eyeLook…` targets
 * turn the eyeball together with the lids: their weights come from the gaze. What is not linear in the coefficients (a
 * blink of an eye that looks down, an eyeball halfway through its turn) then only approximates the given face.
 * @param positions - `[n x 3]`, the dense face in a frame with y up: px of the photo or millimetres.
 * @param face - the parameters that the positions were reconstructed from.
 * @param model - the model whose dense vertices these are.
 * @param scale - units of the positions per px of the image; default 1.
 * @throws RangeError if counts do not match.
 */
export function expressionTargets(
  positions: Float32Array | Float64Array,
  face: AlignedFace,
  model: MorphableModel,
  scale = 1,
): ExpressionTargets {
  checkParamCount(face.params, model);
  const { expressionCount, vertexCount } = model;
  if (positions.length !== vertexCount * 3) {
    throw new RangeError(`positions: expected ${vertexCount} x 3 coordinates, got ${positions.length}`);
  }
  const { rotation } = splitParams(face.params, model);
  const { scaleX, scaleY, scaleZ } = cropPlacement(face.roiBox);
  // Crop space has y up, as the positions do: only the scales of the crop's axes remain to be applied.
  const rowScales = [scaleX * scale, scaleY * scale, scaleZ * scale];
  const m = rotation.map((value, i) => value * rowScales[Math.floor(i / 3)]);
  const movements = expressionMovements(face.params, model);
  const neutralPositions = Float32Array.from(positions);
  const displacements = Array.from({ length: expressionCount }, (_, column) => {
    const displacement = placed(movements.ofColumn(column), m);
    const taken = movements.takenOff(column);
    for (let i = 0; i < displacement.length; i++) neutralPositions[i] -= taken * displacement[i];
    return displacement;
  });
  if (movements.ofGaze !== undefined) {
    const turned = placed(movements.ofGaze, m);
    for (let i = 0; i < turned.length; i++) neutralPositions[i] -= turned[i];
  }
  for (const [column, eyes] of movements.ofLooks) {
    const turned = placed(eyes, m);
    for (let i = 0; i < turned.length; i++) displacements[column][i] += turned[i];
  }
  return {
    neutralPositions,
    displacements,
    weights: targetWeights(face.params, model),
    names: expressionNames(model),
  };
}

/**
 * `[expressionCount]` weights of a face's morph targets: its coefficients, with those of the `eyeLook…` targets taken
 * from its gaze if the model has gaze.
 */
export function targetWeights(params: Float32Array, model: MorphableModel): Float32Array {
  const { expression, gaze } = splitParams(params, model);
  const weights = expression.slice();
  if (model.acting === undefined) return weights;
  for (const [column, name] of expressionNames(model).entries()) {
    const look = lookOf(name);
    if (look !== undefined) weights[column] = lookCoefficient(look, gaze);
  }
  return weights;
}

/** What expressions do to a face's vertices before the camera is applied. */
interface Movements {
  /** For a coefficient of 1. */
  ofColumn(column: number): Movement;
  /** How much of that the face contains. */
  takenOff(column: number): number;
  /** What the face's gaze does to its eyeballs. */
  readonly ofGaze?: Movement;
  /** What the full turn of each `eyeLook…` target does to the eyeball. */
  readonly ofLooks: readonly (readonly [column: number, movement: Movement])[];
}

function expressionMovements(params: Float32Array, model: MorphableModel): Movements {
  const { expressionBasis, expressionCount, shapeCount, acting, vertexCount } = model;
  const start = CAMERA_PARAM_COUNT + shapeCount;
  const column = (k: number, factor = 1): Movement =>
    Float64Array.from({ length: 3 * vertexCount }, (_, row) => factor * expressionBasis[row * expressionCount + k]);
  if (acting === undefined) return { ofColumn: column, takenOff: (k) => params[start + k], ofLooks: [] };
  const weights = columnWeights(params, model, acting);
  // What shuts this person's eyes if nothing else is done to them.
  const resting = params.slice();
  resting.fill(0, start);
  for (const blink of acting.blinkColumns) resting[start + blink] = 1;
  const shutting = columnWeights(resting, model, acting);
  const factor = (k: number): number => (acting.blinkColumns.includes(k) ? shutting[start + k] : 1);
  const gaze = params.subarray(start + expressionCount);
  const turned = (eye: number, yaw: number, pitch: number, dst: Movement): Movement => {
    const rotation = gazeRotation(yaw, pitch);
    const centre = eyeCentre(acting.eyeCentres, eye, params, shapeCount);
    for (const vertex of acting.eyeVertices[eye]) {
      const away = [0, 1, 2].map((axis) => restingCoordinate(model, params, 3 * vertex + axis) - centre[axis]);
      for (let axis = 0; axis < 3; axis++) {
        const [a, b, c] = rotation.slice(3 * axis, 3 * axis + 3);
        dst[3 * vertex + axis] = a * away[0] + b * away[1] + c * away[2] - away[axis];
      }
    }
    return dst;
  };
  const ofGaze = new Float64Array(3 * vertexCount);
  for (const eye of [0, 1]) turned(eye, gaze[2 * eye], gaze[2 * eye + 1], ofGaze);
  return {
    ofColumn: (k) => column(k, factor(k)),
    takenOff: (k) => (factor(k) === 0 ? 0 : weights[start + k] / factor(k)),
    ofGaze,
    ofLooks: expressionNames(model).flatMap((name, k) => {
      const look = lookOf(name);
      if (look === undefined) return [];
      return [[k, turned(look.eye, look.yawDegrees, look.pitchDegrees, new Float64Array(3 * vertexCount))] as const];
    }),
  };
}

/** A coordinate of the face without expression, model units. */
function restingCoordinate({ meanShape, shapeBasis, shapeCount }: MorphableModel, params: Float32Array, row: number) {
  let sum = meanShape[row];
  for (let i = 0; i < shapeCount; i++) sum += params[CAMERA_PARAM_COUNT + i] * shapeBasis[row * shapeCount + i];
  return sum;
}

/** A movement in the frame of the positions. */
function placed(movement: Movement, m: ArrayLike<number>): Float32Array {
  const moved = new Float32Array(movement.length);
  for (let i = 0; i < moved.length; i += 3) {
    const [x, y, z] = [movement[i], movement[i + 1], movement[i + 2]];
    moved[i] = m[0] * x + m[1] * y + m[2] * z;
    moved[i + 1] = m[3] * x + m[4] * y + m[5] * z;
    moved[i + 2] = m[6] * x + m[7] * y + m[8] * z;
  }
  return moved;
}
