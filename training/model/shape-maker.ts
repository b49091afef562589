/** The building blocks of expression shapes: displacement and weight fields over MakeHuman's base mesh, for the mean adult. */
import { EXPRESSION_VERSIONS } from './expression-units.ts';
import { LANDMARK_VERTICES } from './face-region.ts';
import { MAKEHUMAN_VERTEX_COUNT, type MakeHuman, meanAdult, mirrorVertices } from './makehuman.ts';

export const MM_PER_DECIMETRE = 100;
/** Targets are in thousandths of a decimetre. */
const TARGET_UNIT_MM = 0.1;
/** Over how many mm from the middle one half of the face blends into the other. */
const HALF_WIDTH = 7;

export type Vector = readonly [number, number, number];
/** `[19158 x 3]` displacement, mm. */
export type Field = Float64Array;
/** `[19158]`. */
export type Weight = Float64Array;

/** 0 below `from`, 1 above `to`, smooth between; `from` may be above `to`. */
export function ramp(value: number, from: number, to: number): number {
  const t = Math.min(Math.max((value - from) / (to - from), 0), 1);
  return t * t * (3 - 2 * t);
}

export function add(...fields: readonly Field[]): Field {
  const sum = new Float64Array(3 * MAKEHUMAN_VERTEX_COUNT);
  for (const field of fields) for (let i = 0; i < sum.length; i++) sum[i] += field[i];
  return sum;
}

export function times(field: Field, weight: number | Weight): Field {
  return field.map((value, i) => value * (typeof weight === 'number' ? weight : weight[Math.floor(i / 3)]));
}

/** All building blocks of shapes, over the mean adult. */
export class ShapeMaker {
  readonly #makeHuman: MakeHuman;
  readonly #mirror: Uint32Array;
  /** `[19158 x 3]` mm of the base mesh's frame. */
  readonly #at: Float64Array;
  /** How far a vertex belongs to the lower lip and jaw rather than the upper lip, 0..1. */
  readonly lower: Weight;
  readonly upper: Weight;
  /** The person's left half: 1, the right: 0. */
  readonly left: Weight;
  /** Everything except eyeballs, teeth and tongue. */
  readonly skin: Weight;
  readonly upperLip: Weight;
  readonly lowerLip: Weight;
  /** Skin above and below the middle of the mouth. */
  readonly nearUpper: Weight;
  readonly nearLower: Weight;
  /** Where the lips meet, mm up. */
  readonly seam: number;
  /** The left corner of the mouth. */
  readonly corner: Vector;

  constructor(makeHuman: MakeHuman) {
    this.#makeHuman = makeHuman;
    this.#mirror = mirrorVertices(makeHuman.vertices);
    this.#at = meanAdult(makeHuman).map((value) => MM_PER_DECIMETRE * value);
    const jaw = this.bones('jaw', 'oris01', 'oris07.L', 'oris07.R', 'special04');
    const skull = this.bones(
      'oris05',
      'oris03.L',
      'oris03.R',
      'levator05.L',
      'levator05.R',
      'levator06.L',
      'levator06.R',
      'head',
    );
    this.lower = jaw.map((weight, v) => weight / Math.max(weight + skull[v], 1e-6));
    this.upper = this.lower.map((weight) => 1 - weight);
    this.left = this.where(([x]) => ramp(x, -HALF_WIDTH, HALF_WIDTH));
    const rigid = this.groups(
      'helper-lower-teeth',
      'helper-tongue',
      'helper-upper-teeth',
      'helper-l-eye',
      'helper-r-eye',
    );
    this.skin = rigid.map((weight) => 1 - weight);
    this.upperLip = this.bones('oris05', 'oris03.L', 'oris03.R');
    this.lowerLip = this.bones('oris01', 'oris07.L', 'oris07.R');
    this.seam = (this.landmark(62)[1] + this.landmark(66)[1]) / 2;
    this.corner = this.landmark(54);
    this.nearUpper = this.around([0, this.seam + 6, 152], [22, 9, 25]).map((weight, v) => weight * this.upper[v]);
    this.nearLower = this.around([0, this.seam - 6, 149], [22, 10, 25]).map((weight, v) => weight * this.lower[v]);
  }

  place(vertex: number): Vector {
    return [this.#at[3 * vertex], this.#at[3 * vertex + 1], this.#at[3 * vertex + 2]];
  }

  /** Position of one of the 68 landmarks. */
  landmark(i: number): Vector {
    return this.place(LANDMARK_VERTICES[i]);
  }

  where(weight: (place: Vector, vertex: number) => number): Weight {
    return Float64Array.from({ length: MAKEHUMAN_VERTEX_COUNT }, (_, v) => weight(this.place(v), v));
  }

  /** A round region: 1 at its centre, falling off with the given radii (mm). */
  around([cx, cy, cz]: Vector, [rx, ry, rz]: Vector): Weight {
    return this.where(([x, y, z]) => Math.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2 - ((z - cz) / rz) ** 2));
  }

  /** Sum of the weights of some bones, the same on both sides of the face for a pair of bones. */
  bones(...names: readonly string[]): Weight {
    const sum = new Float64Array(MAKEHUMAN_VERTEX_COUNT);
    for (const name of names) {
      const own = this.#makeHuman.boneWeights(name);
      const twin = this.#makeHuman.boneWeights(name.replace(/\.[LR]$/, (side) => (side === '.L' ? '.R' : '.L')));
      for (let v = 0; v < sum.length; v++) sum[v] += (own[v] + twin[this.#mirror[v]]) / 2;
    }
    return sum;
  }

  /** Vertices of groups of the base mesh: 1, others 0. */
  groups(...names: readonly string[]): Weight {
    const weight = new Float64Array(MAKEHUMAN_VERTEX_COUNT);
    for (const v of this.#makeHuman.quads(...names).vertices) weight[v] = 1;
    return weight;
  }

  /** One of MakeHuman's expression units. */
  unit(name: string): Field {
    const sum = new Float64Array(3 * MAKEHUMAN_VERTEX_COUNT);
    for (const version of EXPRESSION_VERSIONS) {
      const target = this.#makeHuman.target(`expression/units/${version}/${name}`);
      for (let i = 0; i < sum.length; i++) sum[i] += (TARGET_UNIT_MM * target[i]) / EXPRESSION_VERSIONS.length;
    }
    return sum;
  }

  shift(weight: Weight, move: Vector): Field {
    return this.field((_, v) => move.map((value) => value * weight[v]) as unknown as Vector);
  }

  field(move: (place: Vector, vertex: number) => Vector): Field {
    const field = new Float64Array(3 * MAKEHUMAN_VERTEX_COUNT);
    for (let v = 0; v < MAKEHUMAN_VERTEX_COUNT; v++) field.set(move(this.place(v), v), 3 * v);
    return field;
  }

  /** Turns what `weight` covers about an axis through `pivot`: about x, positive degrees move the front down; about y, to +x. */
  turn(weight: Weight, axis: 'x' | 'y', degrees: number, pivot: Vector | ((place: Vector) => Vector)): Field {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return this.field((place, v) => {
      if (weight[v] === 0) return [0, 0, 0];
      const [px, py, pz] = typeof pivot === 'function' ? pivot(place) : pivot;
      const [x, y, z] = [place[0] - px, place[1] - py, place[2] - pz];
      const turned: Vector = axis === 'x' ? [x, c * y - s * z, s * y + c * z] : [c * x + s * z, y, c * z - s * x];
      return [weight[v] * (turned[0] - x), weight[v] * (turned[1] - y), weight[v] * (turned[2] - z)];
    });
  }

  joint(name: string): Vector {
    const vertices = this.#makeHuman.joint(name);
    const places = vertices.map((v) => this.place(v));
    return [0, 1, 2].map((k) => places.reduce((sum, p) => sum + p[k], 0) / places.length) as unknown as Vector;
  }

  /** The person's left half of a field, fading towards the right. */
  half(field: Field): Field {
    return times(field, this.left);
  }

  mirrored(field: Field): Field {
    return field.map((_, i) => {
      const twin = field[3 * this.#mirror[Math.floor(i / 3)] + (i % 3)];
      return i % 3 === 0 ? -twin : twin;
    });
  }

  symmetric(field: Field): Field {
    return times(add(field, this.mirrored(field)), 0.5);
  }
}

/** Curve through landmarks by x: their y and z, held constant beyond the ends. */
export function curveThrough(points: readonly Vector[]): (x: number) => readonly [number, number] {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  return (x) => {
    const i = sorted.findIndex((p) => p[0] > x);
    if (i <= 0) {
      const [, y, z] = i === 0 ? sorted[0] : sorted[sorted.length - 1];
      return [y, z];
    }
    const [a, b] = [sorted[i - 1], sorted[i]];
    const t = (x - a[0]) / (b[0] - a[0]);
    return [a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])];
  };
}
