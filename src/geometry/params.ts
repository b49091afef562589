import type { ParamLayout } from '../types.ts';

/** The first parameters of every layout: a 3x4 matrix, row-major, that scales, turns and moves the model into the crop. */
export const CAMERA_PARAM_COUNT = 12;

/** Layouts of 3DDFA_V2's regressors, by number of parameters. */
export const PARAM_LAYOUTS: ReadonlyMap<number, ParamLayout> = new Map([
  [62, { shapeCount: 40, expressionCount: 10 }],
  [72, { shapeCount: 40, expressionCount: 20 }],
  [141, { shapeCount: 100, expressionCount: 29 }],
]);

/** Layouts of models that act, with ARKit's 52 names, without and with gaze. */
export const ACTING_LAYOUTS: ReadonlyMap<number, ParamLayout> = new Map([
  [104, { shapeCount: 40, expressionCount: 52 }],
  [108, { shapeCount: 40, expressionCount: 52, gazeCount: 4 }],
]);

/** The parameters of one face, by meaning. */
export interface FaceParams {
  /**
   * `[3 x 3]`, row-major: rotation times scale, as regressed: not orthogonal. A copy: its rows are not adjacent in the
   * parameters.
   */
  readonly rotation: Float32Array;
  /** `[3]`: px of the crop, 1-based, y up. A copy. */
  readonly translation: Float32Array;
  /** `[shapeCount]`: a view of the parameters. */
  readonly shape: Float32Array;
  /** `[expressionCount]`: a view of the parameters. */
  readonly expression: Float32Array;
  /** `[gazeCount]`, degrees: a view of the parameters; empty if the layout has none. */
  readonly gaze: Float32Array;
}

/**
 * Counts how many of `paramCount` parameters are shape and how many expression.
 * @param paramCount - 62, 72 or 141; 104 or 108 for a model that acts.
 * @throws RangeError for any other count.
 * @see utils/tddfa_util.py `_parse_param` (3DDFA_V2 1b6c676)
 */
export function paramLayout(paramCount: number): ParamLayout {
  const layout = PARAM_LAYOUTS.get(paramCount) ?? ACTING_LAYOUTS.get(paramCount);
  if (layout === undefined) {
    const counts = [...PARAM_LAYOUTS.keys(), ...ACTING_LAYOUTS.keys()];
    throw new RangeError(`params: expected ${counts.join(', ')} parameters, got ${paramCount}`);
  }
  return layout;
}

/**
 * Splits a face's parameters by meaning.
 * @param params - `[62]` (or 72, 141, 104, 108), de-normalised.
 * @param layout - of a model with other counts.
 * @throws RangeError if the number of parameters does not fit the layout.
 */
export function splitParams(params: Float32Array, layout: ParamLayout = paramLayout(params.length)): FaceParams {
  const { shapeCount, expressionCount } = layout;
  checkParamCount(params, layout);
  const rotation = new Float32Array(9);
  const translation = new Float32Array(3);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) rotation[3 * row + column] = params[4 * row + column];
    translation[row] = params[4 * row + 3];
  }
  const shapeEnd = CAMERA_PARAM_COUNT + shapeCount;
  return {
    rotation,
    translation,
    shape: params.subarray(CAMERA_PARAM_COUNT, shapeEnd),
    expression: params.subarray(shapeEnd, shapeEnd + expressionCount),
    gaze: params.subarray(shapeEnd + expressionCount),
  };
}

/** @throws RangeError if the number of parameters does not fit the layout. */
export function checkParamCount(params: Float32Array, layout: ParamLayout): void {
  const { shapeCount, expressionCount, gazeCount = 0 }: ParamLayout = Object(layout);
  const expected = CAMERA_PARAM_COUNT + shapeCount + expressionCount + gazeCount;
  if (Number.isNaN(expected)) throw new TypeError('model: give aligner.morphableModel');
  if (params.length !== expected) {
    const parts = `${CAMERA_PARAM_COUNT} camera, ${shapeCount} shape, ${expressionCount} expression`;
    const eyes = gazeCount > 0 ? `, ${gazeCount} gaze` : '';
    throw new RangeError(`params: expected ${expected} parameters (${parts}${eyes}), got ${params.length}`);
  }
}

/** The number of parameters in a layout. */
export function paramCount({ shapeCount, expressionCount, gazeCount = 0 }: ParamLayout): number {
  return CAMERA_PARAM_COUNT + shapeCount + expressionCount + gazeCount;
}

/**
 * Undoes the normalisation that a regressor was trained with: `output * std + mean`, in float32.
 * @param output - `[n]`: the network's output for one face.
 * @param mean - `[n]`.
 * @param std - `[n]`.
 * @param dst - `[n]`; may be `output`; a new array if absent.
 * @returns `dst`.
 * @throws RangeError if the lengths disagree.
 */
export function denormaliseParams(
  output: Float32Array,
  mean: Float32Array,
  std: Float32Array,
  dst: Float32Array = new Float32Array(output.length),
): Float32Array {
  const count = output.length;
  for (const [name, array] of Object.entries({ mean, std, dst })) {
    if (array.length !== count) throw new RangeError(`${name}: expected ${count} numbers, got ${array.length}`);
  }
  for (let i = 0; i < count; i++) {
    dst[i] = Math.fround(output[i] * std[i]) + mean[i];
  }
  return dst;
}
