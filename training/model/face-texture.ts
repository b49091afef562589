/**
 * The face's texture coordinates: MakeHuman's own unwrapping of the face, turned upright and stretched to the unit square; the
 * mouth's inside, the tongue and each eyeball in free corners.
 */
import type { Eyeballs } from './eyeball-mesh.ts';
import { type BodySkin, type FacePart, isInMouth } from './face-parts.ts';
import { LANDMARK_VERTICES } from './face-region.ts';
import type { MakeHuman } from './makehuman.ts';
import type { SlidVertices } from './slide-vertices.ts';

type Uv = readonly [number, number];
/** `[uMin, vMin, uMax, vMax]`. */
type UvBox = readonly [number, number, number, number];

/** Where the pocket's texture goes: the free lower left corner of the unit square. */
const POCKET_UV_BOX: UvBox = [0.01, 0.01, 0.2, 0.1];
/** Where the tongue's texture goes: the free lower right corner. */
const TONGUE_UV_BOX: UvBox = [0.8, 0.01, 0.99, 0.1];
/** Margin between the face's texture and the edge of the unit square. */
const UV_MARGIN = 0.005;
/**
 * Where the eyeballs' texture goes: the free upper corners. In the eye's hole, where the part visible between the lids got a tenth
 * of the area, an eye was one texel high in a texture of 512.
 */
const EYE_UV_BOXES = { right: [0.01, 0.92, 0.08, 0.99], left: [0.92, 0.92, 0.99, 0.99] } as const;
/** The bounds of a ball's directions. */
const UNIT_DISC_BOX: UvBox = [-1, -1, 1, 1];

/** Texture coordinates by key, each once. */
class UvTable {
  readonly coordinates: number[] = [];
  readonly #rows = new Map<string, number>();

  put(key: string, [u, v]: Uv): number {
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = this.coordinates.length / 2;
      this.coordinates.push(u, v);
      this.#rows.set(key, row);
    }
    return row;
  }
}

function boxOf(points: Iterable<Uv>): UvBox {
  let [uMin, vMin, uMax, vMax] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [u, v] of points) {
    uMin = Math.min(uMin, u);
    vMin = Math.min(vMin, v);
    uMax = Math.max(uMax, u);
    vMax = Math.max(vMax, v);
  }
  return [uMin, vMin, uMax, vMax];
}

function intoBox([u, v]: Uv, from: UvBox, to: UvBox): Uv {
  return [
    to[0] + ((u - from[0]) / (from[2] - from[0])) * (to[2] - to[0]),
    to[1] + ((v - from[1]) / (from[3] - from[1])) * (to[3] - to[1]),
  ];
}

/** Coordinates `[n x 2]`, and for each corner of the mesh's quads its row of them. */
export interface TextureLayout {
  readonly uvs: Float32Array;
  readonly uvQuads: Uint32Array;
}

export function layOutTexture(
  makeHuman: MakeHuman,
  skin: BodySkin,
  pocket: FacePart,
  tongue: FacePart,
  balls: Eyeballs,
  { places, uvOfSkin }: SlidVertices,
): TextureLayout {
  const table = new UvTable();
  const corners: number[] = [];
  const ownPoint = (uvRow: number): Uv => [makeHuman.uvs[2 * uvRow], makeHuman.uvs[2 * uvRow + 1]];
  const upright = (uvRow: number): Uv => [makeHuman.uvs[2 * uvRow + 1], -makeHuman.uvs[2 * uvRow]];
  const quads = [...skin.skinQuads, ...pocket.quads];
  const uvQuads = [...skin.body.uvQuads.filter((_, q) => skin.isSkinQuad[q]), ...pocket.uvQuads];
  const cornerList = quads.flatMap((quad, q) => quad.map((v, k) => ({ v, uvRow: uvQuads[q][k] })));
  const faceCorners = cornerList.filter(({ uvRow }) => !isInMouth(makeHuman, uvRow));
  const mouthCorners = cornerList.filter(({ uvRow }) => isInMouth(makeHuman, uvRow));
  const faceBox = boxOf(faceCorners.map(({ v, uvRow }) => facePoint(v, uvRow)));
  const mouthBox = boxOf(mouthCorners.map(({ uvRow }) => ownPoint(uvRow)));
  // +x is the person's left, the right side of a picture: turn the texture so that u grows with x.
  const [leftMost, rightMost] = [LANDMARK_VERTICES[0], LANDMARK_VERTICES[16]].map(
    (v) => facePoint(v, uvOfSkin.get(v) ?? 0)[0],
  );
  const mirrored = leftMost > rightMost;
  for (const { v, uvRow } of cornerList) {
    corners.push(
      isInMouth(makeHuman, uvRow)
        ? table.put(`mouth ${uvRow}`, intoBox(ownPoint(uvRow), mouthBox, POCKET_UV_BOX))
        : table.put(`face ${v}`, toUnitSquare(facePoint(v, uvRow))),
    );
  }
  const tongueBox = boxOf(tongue.uvQuads.flat().map(ownPoint));
  for (const uvRow of tongue.uvQuads.flat()) {
    corners.push(table.put(`tongue ${uvRow}`, intoBox(ownPoint(uvRow), tongueBox, TONGUE_UV_BOX)));
  }
  putEyeball('left', balls.leftQuads, balls.leftDirections);
  putEyeball('right', balls.rightQuads, balls.rightDirections);
  return { uvs: Float32Array.from(table.coordinates), uvQuads: Uint32Array.from(corners) };

  /** In MakeHuman's unwrapping, upright. */
  function facePoint(v: number, uvRow: number): Uv {
    const place = places.get(v);
    if (place === undefined) return upright(uvRow);
    const [a, b, c] = place.uvs.map(upright);
    const mix = (k: 0 | 1): number => place.weights[0] * a[k] + place.weights[1] * b[k] + place.weights[2] * c[k];
    return [mix(0), mix(1)];
  }

  function toUnitSquare([u, v]: Uv): Uv {
    const x = (u - faceBox[0]) / (faceBox[2] - faceBox[0]);
    const y = (v - faceBox[1]) / (faceBox[3] - faceBox[1]);
    return [UV_MARGIN + (1 - 2 * UV_MARGIN) * (mirrored ? 1 - x : x), UV_MARGIN + (1 - 2 * UV_MARGIN) * y];
  }

  function putEyeball(side: 'left' | 'right', ballQuads: readonly number[], directions: readonly Uv[]): void {
    for (const v of ballQuads) {
      corners.push(table.put(`${side} eye ${v}`, intoBox(directions[v], UNIT_DISC_BOX, EYE_UV_BOXES[side])));
    }
  }
}
