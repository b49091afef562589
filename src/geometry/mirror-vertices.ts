/** Pairs each vertex with its counterpart on the other side of the face. */
import type { FaceMaps } from '../types.ts';

const mirrors = new WeakMap<FaceMaps, Uint32Array>();

/**
 * A texture counts as symmetric up to this mean distance between mirrored texture coordinates and their counterparts.
 */
const MAX_UV_ASYMMETRY = 0.002;
/** Cells across the grid that is searched for neighbours. */
const CELLS = 128;

/**
 * For each vertex, the one nearest to its mirror image: in the texture if that is symmetric, else on the mean face.
 * Cached for the lifetime of the maps: a second call costs nothing.
 * @returns `[n]` vertex indices.
 */
export function mirrorVertices(maps: FaceMaps): Uint32Array {
  const known = mirrors.get(maps);
  if (known !== undefined) return known;
  let found: Nearest | undefined;
  if (maps.uvTriangles === undefined) found = nearestMirrored(maps.uvs, 2);
  if (found === undefined || found.meanDistance > MAX_UV_ASYMMETRY) found = nearestMirrored(maps.nccCodes, 3);
  mirrors.set(maps, found.indices);
  return found.indices;
}

interface Nearest {
  readonly indices: Uint32Array;
  readonly meanDistance: number;
}

/** Nearest neighbour of every point after x becomes 1 - x; coordinates 0..1. */
function nearestMirrored(points: Float32Array, dimensions: 2 | 3): Nearest {
  const count = points.length / dimensions;
  const cellOf = (value: number): number => Math.min(CELLS - 1, Math.max(0, Math.floor(value * CELLS)));
  // Points sorted by cell of x and y: those of cell c are order[starts[c] .. starts[c + 1]].
  const starts = new Uint32Array(CELLS * CELLS + 1);
  const cells = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const cell = cellOf(points[i * dimensions + 1]) * CELLS + cellOf(points[i * dimensions]);
    cells[i] = cell;
    starts[cell + 1] = starts[cell + 1] + 1;
  }
  for (let cell = 0; cell < CELLS * CELLS; cell++) {
    starts[cell + 1] = starts[cell + 1] + starts[cell];
  }
  const order = new Uint32Array(count);
  const fill = starts.slice();
  for (let i = 0; i < count; i++) {
    const cell = cells[i];
    order[fill[cell]] = i;
    fill[cell] = fill[cell] + 1;
  }

  const indices = new Uint32Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const x = 1 - points[i * dimensions];
    const y = points[i * dimensions + 1];
    const z = dimensions === 3 ? points[i * dimensions + 2] : 0;
    const column = cellOf(x);
    const row = cellOf(y);
    let best = Number.POSITIVE_INFINITY;
    let nearest = i;
    for (let ring = 0; ring < CELLS; ring++) {
      // Everything in this ring of cells is at least ring - 1 cells away.
      const least = (ring - 1) / CELLS;
      if (least > 0 && least * least > best) break;
      for (let cy = Math.max(0, row - ring); cy <= Math.min(CELLS - 1, row + ring); cy++) {
        const isEdge = cy === row - ring || cy === row + ring;
        const step = isEdge || ring === 0 ? 1 : 2 * ring;
        for (let cx = column - ring; cx <= column + ring; cx += step) {
          if (cx < 0 || cx >= CELLS) continue;
          const cell = cy * CELLS + cx;
          for (let k = starts[cell]; k < starts[cell + 1]; k++) {
            const j = order[k];
            const dx = points[j * dimensions] - x;
            const dy = points[j * dimensions + 1] - y;
            const dz = dimensions === 3 ? points[j * dimensions + 2] - z : 0;
            const distance = dx * dx + dy * dy + dz * dz;
            if (distance < best) {
              best = distance;
              nearest = j;
            }
          }
        }
      }
    }
    indices[i] = nearest;
    sum += Math.sqrt(best);
  }
  return { indices, meanDistance: count === 0 ? 0 : sum / count };
}
