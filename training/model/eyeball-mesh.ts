/**
 * The mesh of the eyeballs. MakeHuman's helper mesh has no ring at the iris, and people's balls differ in more than place and size,
 * so new balls are built: only their centres are used here, see `roundEyeballs`.
 */
import { fromRanges, LEFT_EYEBALL_VERTICES } from './face-region.ts';

/** Spokes of an eyeball's rings. */
const EYE_SPOKES = 12;
/**
 * Angles of an eyeball's rings from its gaze direction, degrees. The first is the pupil's edge and the third the iris's: on a
 * 15 mm ball these are 2.6 and 6.1 mm. The last lies behind the lids wherever the eye looks.
 */
const EYE_RING_DEGREES = [10, 17, 24, 32, 46, 64, 86, 108] as const;
/** How much more texture the part between the lids gets than the part behind them: 0 would be none. */
const TEXTURE_SHARPNESS = 12;
/** Rings whose vertices belong to the iris, the pupil among them. */
const IRIS_RINGS = 3;

/** Vertices of the pupil and the iris, the first ones of a ball. */
export const IRIS_SIZE = 1 + IRIS_RINGS * EYE_SPOKES;

/** Both eyeballs, in the same vertex order: the pupil's centre, then ring by ring; twins have the same number. */
export interface Eyeballs {
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

export function layEyeballs(baseMirror: Uint32Array): Eyeballs {
  const sphere = fromRanges([LEFT_EYEBALL_VERTICES]);
  const directions = [0, 0, 1];
  const leftDirections: [number, number][] = [[0, 0]];
  const widest = EYE_RING_DEGREES[EYE_RING_DEGREES.length - 1];
  for (const degrees of EYE_RING_DEGREES) {
    const angle = (degrees * Math.PI) / 180;
    for (let spoke = 0; spoke < EYE_SPOKES; spoke++) {
      const turn = (2 * Math.PI * spoke) / EYE_SPOKES;
      directions.push(Math.sin(angle) * Math.cos(turn), Math.sin(angle) * Math.sin(turn), Math.cos(angle));
      const reach = Math.asinh((TEXTURE_SHARPNESS * degrees) / widest) / Math.asinh(TEXTURE_SHARPNESS);
      leftDirections.push([reach * Math.cos(turn), reach * Math.sin(turn)]);
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
