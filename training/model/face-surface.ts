/**
 * The face's surface, cut from MakeHuman's body mesh: skin with a smooth border, the first rings of the mouth's pocket, closed,
 * so that an open mouth shows a mouth and not the background, and parts of their own in it: the tongue and both eyeballs.
 *
 * Every vertex is a weighted sum of base vertices (`bindings`), so each target of MakeHuman acts on it as it stands. That is
 * also how the border is made smooth: cutting along mesh edges leaves a staircase one row high (mean turn 49 degrees a
 * vertex), so border vertices slide along the skin onto the smoothed outline, and the rows behind them spread out evenly. In the
 * same way vertices slide to landmarks that lie between vertices.
 *
 * The eyeballs' helper mesh has no ring at the iris, and people's differ in more than place and size, so balls are laid anew:
 * here only where their centres are, see `roundEyeballs`.
 */
import { type QuadMesh, type SparseRows, sparseRowsFromMaps } from '../../src/geometry/catmull-clark.ts';
import {
  LANDMARK_MIRROR,
  LANDMARK_PLACES,
  LANDMARK_VERTICES,
  LEFT_EYEBALL_VERTICES,
  SKIN_VERTEX_RANGES,
  TONGUE_BACK,
} from './face-region.ts';
import { type MakeHuman, meanAdult, mirrorVertices } from './makehuman.ts';

const POCKET_RINGS = 5;
const BORDER_SMOOTHING_ROUNDS = 24;
const RELAXED_ROWS = 3;
const RELAX_ROUNDS = 10;
/** Where the pocket's texture goes: the free lower left corner of the unit square, [uMin, vMin, uMax, vMax]. */
const POCKET_UV_BOX = [0.01, 0.01, 0.2, 0.1] as const;
/** Face texture keeps this margin to the unit square's edge. */
const UV_MARGIN = 0.005;
/** Quads of the body below this v belong to the texture island of the mouth's inside. */
const MOUTH_ISLAND_TOP = 0.2;
/** Where the tongue's texture goes: the free lower right corner. */
const TONGUE_UV_BOX = [0.8, 0.01, 0.99, 0.1] as const;
/** Part of the eye hole in texture space that the eyeball fills. */
const EYE_UV_FILL = 0.92;
const MM_PER_DECIMETRE = 100;
/** Rounds of evening out around a vertex that slid to a landmark, and how many rows of vertices take part. */
const LANDMARK_RELAX_ROUNDS = 6;
const LANDMARK_RELAXED_ROWS = 2;

/** Spokes of an eyeball's rings. */
const EYE_SPOKES = 12;
/**
 * Angles of an eyeball's rings from the direction of its look, degrees. The first is the pupil's edge and the third the iris's: of a
 * ball of 15 mm these are 2.6 and 6.1 mm. The last lies behind the lids wherever the eye looks.
 */
const EYE_RING_DEGREES = [10, 17, 24, 32, 46, 64, 86, 108] as const;
/** Rings whose vertices belong to the iris, the pupil among them. */
const IRIS_RINGS = 3;

/** Vertex groups of the face's base mesh, as half-open ranges. */
export interface FaceGroups {
  readonly skin: readonly [number, number];
  readonly mouthPocket: readonly [number, number];
  readonly tongue: readonly [number, number];
  /** The person's left eye. */
  readonly leftEye: readonly [number, number];
  readonly rightEye: readonly [number, number];
  /** The front of each eyeball, pupil and iris: the first vertices of its group. */
  readonly leftIris: readonly [number, number];
  readonly rightIris: readonly [number, number];
}

export interface FaceSurface {
  readonly mesh: QuadMesh;
  /** `[vertexCount x 19158]`: each vertex as a weighted sum of MakeHuman's; rows sum to 1. */
  readonly bindings: SparseRows;
  /** `[vertexCount]`: the vertex at the mirrored place. */
  readonly mirror: Uint32Array;
  /** `[68]` vertices in iBUG order. */
  readonly landmarks: Uint32Array;
  /** `[2 x 19158]`: the centres of the left and the right eyeball as weighted sums of MakeHuman's vertices. */
  readonly eyeCentres: SparseRows;
  /** `[eyeVertices x 3]`: where each vertex of the left eyeball lies on the unit sphere, in the model's frame. */
  readonly eyeDirections: Float32Array;
  readonly groups: FaceGroups;
}

function fromRanges(ranges: readonly (readonly [number, number])[]): number[] {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

/** Closed border loops of a mesh of quads, each walked with the surface on its left. */
export function borderLoops(quads: ArrayLike<number>): number[][] {
  const directed = new Set<string>();
  for (let q = 0; q < quads.length; q += 4) {
    for (let k = 0; k < 4; k++) directed.add(`${quads[q + k]},${quads[q + ((k + 1) % 4)]}`);
  }
  const next = new Map<number, number>();
  for (const edge of directed) {
    const [a, b] = edge.split(',').map(Number);
    if (!directed.has(`${b},${a}`)) next.set(a, b);
  }
  const loops: number[][] = [];
  while (next.size > 0) {
    const [start] = next.keys();
    const loop: number[] = [];
    for (let at: number | undefined = start; at !== undefined && next.has(at); ) {
      loop.push(at);
      const following = next.get(at);
      next.delete(at);
      at = following;
    }
    loops.push(loop);
  }
  return loops;
}

type Point = [number, number, number];

function pointOf(positions: ArrayLike<number>, v: number): Point {
  return [positions[3 * v], positions[3 * v + 1], positions[3 * v + 2]];
}

function subtract(a: Point, b: Point): Point {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function dot(a: Point, b: Point): number {
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
interface SkinPlace {
  readonly vertices: readonly number[];
  readonly uvs: readonly number[];
  readonly weights: Point;
  readonly position: Point;
}

/** Finds the nearest place on a set of the body's triangles. */
class SkinProjector {
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

/** Taubin's smoothing of a closed curve: evens it out without shrinking it much. */
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

/** Cuts the face out of MakeHuman's mesh. */
export function buildFaceSurface(makeHuman: MakeHuman): FaceSurface {
  const mean = meanAdult(makeHuman);
  const baseMirror = mirrorVertices(makeHuman.vertices);
  const body = makeHuman.quads('body');
  const bodyQuads: number[][] = [];
  const bodyUvQuads: number[][] = [];
  for (let i = 0; i < body.vertices.length; i += 4) {
    bodyQuads.push([...body.vertices.subarray(i, i + 4)]);
    bodyUvQuads.push([...body.uvs.subarray(i, i + 4)]);
  }
  const skin = new Set(fromRanges(SKIN_VERTEX_RANGES));
  const isSkinQuad = bodyQuads.map((quad) => quad.every((v) => skin.has(v)));
  const skinQuads = bodyQuads.filter((_, q) => isSkinQuad[q]);
  const quadsAt = new Map<number, number[]>();
  for (const [q, quad] of bodyQuads.entries()) {
    for (const v of quad) quadsAt.set(v, [...(quadsAt.get(v) ?? []), q]);
  }
  const meanOfLoop = (loop: number[], axis: number): number =>
    loop.reduce((sum, v) => sum + mean[3 * v + axis], 0) / loop.length;
  const loops = borderLoops(skinQuads.flat()).sort((a, b) => b.length - a.length);
  const outline = loops[0];
  const mouthLoop = loops[1];
  const lidLoops = loops.slice(2);

  // The pocket: rings of quads from the mouth's loop inwards, then a strip that closes the last loop.
  const pocket: number[] = [];
  const taken = new Set([...bodyQuads.keys()].filter((q) => isSkinQuad[q]));
  let front = new Set(mouthLoop);
  for (let ring = 0; ring < POCKET_RINGS; ring++) {
    const added = [...front].flatMap((v) => quadsAt.get(v) ?? []).filter((q) => !taken.has(q));
    for (const q of added) if (!taken.has(q)) pocket.push(q);
    for (const q of added) taken.add(q);
    front = new Set(added.flatMap((q) => bodyQuads[q]).filter((v) => !skin.has(v)));
  }
  const pocketOrder = [...new Set(pocket)].sort((a, b) => a - b);
  const pocketQuads = pocketOrder.map((q) => bodyQuads[q]);
  const pocketUvQuads = pocketOrder.map((q) => bodyUvQuads[q]);
  const closing = borderLoops(pocketQuads.flat()).find((loop) => !loop.some((v) => skin.has(v)));
  if (closing === undefined || closing.length % 2 !== 0)
    throw new Error('the mouth pocket does not end in one even loop');
  // Walked from the middle of the upper side, so that vertex n - i is the mirror image of vertex i.
  const midline = closing.filter((v) => baseMirror[v] === v).sort((a, b) => mean[3 * b + 1] - mean[3 * a + 1]);
  const start = closing.indexOf(midline[0]);
  const turned = [...closing.slice(start), ...closing.slice(0, start)];
  const half = turned.length / 2;
  if (midline.length !== 2 || turned[half] !== midline[1]) throw new Error('the mouth pocket is not symmetric');
  const uvAt = new Map<number, number>();
  for (const [q, quad] of pocketQuads.entries()) for (const [k, v] of quad.entries()) uvAt.set(v, pocketUvQuads[q][k]);
  // Pairs (i, half - i) join an upper vertex with the lower one of the same side; the last pair is an edge of the loop.
  const lastPair = (half - 1) / 2;
  if (!Number.isInteger(lastPair)) throw new Error('the mouth pocket cannot be closed by quads alone');
  const loopVertex = (i: number): number => turned[(i + turned.length) % turned.length];
  for (let i = -lastPair; i < lastPair; i++) {
    const quad = [loopVertex(i + 1), loopVertex(i), loopVertex(half - i), loopVertex(half - i - 1)];
    pocketQuads.push(quad);
    pocketUvQuads.push(quad.map((v) => uvAt.get(v) ?? 0));
  }
  const pocketVertices = [...new Set(pocketQuads.flat())].filter((v) => !skin.has(v)).sort((a, b) => a - b);

  const balls = layEyeballs(baseMirror);
  const helperTongue = makeHuman.quads('helper-tongue');
  const tongueQuads: number[][] = [];
  const tongueUvQuads: number[][] = [];
  for (let i = 0; i < helperTongue.vertices.length; i += 4) {
    const quad = [...helperTongue.vertices.subarray(i, i + 4)];
    if (!quad.every((v) => makeHuman.vertices[3 * v + 2] > TONGUE_BACK)) continue;
    tongueQuads.push(quad);
    tongueUvQuads.push([...helperTongue.uvs.subarray(i, i + 4)]);
  }
  const tongueVertices = [...new Set(tongueQuads.flat())].sort((a, b) => a - b);

  // Order: skin, pocket, tongue; after them, without vertices of the base mesh, the left and the right eye.
  const order = [...[...skin].sort((a, b) => a - b), ...pocketVertices, ...tongueVertices];
  const local = new Map(order.map((v, i) => [v, i]));
  const at = (v: number): number => {
    const index = local.get(v);
    if (index === undefined) throw new Error(`base vertex ${v} is not part of the face`);
    return index;
  };
  const leftEyeStart = order.length;
  const rightEyeStart = leftEyeStart + balls.vertexCount;
  const vertexCount = rightEyeStart + balls.vertexCount;
  const mirror = Uint32Array.from({ length: vertexCount }, (_, i) =>
    i < leftEyeStart ? at(baseMirror[order[i]]) : i < rightEyeStart ? i + balls.vertexCount : i - balls.vertexCount,
  );

  // Slide the border onto the smoothed outline; it may use two rows of skin beyond the cut, in the same texture island.
  const uvOfSkin = new Map<number, number>();
  const projectable = new Set<number>();
  for (const [q, quad] of bodyQuads.entries()) {
    if (!isSkinQuad[q]) continue;
    projectable.add(q);
    if (makeHuman.uvs[2 * bodyUvQuads[q][0] + 1] > MOUTH_ISLAND_TOP) {
      for (const [k, v] of quad.entries()) uvOfSkin.set(v, bodyUvQuads[q][k]);
    }
  }
  let rim = new Set(outline);
  for (let row = 0; row < 2; row++) {
    const found = [...rim]
      .flatMap((v) => quadsAt.get(v) ?? [])
      .filter(
        (q) =>
          !projectable.has(q) &&
          bodyQuads[q].every((v, k) => (uvOfSkin.get(v) ?? bodyUvQuads[q][k]) === bodyUvQuads[q][k]),
      );
    for (const q of found) {
      projectable.add(q);
      for (const [k, v] of bodyQuads[q].entries()) uvOfSkin.set(v, bodyUvQuads[q][k]);
    }
    rim = new Set(found.flatMap((q) => bodyQuads[q]));
  }
  const usable = [...projectable].filter((q) => makeHuman.uvs[2 * bodyUvQuads[q][0] + 1] > MOUTH_ISLAND_TOP);
  const projector = new SkinProjector(
    usable.map((q) => bodyQuads[q]),
    usable.map((q) => bodyUvQuads[q]),
    mean,
  );
  const neighbours = new Map<number, Set<number>>();
  for (const quad of skinQuads) {
    for (let k = 0; k < 4; k++) {
      const a = quad[k];
      const b = quad[(k + 1) % 4];
      neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
      neighbours.set(b, (neighbours.get(b) ?? new Set()).add(a));
    }
  }
  const places = new Map<number, SkinPlace>();
  const smoothed = smoothLoop(
    outline.map((v) => pointOf(mean, v)),
    BORDER_SMOOTHING_ROUNDS,
  );
  for (const [i, v] of outline.entries()) places.set(v, projector.project(smoothed[i]));
  // The nearest free vertex slides to each landmark that lies between vertices, and its twin to the twin's place.
  const landmarkVertices = [...LANDMARK_VERTICES];
  const taken68 = new Set([...outline, ...lidLoops.flat(), ...mouthLoop]);
  const moved68 = new Set(LANDMARK_PLACES.flatMap(([i]) => [i, LANDMARK_MIRROR[i]]));
  for (const [i, v] of LANDMARK_VERTICES.entries()) if (!moved68.has(i)) taken68.add(v);
  for (const [i, place] of LANDMARK_PLACES) {
    const target = projector.project(place.map((value) => value / MM_PER_DECIMETRE) as Point);
    const onMidline = LANDMARK_MIRROR[i] === i;
    let nearest = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const v of skin) {
      if (taken68.has(v) || !neighbours.has(v) || onMidline !== (baseMirror[v] === v)) continue;
      const away = subtract(pointOf(mean, v), target.position);
      if (dot(away, away) < least) [nearest, least] = [v, dot(away, away)];
    }
    places.set(nearest, target);
    landmarkVertices[i] = nearest;
    taken68.add(nearest);
    if (onMidline) continue;
    const twin = baseMirror[nearest];
    places.set(twin, projector.project([-target.position[0], target.position[1], target.position[2]]));
    landmarkVertices[LANDMARK_MIRROR[i]] = twin;
    taken68.add(twin);
  }
  const fixed = new Set([...outline, ...landmarkVertices, ...lidLoops.flat(), ...mouthLoop]);
  const relaxed: number[] = [];
  let row = new Set(outline);
  for (let i = 0; i < RELAXED_ROWS; i++) {
    row = new Set(
      [...row].flatMap((v) => [...(neighbours.get(v) ?? [])]).filter((v) => !fixed.has(v) && !relaxed.includes(v)),
    );
    relaxed.push(...row);
  }
  const positionOf = (v: number): Point => places.get(v)?.position ?? pointOf(mean, v);
  const evenOut = (vertices: readonly number[], rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      const moved = vertices.map((v): [number, SkinPlace] => {
        const around = [...(neighbours.get(v) ?? [])].map(positionOf);
        const middle = [0, 1, 2].map((k) => around.reduce((sum, p) => sum + p[k], 0) / around.length) as Point;
        const here = positionOf(v);
        return [v, projector.project([0, 1, 2].map((k) => (here[k] + middle[k]) / 2) as Point)];
      });
      for (const [v, place] of moved) places.set(v, place);
    }
  };
  evenOut(relaxed, RELAX_ROUNDS);
  let around = new Set(LANDMARK_PLACES.flatMap(([i]) => [landmarkVertices[i], landmarkVertices[LANDMARK_MIRROR[i]]]));
  const displaced = new Set<number>();
  for (let ring = 0; ring < LANDMARK_RELAXED_ROWS; ring++) {
    around = new Set([...around].flatMap((v) => [...(neighbours.get(v) ?? [])]).filter((v) => !fixed.has(v)));
    for (const v of around) displaced.add(v);
  }
  evenOut([...displaced], LANDMARK_RELAX_ROUNDS);

  // A vertex and its twin get each other's mirrored weights, so the face is symmetric to the last bit.
  const rows = order.map((v) => {
    const weights = new Map<number, number>();
    const put = (column: number, weight: number): void => {
      if (weight !== 0) weights.set(column, (weights.get(column) ?? 0) + weight);
    };
    for (const [vertex, flip] of [
      [v, false],
      [baseMirror[v], true],
    ] as const) {
      const place = places.get(vertex);
      if (place === undefined) put(v, 0.5);
      else for (const [k, from] of place.vertices.entries()) put(flip ? baseMirror[from] : from, place.weights[k] / 2);
    }
    return weights;
  });

  const { uvs, uvQuads } = layOutTexture();
  const irisSize = 1 + IRIS_RINGS * EYE_SPOKES;

  return {
    mesh: {
      vertexCount,
      quads: Uint32Array.from([
        ...[...skinQuads, ...pocketQuads, ...tongueQuads].flat().map(at),
        ...balls.leftQuads.map((v) => leftEyeStart + v),
        ...balls.rightQuads.map((v) => rightEyeStart + v),
      ]),
      uvs,
      uvQuads,
    },
    // An eyeball's vertices hang on its centre.
    bindings: sparseRowsFromMaps([
      ...rows,
      ...balls.centres.flatMap((centre) => Array.from({ length: balls.vertexCount }, () => centre)),
    ]),
    mirror,
    landmarks: Uint32Array.from(landmarkVertices, at),
    eyeCentres: sparseRowsFromMaps(balls.centres),
    eyeDirections: balls.directions,
    groups: {
      skin: [0, skin.size],
      mouthPocket: [skin.size, skin.size + pocketVertices.length],
      tongue: [skin.size + pocketVertices.length, leftEyeStart],
      leftEye: [leftEyeStart, rightEyeStart],
      rightEye: [rightEyeStart, vertexCount],
      leftIris: [leftEyeStart, leftEyeStart + irisSize],
      rightIris: [rightEyeStart, rightEyeStart + irisSize],
    },
  };

  /**
   * Texture: MakeHuman's own unwrapping of the face, turned upright and stretched to the unit square; the mouth's inside and the
   * tongue in free corners; each eyeball inside its eye's hole.
   */
  function layOutTexture(): { uvs: Float32Array; uvQuads: Uint32Array } {
    const coordinates: number[] = [];
    const rowOf = new Map<string, number>();
    const put = (key: string, u: number, v: number): number => {
      let index = rowOf.get(key);
      if (index === undefined) {
        index = coordinates.length / 2;
        coordinates.push(u, v);
        rowOf.set(key, index);
      }
      return index;
    };
    const upright = (uvRow: number): [number, number] => [makeHuman.uvs[2 * uvRow + 1], -makeHuman.uvs[2 * uvRow]];
    const facePoint = (v: number, uvRow: number): [number, number] => {
      const place = places.get(v);
      if (place === undefined) return upright(uvRow);
      const corners = place.uvs.map(upright);
      return [0, 1].map(
        (k) => place.weights[0] * corners[0][k] + place.weights[1] * corners[1][k] + place.weights[2] * corners[2][k],
      ) as [number, number];
    };
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    const mouthBox = [Infinity, Infinity, -Infinity, -Infinity];
    const grow = (limits: number[], [u, v]: readonly [number, number]): void => {
      limits[0] = Math.min(limits[0], u);
      limits[1] = Math.min(limits[1], v);
      limits[2] = Math.max(limits[2], u);
      limits[3] = Math.max(limits[3], v);
    };
    const inMouth = (uvRow: number): boolean => makeHuman.uvs[2 * uvRow + 1] < MOUTH_ISLAND_TOP;
    const mouthPoint = (uvRow: number): [number, number] => [makeHuman.uvs[2 * uvRow], makeHuman.uvs[2 * uvRow + 1]];
    const allQuads = [...skinQuads, ...pocketQuads];
    const allUvQuads = [...bodyUvQuads.filter((_, q) => isSkinQuad[q]), ...pocketUvQuads];
    for (const [q, quad] of allQuads.entries()) {
      for (const [k, v] of quad.entries()) {
        const uvRow = allUvQuads[q][k];
        if (inMouth(uvRow)) grow(mouthBox, mouthPoint(uvRow));
        else grow(box, facePoint(v, uvRow));
      }
    }
    // +x is the person's left, the right side of a picture: turn the texture so that u grows with x.
    const [leftMost, rightMost] = [LANDMARK_VERTICES[0], LANDMARK_VERTICES[16]].map(
      (v) => facePoint(v, uvOfSkin.get(v) ?? 0)[0],
    );
    const mirrored = leftMost > rightMost;
    const toUnitSquare = ([u, v]: readonly [number, number]): [number, number] => {
      const x = (u - box[0]) / (box[2] - box[0]);
      const y = (v - box[1]) / (box[3] - box[1]);
      return [UV_MARGIN + (1 - 2 * UV_MARGIN) * (mirrored ? 1 - x : x), UV_MARGIN + (1 - 2 * UV_MARGIN) * y];
    };
    const result: number[] = [];
    for (const [q, quad] of allQuads.entries()) {
      for (const [k, v] of quad.entries()) {
        const uvRow = allUvQuads[q][k];
        if (inMouth(uvRow)) {
          const [u, w] = mouthPoint(uvRow);
          const [u0, v0, u1, v1] = POCKET_UV_BOX;
          result.push(
            put(
              `mouth ${uvRow}`,
              u0 + ((u - mouthBox[0]) / (mouthBox[2] - mouthBox[0])) * (u1 - u0),
              v0 + ((w - mouthBox[1]) / (mouthBox[3] - mouthBox[1])) * (v1 - v0),
            ),
          );
        } else {
          result.push(put(`face ${v}`, ...toUnitSquare(facePoint(v, uvRow))));
        }
      }
    }
    const tongueBox = [Infinity, Infinity, -Infinity, -Infinity];
    const tonguePoint = (uvRow: number): [number, number] => [makeHuman.uvs[2 * uvRow], makeHuman.uvs[2 * uvRow + 1]];
    for (const uvRow of tongueUvQuads.flat()) grow(tongueBox, tonguePoint(uvRow));
    for (const uvRow of tongueUvQuads.flat()) {
      const [u, v] = tonguePoint(uvRow);
      const [u0, v0, u1, v1] = TONGUE_UV_BOX;
      result.push(
        put(
          `tongue ${uvRow}`,
          u0 + ((u - tongueBox[0]) / (tongueBox[2] - tongueBox[0])) * (u1 - u0),
          v0 + ((v - tongueBox[1]) / (tongueBox[3] - tongueBox[1])) * (v1 - v0),
        ),
      );
    }
    for (const [name, quads, directions] of [
      ['left', balls.leftQuads, balls.leftDirections],
      ['right', balls.rightQuads, balls.rightDirections],
    ] as const) {
      const lids = lidLoops.find((loop) => meanOfLoop(loop, 0) > 0 === (name === 'left')) ?? [];
      const hole = [Infinity, Infinity, -Infinity, -Infinity];
      for (const v of lids) grow(hole, toUnitSquare(facePoint(v, uvOfSkin.get(v) ?? 0)));
      const middle = (axis: number): number => (hole[axis] + hole[axis + 2]) / 2;
      const radius = (axis: number): number => (EYE_UV_FILL * (hole[axis + 2] - hole[axis])) / 2;
      for (const v of quads) {
        const [x, y] = directions[v];
        result.push(put(`${name} eye ${v}`, middle(0) + radius(0) * x, middle(1) + radius(1) * y));
      }
    }
    return { uvs: Float32Array.from(coordinates), uvQuads: Uint32Array.from(result) };
  }
}

/** Both eyeballs, in one order of vertices: the pupil's middle, then ring by ring; twins have the same number. */
interface Eyeballs {
  readonly vertexCount: number;
  /** Centres as weights on vertices of the base mesh: left, right. */
  readonly centres: Map<number, number>[];
  /** `[vertexCount x 3]` of the left one. */
  readonly directions: Float32Array;
  readonly leftQuads: number[];
  readonly rightQuads: number[];
  /** Where each vertex goes in the unit disc of its texture. */
  readonly leftDirections: readonly (readonly [number, number])[];
  readonly rightDirections: readonly (readonly [number, number])[];
}

function layEyeballs(baseMirror: Uint32Array): Eyeballs {
  const sphere = fromRanges([LEFT_EYEBALL_VERTICES]);
  const directions = [0, 0, 1];
  const leftDirections: [number, number][] = [[0, 0]];
  const widest = EYE_RING_DEGREES[EYE_RING_DEGREES.length - 1];
  for (const degrees of EYE_RING_DEGREES) {
    const angle = (degrees * Math.PI) / 180;
    for (let spoke = 0; spoke < EYE_SPOKES; spoke++) {
      const turn = (2 * Math.PI * spoke) / EYE_SPOKES;
      directions.push(Math.sin(angle) * Math.cos(turn), Math.sin(angle) * Math.sin(turn), Math.cos(angle));
      leftDirections.push([(degrees / widest) * Math.cos(turn), (degrees / widest) * Math.sin(turn)]);
    }
  }
  const ring = (r: number, spoke: number): number => 1 + r * EYE_SPOKES + (spoke % EYE_SPOKES);
  const leftQuads: number[] = [];
  for (let spoke = 0; spoke < EYE_SPOKES; spoke += 2) {
    leftQuads.push(0, ring(0, spoke), ring(0, spoke + 1), ring(0, spoke + 2));
  }
  for (let r = 0; r + 1 < EYE_RING_DEGREES.length; r++) {
    for (let spoke = 0; spoke < EYE_SPOKES; spoke++) {
      leftQuads.push(ring(r, spoke), ring(r + 1, spoke), ring(r + 1, spoke + 1), ring(r, spoke + 1));
    }
  }
  // The right ball is the left one's mirror image, vertex by vertex; its quads turn the other way round.
  const rightQuads: number[] = [];
  for (let q = 0; q < leftQuads.length; q += 4) rightQuads.push(...leftQuads.slice(q, q + 4).reverse());
  return {
    vertexCount: leftDirections.length,
    centres: [sphere, sphere.map((v) => baseMirror[v])].map(
      (vertices) => new Map(vertices.map((v) => [v, 1 / vertices.length])),
    ),
    directions: Float32Array.from(directions),
    leftQuads,
    rightQuads,
    leftDirections,
    rightDirections: leftDirections.map(([x, y]) => [-x, y]),
  };
}
