/** What surfaces need of an aligner's pack; apart from `face-surface.ts`, as those who only reconstruct do without. */

import { WeightFormatError } from '../errors.ts';
import type { FaceMaps, MorphableModel } from '../types.ts';
import { checkSourceArgument } from './check-surface-arguments.ts';
import type { SurfaceSource } from './face-surface.ts';

/** @throws WeightFormatError where the pack has no morphable model; TypeError for anything else than an aligner and the like. */
export function requireMorphableModel(source: SurfaceSource): MorphableModel {
  checkSourceArgument(source);
  const { packName, morphableModel } = source;
  if (morphableModel !== undefined) return morphableModel;
  throw new WeightFormatError(packName, 'this pack has no morphable model');
}

/** @throws WeightFormatError where the pack has no triangles and texture coordinates; TypeError for anything else than an aligner and the like. */
export function requireFaceMaps(source: SurfaceSource): FaceMaps {
  checkSourceArgument(source);
  const { packName, faceMaps } = source;
  if (faceMaps !== undefined) return faceMaps;
  throw new WeightFormatError(packName, 'this pack has no triangles, so there are no surfaces to draw');
}
