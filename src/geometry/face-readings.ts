import type { AlignedFace, MorphableModel } from '../types.ts';
import { expressionsOf } from './expressions.ts';
import type { ReconstructOptions, SurfaceReconstructor } from './face-surface.ts';
import { type FaceGaze, gazeOf } from './gaze.ts';

/** What an aligner derives from an aligned face without looking at the picture again: see `FaceAligner`. */
export interface FaceReadings {
  reconstruct(face: AlignedFace, options?: ReconstructOptions): Float32Array;
  expressions(face: AlignedFace): Record<string, number>;
  gaze(face: AlignedFace): FaceGaze | undefined;
}

/**
 * @param packName - for messages.
 * @param surface - returns the reconstructor, or throws if the aligner can no longer be used.
 */
export function createFaceReadings(
  packName: string,
  model: MorphableModel | undefined,
  surface: () => SurfaceReconstructor,
): FaceReadings {
  return {
    reconstruct: (face, options) => surface()(face, options),
    expressions(face) {
      surface();
      return expressionsOf(face, packName, model);
    },
    gaze(face) {
      surface();
      return gazeOf(face, packName, model);
    },
  };
}
