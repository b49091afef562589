import type { CreateFaceRefiner } from './face-refiner.ts';

/**
 * Loads the networks that a pack has for eyes and mouth: give it as `createFaceAligner({ refine: createFaceRefiner })`. Its code is
 * loaded with them, so that a page without it loads none.
 * @throws WeightFormatError where the pack has none, or no model that acts.
 */
export const createFaceRefiner: CreateFaceRefiner = async (pack, engine, model) => {
  const { loadFaceRefiner } = await import('./face-refiner.ts');
  return loadFaceRefiner(pack, engine, model);
};
