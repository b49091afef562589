import type { CreateFaceRefiner } from './face-refiner.ts';

/**
 * Loads a pack's networks for eyes and mouth: pass it as `createFaceAligner({ refine: createFaceRefiner })`. Its code
 * is loaded with them, so a page that does not use it loads none.
 * @throws WeightFormatError if the pack has none, or no model that acts.
 */
export const createFaceRefiner: CreateFaceRefiner = async (pack, engine, model) => {
  const { loadFaceRefiner } = await import('./face-refiner.ts');
  return loadFaceRefiner(pack, engine, model);
};
