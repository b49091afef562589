/** The nearest place on the skin, to which vertices slide, as a weighted sum of the vertices there. */

export type Point = [number, number, number];

export function pointOf(positions: ArrayLike<number>, v: number): Point {
  return [positions[3 * v], positions[3 * v + 1], positions[3 * v + 2]];
}

export function subtract(a: Point, b: Point): Point {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function dot(a: Point, b: Point): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Barycentric weights of the point of triangle abc that is closest to p (Ericson, Real-Time Collision Detection, 5.1.5). */
function closestOnTriangle(p: Point, a: Point, b: Point, c: Point): Point {
  const ab = subtract(b, a);
  const ac = subtract(c, a);
  const ap = subtract(p, a);
  const d1 = dot(ab, ap);
  const d2 = dot(ac, ap);
  if (d1 <= 0 && d2 <= 0) return [1, 0, 0];
  const bp = subtract(p, b);
  const d3 = dot(ab, bp);
  const d4 = dot(ac, bp);
  if (d3 >= 0 && d4 <= d3) return [0, 1, 0];
  const vc = d1 * d4 - d3 * d2;
  if (vc <= 0 && d1 >= 0 && d3 <= 0) return [1 - d1 / (d1 - d3), d1 / (d1 - d3), 0];
  const cp = subtract(p, c);
  const d5 = dot(ab, cp);
  const d6 = dot(ac, cp);
  if (d6 >= 0 && d5 <= d6) return [0, 0, 1];
  const vb = d5 * d2 - d1 * d6;
  if (vb <= 0 && d2 >= 0 && d6 <= 0) return [1 - d2 / (d2 - d6), 0, d2 / (d2 - d6)];
  const va = d3 * d6 - d5 * d4;
  if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
    const w = (d4 - d3) / (d4 - d3 + d5 - d6);
    return [0, 1 - w, w];
  }
  const sum = va + vb + vc;
  return [va / sum, vb / sum, vc / sum];
}

/** A place on the body: base vertices, their texture rows, and weights. */
export interface SkinPlace {
  readonly vertices: readonly number[];
  readonly uvs: readonly number[];
  readonly weights: Point;
  readonly position: Point;
}

/** Finds the nearest place on a set of the body's triangles. */
export class SkinProjector {
  readonly #triangles: { vertices: number[]; uvs: number[]; corners: [Point, Point, Point] }[] = [];

  constructor(quads: readonly number[][], uvQuads: readonly number[][], positions: ArrayLike<number>) {
    for (const [q, quad] of quads.entries()) {
      for (const corners of [
        [0, 1, 2],
        [0, 2, 3],
      ]) {
        const vertices = corners.map((k) => quad[k]);
        this.#triangles.push({
          vertices,
          uvs: corners.map((k) => uvQuads[q][k]),
          corners: [pointOf(positions, vertices[0]), pointOf(positions, vertices[1]), pointOf(positions, vertices[2])],
        });
      }
    }
  }

  project(p: Point): SkinPlace {
    let best = Number.POSITIVE_INFINITY;
    let place: SkinPlace | undefined;
    for (const { vertices, uvs, corners } of this.#triangles) {
      const [a, b, c] = corners;
      const weights = closestOnTriangle(p, a, b, c);
      const position: Point = [0, 1, 2].map((k) => weights[0] * a[k] + weights[1] * b[k] + weights[2] * c[k]) as Point;
      const away = subtract(p, position);
      const distance = dot(away, away);
      if (distance < best) {
        best = distance;
        place = { vertices, uvs, weights, position };
      }
    }
    if (place === undefined) throw new Error('the skin has no triangles to project on');
    return place;
  }
}
