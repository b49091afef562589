import type { FaceMaps, MorphableModel } from '../../src/index.ts';
import { Folding } from './folding.ts';
import type { Coefficient } from './studio-protocol.ts';

/** Shape coefficients that get a slider: the first ones change most. */
export const SHAPE_SLIDERS = 10;

/** A coefficient at its limit moves the landmark that it moves most by this fraction of the face's size. */
const LARGEST_MOVE = 0.12;

/** Maximum degrees that an eye turns, and the names of the four gaze parameters, in order. */
const LARGEST_GAZE = 35;
const GAZE_SLIDERS: readonly Coefficient[] = [
  'Left eye sideways',
  'Left eye up',
  'Right eye sideways',
  'Right eye up',
].map((name) => ({ name, limit: LARGEST_GAZE }));

/**
 * Sliders for a model: how far each coefficient may go, limited by how far it moves the landmarks and by when the mesh
 * folds.
 */
export function coefficientsOf(
  model: MorphableModel | undefined,
  maps: FaceMaps | undefined,
): {
  readonly expression: readonly Coefficient[];
  readonly shape: readonly Coefficient[];
} {
  if (model === undefined) return { expression: [], shape: [] };
  const { expressionNames, expressionCount, expressionBasis, shapeBasis, shapeCount, acting } = model;
  const size = faceSize(model);
  const folding = maps && new Folding(model, maps);
  const limitOf = (basis: Float32Array, columns: number, column: number): number => {
    const limit = landmarkLimitOf(model, basis, columns, column, size);
    return folding?.limitOf(basis, columns, column, limit) ?? limit;
  };
  return {
    expression: [
      ...Array.from({ length: expressionCount }, (_, column) => ({
        name: readable(expressionNames?.[column] ?? `Expression ${column + 1}`),
        // A model that acts has coefficients from 0 to 1, where at most 0.4 % of its skin is turned over, within rolled lips.
        ...(acting ? { limit: 1, isOneSided: true } : { limit: limitOf(expressionBasis, expressionCount, column) }),
      })),
      ...(acting ? GAZE_SLIDERS : []),
    ],
    shape: Array.from({ length: Math.min(SHAPE_SLIDERS, shapeCount) }, (_, column) => ({
      name: `Shape ${column + 1}`,
      limit: limitOf(shapeBasis, shapeCount, column),
    })),
  };
}

/** `jawOpen`, `jaw_open`, `jaw-open`: Jaw open. */
function readable(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Height of the 68 landmarks' mean. */
function faceSize({ meanShape, keypointIndices }: MorphableModel): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < keypointIndices.length; i += 3) {
    const y = meanShape[keypointIndices[i]];
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  return high - low;
}

function landmarkLimitOf(
  { keypointIndices }: MorphableModel,
  basis: Float32Array,
  columns: number,
  column: number,
  size: number,
): number {
  let furthest = 0;
  for (let i = 0; i < keypointIndices.length; i += 3) {
    const [x, y, z] = [0, 1, 2].map((axis) => basis[keypointIndices[i + axis] * columns + column]);
    furthest = Math.max(furthest, Math.hypot(x, y, z));
  }
  return furthest > 0 ? (LARGEST_MOVE * size) / furthest : 1;
}
