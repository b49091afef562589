/** Where a face's eyes look. */
import { checkFaceArgument } from '../check-arguments.ts';
import { WeightFormatError } from '../errors.ts';
import type { AlignedFace, MorphableModel, ParamLayout } from '../types.ts';
import { GAZE_COUNT } from './acting.ts';
import { checkParamCount, splitParams } from './params.ts';

/**
 * Which way an eye is turned in its head, with the same signs as the head's own angles, so that the two can be
 * compared.
 */
export interface EyeGaze {
  /** Positive: towards the person's own right, the left of the picture. */
  readonly yawDegrees: number;
  /** Positive: down. */
  readonly pitchDegrees: number;
}

/** Both eyes. Left and right are the person's. */
export interface FaceGaze {
  readonly left: EyeGaze;
  readonly right: EyeGaze;
}

/**
 * The gaze of a face, relative to its head.
 * @param layout - of the model that the parameters belong to.
 * @returns undefined if the model has no gaze, like upstream's.
 * @throws RangeError if the parameters do not fit the layout.
 */
export function gaze(face: Pick<AlignedFace, 'params'>, layout: ParamLayout): FaceGaze | undefined {
  checkParamCount(face.params, layout);
  if (layout.gazeCount !== GAZE_COUNT) return undefined;
  const values = splitParams(face.params, layout).gaze;
  // Parameters are in the model's frame, positive to its left and up. Subtracting from 0 does not turn 0 into -0.
  const eye = (first: number): EyeGaze => ({ yawDegrees: 0 - values[first], pitchDegrees: 0 - values[first + 1] });
  return { left: eye(0), right: eye(2) };
}

/**
 * `gaze` for a pack that may have no model: `FaceAligner.gaze`.
 * @param packName - for the message.
 * @throws WeightFormatError if there is none.
 */
export function gazeOf(face: AlignedFace, packName: string, model: MorphableModel | undefined): FaceGaze | undefined {
  checkFaceArgument(face);
  if (model === undefined) throw new WeightFormatError(packName, 'this pack has no morphable model');
  return gaze(face, model);
}
