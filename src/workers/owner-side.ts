import type { FaceAligner } from '../face-aligner.ts';
import { createFaceReadings } from '../geometry/face-readings.ts';
import { createSurfaceReconstructor, evaluatorOf } from '../geometry/face-surface.ts';
import type { CreatedAligner } from './worker-protocol.ts';

/** What an aligner in a worker knows and does without asking the worker. */
export type OwnerSide = Pick<
  FaceAligner,
  | 'backend'
  | 'packName'
  | 'hasDetector'
  | 'regressor'
  | 'regressors'
  | 'morphableModel'
  | 'faceMaps'
  | 'licences'
  | 'reconstruct'
  | 'expressions'
  | 'gaze'
>;

/**
 * The part of an aligner that stays with the owner of its worker: the model, and whatever is fast and synchronous.
 * @param checkUsable - throws if the aligner is disposed or its worker is gone.
 */
export function ownerSide(created: CreatedAligner, checkUsable: () => void): OwnerSide {
  const { backend, packName, hasDetector, regressor, regressors, licences, morphableModel, packed, faceMaps } = created;
  const reconstructSurface = createSurfaceReconstructor(packName, morphableModel, {
    ...(packed && { landmarks: packed.landmarks, createDense: () => evaluatorOf(packed.dense) }),
  });
  return {
    ...{ backend, packName, hasDetector, regressor, regressors, licences },
    ...(morphableModel && { morphableModel }),
    ...(faceMaps && { faceMaps }),
    ...createFaceReadings(packName, morphableModel, () => {
      checkUsable();
      return reconstructSurface;
    }),
  };
}
