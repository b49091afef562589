/**
 * Slides vertices along the skin. Cutting along mesh edges leaves a staircase one row high (mean turn 49 degrees per vertex), so
 * border vertices slide onto the smoothed outline, and the rows behind them spread out evenly. In the same way, vertices slide
 * to landmarks that lie between vertices.
 */

import { type BodySkin, isInMouth } from './face-parts.ts';
import { LANDMARK_MIRROR, LANDMARK_PLACES, LANDMARK_VERTICES } from './face-region.ts';
import type { MakeHuman } from './makehuman.ts';
import { dot, type Point, pointOf, type SkinPlace, SkinProjector, subtract } from './skin-projector.ts';

const BORDER_SMOOTHING_ROUNDS = 24;
/** The border may use this many rows of skin beyond the cut. */
const ROWS_BEYOND = 2;
const RELAXED_ROWS = 3;
const RELAX_ROUNDS = 10;
const MM_PER_DECIMETRE = 100;
/** Smoothing rounds around a vertex that slid to a landmark, and how many rows of vertices take part. */
const LANDMARK_RELAX_ROUNDS = 6;
const LANDMARK_RELAXED_ROWS = 2;

export interface SlidVertices {
  /** The vertices that do not stay where they are. */
  readonly places: ReadonlyMap<number, SkinPlace>;
  /** `[68]` vertices of the base mesh, in iBUG order. */
  readonly landmarks: readonly number[];
  /** The texture row of each vertex of the skin and of the rows beyond it. */
  readonly uvOfSkin: ReadonlyMap<number, number>;
}

/** Taubin smoothing of a closed curve: smooths it without shrinking it much. */
function smoothLoop(points: Point[], rounds: number): Point[] {
  let current = points;
  for (let round = 0; round < 2 * rounds; round++) {
    const factor = round % 2 === 0 ? 0.55 : -0.57;
    const n = current.length;
    current = current.map((p, i) => {
      const before = current[(i + n - 1) % n];
      const after = current[(i + 1) % n];
      return [0, 1, 2].map((k) => p[k] + factor * ((before[k] + after[k]) / 2 - p[k])) as Point;
    });
  }
  return current;
}

/** Quads that vertices may slide on: the skin and some rows beyond the cut, in the same texture island. */
function reachableSkin(
  makeHuman: MakeHuman,
  { body, isSkinQuad, quadsAt, outline }: BodySkin,
): { quads: number[]; uvOfSkin: Map<number, number> } {
  const uvOfSkin = new Map<number, number>();
  const reachable = new Set<number>();
  for (const [q, quad] of body.quads.entries()) {
    if (!isSkinQuad[q]) continue;
    reachable.add(q);
    if (!isInMouth(makeHuman, body.uvQuads[q][0])) {
      for (const [k, v] of quad.entries()) uvOfSkin.set(v, body.uvQuads[q][k]);
    }
  }
  let rim = new Set(outline);
  for (let row = 0; row < ROWS_BEYOND; row++) {
    const found = [...rim]
      .flatMap((v) => quadsAt.get(v) ?? [])
      .filter(
        (q) =>
          !reachable.has(q) &&
          body.quads[q].every((v, k) => (uvOfSkin.get(v) ?? body.uvQuads[q][k]) === body.uvQuads[q][k]),
      );
    for (const q of found) {
      reachable.add(q);
      for (const [k, v] of body.quads[q].entries()) uvOfSkin.set(v, body.uvQuads[q][k]);
    }
    rim = new Set(found.flatMap((q) => body.quads[q]));
  }
  return { quads: [...reachable].filter((q) => !isInMouth(makeHuman, body.uvQuads[q][0])), uvOfSkin };
}

function neighboursOf(quads: readonly number[][]): Map<number, Set<number>> {
  const neighbours = new Map<number, Set<number>>();
  for (const quad of quads) {
    for (let k = 0; k < 4; k++) {
      const a = quad[k];
      const b = quad[(k + 1) % 4];
      neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
      neighbours.set(b, (neighbours.get(b) ?? new Set()).add(a));
    }
  }
  return neighbours;
}

/** @param mean - the mean adult's vertices, `[19158 x 3]`. */
export function slideVertices(
  makeHuman: MakeHuman,
  skin: BodySkin,
  baseMirror: Uint32Array,
  mean: Float64Array,
): SlidVertices {
  const { quads, uvOfSkin } = reachableSkin(makeHuman, skin);
  const projector = new SkinProjector(
    quads.map((q) => skin.body.quads[q]),
    quads.map((q) => skin.body.uvQuads[q]),
    mean,
  );
  const neighbours = neighboursOf(skin.skinQuads);
  const places = new Map<number, SkinPlace>();
  const outline = smoothLoop(
    skin.outline.map((v) => pointOf(mean, v)),
    BORDER_SMOOTHING_ROUNDS,
  );
  for (const [i, v] of skin.outline.entries()) places.set(v, projector.project(outline[i]));
  const landmarks = slideLandmarks();
  const fixed = new Set([...skin.outline, ...landmarks, ...skin.lidLoops.flat(), ...skin.mouthLoop]);
  evenOut(rowsAround(skin.outline, RELAXED_ROWS), RELAX_ROUNDS);
  const slid = LANDMARK_PLACES.flatMap(([i]) => [landmarks[i], landmarks[LANDMARK_MIRROR[i]]]);
  evenOut(ringsAround(slid, LANDMARK_RELAXED_ROWS), LANDMARK_RELAX_ROUNDS);
  return { places, landmarks, uvOfSkin };

  /** The nearest free vertex slides to each landmark that lies between vertices, and its twin to the twin's place. */
  function slideLandmarks(): number[] {
    const vertices = [...LANDMARK_VERTICES];
    const taken = new Set([...skin.outline, ...skin.lidLoops.flat(), ...skin.mouthLoop]);
    const moved = new Set(LANDMARK_PLACES.flatMap(([i]) => [i, LANDMARK_MIRROR[i]]));
    for (const [i, v] of LANDMARK_VERTICES.entries()) if (!moved.has(i)) taken.add(v);
    for (const [i, place] of LANDMARK_PLACES) {
      const target = projector.project(place.map((value) => value / MM_PER_DECIMETRE) as Point);
      const onMidline = LANDMARK_MIRROR[i] === i;
      const nearest = nearestFree(target.position, (v) => !taken.has(v) && onMidline === (baseMirror[v] === v));
      places.set(nearest, target);
      vertices[i] = nearest;
      taken.add(nearest);
      if (onMidline) continue;
      const twin = baseMirror[nearest];
      places.set(twin, projector.project([-target.position[0], target.position[1], target.position[2]]));
      vertices[LANDMARK_MIRROR[i]] = twin;
      taken.add(twin);
    }
    return vertices;
  }

  function nearestFree(position: Point, isFree: (v: number) => boolean): number {
    let nearest = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const v of skin.skin) {
      if (!neighbours.has(v) || !isFree(v)) continue;
      const away = subtract(pointOf(mean, v), position);
      if (dot(away, away) < least) [nearest, least] = [v, dot(away, away)];
    }
    return nearest;
  }

  /** Rows of vertices behind a border, each vertex once. */
  function rowsAround(border: readonly number[], count: number): number[] {
    const found: number[] = [];
    let row = new Set(border);
    for (let i = 0; i < count; i++) {
      row = new Set(
        [...row].flatMap((v) => [...(neighbours.get(v) ?? [])]).filter((v) => !fixed.has(v) && !found.includes(v)),
      );
      found.push(...row);
    }
    return found;
  }

  /** Vertices that are at most `count` edges away. */
  function ringsAround(vertices: readonly number[], count: number): number[] {
    const found = new Set<number>();
    let around = new Set(vertices);
    for (let ring = 0; ring < count; ring++) {
      around = new Set([...around].flatMap((v) => [...(neighbours.get(v) ?? [])]).filter((v) => !fixed.has(v)));
      for (const v of around) found.add(v);
    }
    return [...found];
  }

  function evenOut(vertices: readonly number[], rounds: number): void {
    const positionOf = (v: number): Point => places.get(v)?.position ?? pointOf(mean, v);
    for (let round = 0; round < rounds; round++) {
      const moved = vertices.map((v): [number, SkinPlace] => {
        const around = [...(neighbours.get(v) ?? [])].map(positionOf);
        const middle = [0, 1, 2].map((k) => around.reduce((sum, p) => sum + p[k], 0) / around.length) as Point;
        const here = positionOf(v);
        return [v, projector.project([0, 1, 2].map((k) => (here[k] + middle[k]) / 2) as Point)];
      });
      for (const [v, place] of moved) places.set(v, place);
    }
  }
}
