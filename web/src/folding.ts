import type { FaceMaps, MorphableModel } from '../../src/index.ts';

/** This much of the skin may be turned over at a slider's end: less is not visible. */
export const MAX_FOLDED_SHARE = 0.001;
/** Of a mesh with more triangles, a sample is as informative as all of them. */
const MOST_TRIANGLES = 8_000;
/** Numbers kept for each triangle: two edges and the normal, as long as twice the area. */
const KEPT = 9;

/** Determines how far coefficients of a model may go until the mesh folds. */
export class Folding {
  /** `[k x 3]`, where the coordinates of a triangle's corners begin. */
  readonly #corners: Uint32Array;
  /** `[k x 9]`. */
  readonly #atRest: Float64Array;
  readonly #totalArea: number;

  /** @param maps - the model's; the inside of the mouth is ignored, as it may be rolled up while the mouth is shut. */
  constructor({ meanShape }: Pick<MorphableModel, 'meanShape'>, { triangles, regions = {} }: FaceMaps) {
    const inside = new Set(regions.mouthInside);
    const step = 3 * Math.max(1, Math.ceil(triangles.length / 3 / MOST_TRIANGLES));
    const corners = new Uint32Array(3 * Math.ceil(triangles.length / step));
    let count = 0;
    for (let t = 0; t + 2 < triangles.length; t += step) {
      if (inside.has(triangles[t]) || inside.has(triangles[t + 1]) || inside.has(triangles[t + 2])) continue;
      for (let k = 0; k < 3; k++) corners[count++] = 3 * triangles[t + k];
    }
    this.#corners = corners.subarray(0, count);
    this.#atRest = new Float64Array(count * (KEPT / 3));
    let area = 0;
    const kept = this.#atRest;
    for (let i = 0, at = 0; i < count; i += 3, at += KEPT) {
      for (let axis = 0; axis < 3; axis++) {
        const from = meanShape[corners[i] + axis];
        kept[at + axis] = meanShape[corners[i + 1] + axis] - from;
        kept[at + 3 + axis] = meanShape[corners[i + 2] + axis] - from;
      }
      kept[at + 6] = kept[at + 1] * kept[at + 5] - kept[at + 2] * kept[at + 4];
      kept[at + 7] = kept[at + 2] * kept[at + 3] - kept[at] * kept[at + 5];
      kept[at + 8] = kept[at] * kept[at + 4] - kept[at + 1] * kept[at + 3];
      area += Math.hypot(kept[at + 6], kept[at + 7], kept[at + 8]);
    }
    this.#totalArea = area;
  }

  /**
   * How far a coefficient by itself may go in both directions until more than `MAX_FOLDED_SHARE` of the skin is turned
   * over.
   * @param basis - `[3 vertexCount x columns]`.
   * @param limit - the farthest value of interest.
   * @returns at most `limit`.
   */
  limitOf(basis: Float32Array, columns: number, column: number, limit: number): number {
    const corners = this.#corners;
    const kept = this.#atRest;
    const up: Turn[] = [];
    const down: Turn[] = [];
    for (let i = 0, at = 0; i < corners.length; i += 3, at += KEPT) {
      const from = corners[i] * columns + column;
      const first = corners[i + 1] * columns + column;
      const second = corners[i + 2] * columns + column;
      const px = basis[first] - basis[from];
      const py = basis[first + columns] - basis[from + columns];
      const pz = basis[first + 2 * columns] - basis[from + 2 * columns];
      const qx = basis[second] - basis[from];
      const qy = basis[second + columns] - basis[from + columns];
      const qz = basis[second + 2 * columns] - basis[from + 2 * columns];
      const [ux, uy, uz] = [kept[at], kept[at + 1], kept[at + 2]];
      const [vx, vy, vz] = [kept[at + 3], kept[at + 4], kept[at + 5]];
      const [nx, ny, nz] = [kept[at + 6], kept[at + 7], kept[at + 8]];
      // The scalar product of the normal with the one at rest is a polynomial in the coefficient, negative where it is
      // turned over.
      const still = nx * nx + ny * ny + nz * nz;
      const linear =
        nx * (uy * qz - uz * qy + py * vz - pz * vy) +
        ny * (uz * qx - ux * qz + pz * vx - px * vz) +
        nz * (ux * qy - uy * qx + px * vy - py * vx);
      const square = nx * (py * qz - pz * qy) + ny * (pz * qx - px * qz) + nz * (px * qy - py * qx);
      // If it cannot get down to 0, there is no need to know more.
      if (still > Math.abs(linear) * limit + Math.abs(square) * limit * limit) continue;
      const area = Math.sqrt(still);
      up.push({ at: firstRoot(still, linear, square), area });
      down.push({ at: firstRoot(still, -linear, square), area });
    }
    return Math.min(limit, this.#endOf(up), this.#endOf(down));
  }

  #endOf(turns: Turn[]): number {
    turns.sort((a, b) => a.at - b.at);
    let over = 0;
    for (const { at, area } of turns) {
      over += area / this.#totalArea;
      if (over > MAX_FOLDED_SHARE) return at;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** Where a triangle turns over, and its area, doubled. */
interface Turn {
  readonly at: number;
  readonly area: number;
}

/**
 * Where `still + linear x + square x^2`, which is positive at 0, first falls below 0 as x grows; infinite if it never
 * does.
 */
function firstRoot(still: number, linear: number, square: number): number {
  const root = linear * linear - 4 * square * still;
  if (root < 0) return Number.POSITIVE_INFINITY;
  // The form that neither divides by a small number nor loses digits.
  const half = -0.5 * (linear + (linear < 0 ? -1 : 1) * Math.sqrt(root));
  const [one, other] = [half / square, still / half];
  return Math.min(one > 0 ? one : Number.POSITIVE_INFINITY, other > 0 ? other : Number.POSITIVE_INFINITY);
}
