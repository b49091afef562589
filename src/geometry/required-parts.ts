/**
 * What surfaces need from an aligner's pack; separate from `face-surface.ts`, as reconstruction alone does not need it.
 */

import { WeightFormatError } from '../errors.ts';
import type { FaceMaps, MorphableModel } from '../types.ts';
import { checkSourceArgument } from './check-surface-arguments.ts';
import type { SurfaceSource } from './face-surface.ts';

/**
 * @throws WeightFormatError if the pack has no morphable model; TypeError for anything other than an aligner or the
 * like.
 */
export function requireMorphableModel(source: SurfaceSource): MorphableModel {
  checkSourceArgument(source);
  const { packName, morphableModel } = source;
  if (morphableModel !== undefined) return morphableModel;
  throw new WeightFormatError(packName, 'this pack has no morphable model');
}

/**
 * @throws WeightFormatError if the pack has no triangles and texture coordinates; TypeError for anything other than an
 * aligner or the like.
 */
export function requireFaceMaps(source: SurfaceSource): FaceMaps {
  checkSourceArgument(source);
  const { packName, faceMaps } = source;
  if (faceMaps !== undefined) return faceMaps;
  throw new WeightFormatError(packName, 'this pack has no triangles, so there are no surfaces to draw');
}
