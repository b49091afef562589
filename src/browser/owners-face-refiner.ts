import type { FaceAlignerOptions } from '../face-aligner.ts';
import { ownersModule } from './owners-code.ts';

type CreateFaceRefiner = NonNullable<FaceAlignerOptions['refine']>;

/** In a page's worker, the build substitutes this for face-refiner.ts. */
export const loadFaceRefiner: CreateFaceRefiner = async (...given) => {
  const module = await ownersModule<{ loadFaceRefiner: CreateFaceRefiner }>('face-refiner', 'refine');
  return module.loadFaceRefiner(...given);
};
