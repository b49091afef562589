/**
 * The face's surface, cut from MakeHuman's body mesh: skin with a smooth border, the first rings of the mouth's pocket, closed
 * so that an open mouth shows its inside and not the background, and separate parts in it: the tongue and both eyeballs.
 *
 * Every vertex is a weighted sum of base vertices (`bindings`), so each MakeHuman target acts on it unchanged. The same
 * mechanism smooths the border and moves vertices to landmarks that lie between vertices: see `slideVertices`.
 */
import { type QuadMesh, type SparseRows, sparseRowsFromMaps } from '../../src/geometry/catmull-clark.ts';
import { IRIS_SIZE, layEyeballs } from './eyeball-mesh.ts';
import { cutMouthPocket, cutSkin, cutTongue } from './face-parts.ts';
import { layOutTexture } from './face-texture.ts';
import { type MakeHuman, meanAdult, mirrorVertices } from './makehuman.ts';
import type { SkinPlace } from './skin-projector.ts';
import { slideVertices } from './slide-vertices.ts';

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

/**
 * Each vertex as a weighted sum of MakeHuman's. A vertex and its twin get each other's mirrored weights, so the face is symmetric
 * to the last bit.
 */
function bind(
  vertices: readonly number[],
  places: ReadonlyMap<number, SkinPlace>,
  baseMirror: Uint32Array,
): Map<number, number>[] {
  return vertices.map((v) => {
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
}

/** Cuts the face out of MakeHuman's mesh. */
export function buildFaceSurface(makeHuman: MakeHuman): FaceSurface {
  const mean = meanAdult(makeHuman);
  const baseMirror = mirrorVertices(makeHuman.vertices);
  const body = cutSkin(makeHuman);
  const pocket = cutMouthPocket(body, baseMirror, mean);
  const tongue = cutTongue(makeHuman);
  const balls = layEyeballs(baseMirror);
  const slid = slideVertices(makeHuman, body, baseMirror, mean);

  // Order: skin, pocket, tongue; after them, without vertices of the base mesh, the left and the right eye.
  const { skin } = body;
  const order = [...[...skin].sort((a, b) => a - b), ...pocket.vertices, ...tongue.vertices];
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
  // An eyeball's vertices are attached to its centre.
  const eyeRows = balls.centres.flatMap((centre) => Array.from({ length: balls.vertexCount }, () => centre));

  return {
    mesh: {
      vertexCount,
      quads: Uint32Array.from([
        ...[...body.skinQuads, ...pocket.quads, ...tongue.quads].flat().map(at),
        ...balls.leftQuads.map((v) => leftEyeStart + v),
        ...balls.rightQuads.map((v) => rightEyeStart + v),
      ]),
      ...layOutTexture(makeHuman, body, pocket, tongue, balls, slid),
    },
    bindings: sparseRowsFromMaps([...bind(order, slid.places, baseMirror), ...eyeRows]),
    mirror,
    landmarks: Uint32Array.from(slid.landmarks, at),
    eyeCentres: sparseRowsFromMaps(balls.centres),
    eyeDirections: balls.directions,
    groups: {
      skin: [0, skin.size],
      mouthPocket: [skin.size, skin.size + pocket.vertices.length],
      tongue: [skin.size + pocket.vertices.length, leftEyeStart],
      leftEye: [leftEyeStart, rightEyeStart],
      rightEye: [rightEyeStart, vertexCount],
      leftIris: [leftEyeStart, leftEyeStart + IRIS_SIZE],
      rightIris: [rightEyeStart, rightEyeStart + IRIS_SIZE],
    },
  };
}
