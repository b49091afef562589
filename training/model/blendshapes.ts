/**
 * The 52 expression shapes under ARKit's names, over the whole base mesh: MakeHuman's expression units, cut into halves and
 * into upper and lower lip, and moves of the bones and regions of its facial rig where no unit fits.
 *
 * Every shape was looked at on renders from the front and from the side. One-sided shapes are made for the person's left and
 * mirrored, so that a face acts alike on both sides to the last bit.
 *
 * @see https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation
 */
import { FULL_LOOK_DEGREES } from '../../src/geometry/acting.ts';
import { EXPRESSION_VERSIONS } from './expression-units.ts';
import { LANDMARK_VERTICES } from './face-region.ts';
import { MAKEHUMAN_VERTEX_COUNT, type MakeHuman, meanAdult, mirrorVertices } from './makehuman.ts';

/** In the order of the model's expression parameters: ARKit's, eyes first. */
// biome-ignore format: a table
export const BLENDSHAPE_NAMES = [
  'eyeBlinkLeft', 'eyeLookDownLeft', 'eyeLookInLeft', 'eyeLookOutLeft', 'eyeLookUpLeft', 'eyeSquintLeft', 'eyeWideLeft',
  'eyeBlinkRight', 'eyeLookDownRight', 'eyeLookInRight', 'eyeLookOutRight', 'eyeLookUpRight', 'eyeSquintRight', 'eyeWideRight',
  'jawForward', 'jawLeft', 'jawRight', 'jawOpen',
  'mouthClose', 'mouthFunnel', 'mouthPucker', 'mouthLeft', 'mouthRight', 'mouthSmileLeft', 'mouthSmileRight',
  'mouthFrownLeft', 'mouthFrownRight', 'mouthDimpleLeft', 'mouthDimpleRight', 'mouthStretchLeft', 'mouthStretchRight',
  'mouthRollLower', 'mouthRollUpper', 'mouthShrugLower', 'mouthShrugUpper', 'mouthPressLeft', 'mouthPressRight',
  'mouthLowerDownLeft', 'mouthLowerDownRight', 'mouthUpperUpLeft', 'mouthUpperUpRight',
  'browDownLeft', 'browDownRight', 'browInnerUp', 'browOuterUpLeft', 'browOuterUpRight',
  'cheekPuff', 'cheekSquintLeft', 'cheekSquintRight', 'noseSneerLeft', 'noseSneerRight', 'tongueOut',
] as const;

export type BlendshapeName = (typeof BLENDSHAPE_NAMES)[number];

/** `mouth-open` reaches 39 mm at 1; a jaw does not. */
const WIDEST_JAW = 0.75;
/** `eye-*-closure` shuts the average person's lids at 0.82 and lets them cross beyond it. */
const SHUT_LIDS = 0.82;
/** How the jaw bone turns where the skin's jaw is as open as `WIDEST_JAW` makes it: for teeth and tongue, which no unit moves. */
const JAW_DEGREES = 20;
const MM_PER_DECIMETRE = 100;
/** Targets count thousandths of a decimetre. */
const TARGET_UNIT_MM = 0.1;
/** Over how many mm from the middle one half of the face passes into the other. */
const HALF_WIDTH = 7;

type Vector = readonly [number, number, number];
/** `[19158 x 3]` displacement, mm. */
type Field = Float64Array;
/** `[19158]`. */
type Weight = Float64Array;

/** 0 below `from`, 1 above `to`, smooth between; `from` may be above `to`. */
function ramp(value: number, from: number, to: number): number {
  const t = Math.min(Math.max((value - from) / (to - from), 0), 1);
  return t * t * (3 - 2 * t);
}

function add(...fields: readonly Field[]): Field {
  const sum = new Float64Array(3 * MAKEHUMAN_VERTEX_COUNT);
  for (const field of fields) for (let i = 0; i < sum.length; i++) sum[i] += field[i];
  return sum;
}

function times(field: Field, weight: number | Weight): Field {
  return field.map((value, i) => value * (typeof weight === 'number' ? weight : weight[Math.floor(i / 3)]));
}

/** Everything that shapes are made of, over the mean adult. */
class ShapeMaker {
  readonly #makeHuman: MakeHuman;
  readonly #mirror: Uint32Array;
  /** `[19158 x 3]` mm of the base mesh's frame. */
  readonly #at: Float64Array;
  /** How far a vertex hangs on the lower lip and jaw and not on the upper lip, 0..1. */
  readonly lower: Weight;
  readonly upper: Weight;
  /** The person's left half: 1, the right: 0. */
  readonly left: Weight;

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
  }

  place(vertex: number): Vector {
    return [this.#at[3 * vertex], this.#at[3 * vertex + 1], this.#at[3 * vertex + 2]];
  }

  /** Place of one of the 68 landmarks. */
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

  /** Turns what `weight` holds about an axis through `pivot`: about x, positive degrees take the front down; about y, to +x. */
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
function curveThrough(points: readonly Vector[]): (x: number) => readonly [number, number] {
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

/**
 * Makes the 52 shapes.
 * @returns for each name `[19158 x 3]`, the displacement at coefficient 1 in decimetres, in the base mesh's frame.
 */
export function buildBlendshapes(makeHuman: MakeHuman): Map<BlendshapeName, Float64Array> {
  const maker = new ShapeMaker(makeHuman);
  const { lower, upper, left } = maker;
  const unit = (name: string): Field => maker.unit(name);
  const half = (field: Field): Field => times(field, left);
  const shapes = new Map<BlendshapeName, Field>();
  const pair = (name: string, field: Field): void => {
    shapes.set(`${name}Left` as BlendshapeName, field);
    shapes.set(`${name}Right` as BlendshapeName, maker.mirrored(field));
  };
  const single = (name: BlendshapeName, field: Field): void => {
    shapes.set(name, maker.symmetric(field));
  };

  // Eyes. Lids turn about the ball's centre, as they do.
  const ball = maker.joint('eye.L');
  const upperLid = maker.bones('orbicularis03.L');
  const lowerLid = maker.bones('orbicularis04.L');
  const lids = (upperDegrees: number, lowerDegrees: number): Field =>
    add(maker.turn(upperLid, 'x', upperDegrees, ball), maker.turn(lowerLid, 'x', lowerDegrees, ball));
  pair('eyeBlink', times(unit('eye-left-closure'), SHUT_LIDS));
  pair('eyeLookUp', lids(-0.55 * FULL_LOOK_DEGREES.up, -0.25 * FULL_LOOK_DEGREES.up));
  pair('eyeLookDown', lids(0.7 * FULL_LOOK_DEGREES.down, 0.35 * FULL_LOOK_DEGREES.down));
  const bothLids = upperLid.map((weight, v) => weight + lowerLid[v]);
  pair('eyeLookOut', maker.turn(bothLids, 'y', 0.08 * FULL_LOOK_DEGREES.out, ball));
  pair('eyeLookIn', maker.turn(bothLids, 'y', -0.08 * FULL_LOOK_DEGREES.in, ball));
  pair('eyeWide', unit('eye-left-opened-up'));
  const underEye = maker.around([31, 714, 136], [15, 7, 25]);
  pair('eyeSquint', add(lids(3, -8), times(unit('eye-left-slit'), 0.18), maker.shift(underEye, [0, 1.8, 1])));
  pair(
    'cheekSquint',
    add(
      lids(0, -8),
      maker.shift(maker.around([31, 703, 132], [18, 11, 30]), [1, 6, 3]),
      times(
        half(unit('mouth-corner-puller')),
        maker.where(([, y]) => 0.7 * ramp(y, 664, 690)),
      ),
    ),
  );

  // Brows.
  pair('browDown', unit('eyebrows-left-down'));
  pair('browOuterUp', add(times(unit('eyebrows-left-extern-up'), 0.65), times(half(unit('eyebrows-left-up')), 0.35)));
  single('browInnerUp', add(unit('eyebrows-left-inner-up'), unit('eyebrows-right-inner-up')));

  // Jaw. Teeth and tongue follow the bone.
  const jawBones = [
    'jaw',
    'special04',
    'oris06',
    'oris06.L',
    'oris06.R',
    'oris01',
    'oris07.L',
    'oris07.R',
    'tongue00',
    'tongue01',
    'tongue02',
    'tongue03',
    'tongue04',
    'tongue05.L',
    'tongue05.R',
    'tongue06.L',
    'tongue06.R',
    'tongue07.L',
    'tongue07.R',
  ];
  const jaw = maker.bones(...jawBones);
  const jawJoint = maker.joint('jaw');
  const inMouth = maker.groups('helper-lower-teeth', 'helper-tongue');
  const rigid = maker.groups(
    'helper-lower-teeth',
    'helper-tongue',
    'helper-upper-teeth',
    'helper-l-eye',
    'helper-r-eye',
  );
  const skin = rigid.map((weight) => 1 - weight);
  const jawOpen = add(
    times(
      unit('mouth-open'),
      skin.map((weight) => WIDEST_JAW * weight),
    ),
    times(maker.turn(jaw, 'x', JAW_DEGREES, jawJoint), inMouth),
  );
  single('jawOpen', jawOpen);
  single('jawForward', maker.shift(jaw, [0, 0, 8]));
  const jawLeft = add(maker.turn(jaw, 'y', 4, jawJoint), maker.shift(jaw, [3.5, 0, 0]));
  shapes.set('jawLeft', jawLeft);
  shapes.set('jawRight', maker.mirrored(jawLeft));

  // Lips.
  const upperLip = maker.bones('oris05', 'oris03.L', 'oris03.R');
  const lowerLip = maker.bones('oris01', 'oris07.L', 'oris07.R');
  const lips = upperLip.map((weight, v) => weight + lowerLip[v]);
  const seam = (maker.landmark(62)[1] + maker.landmark(66)[1]) / 2;
  const corner = maker.landmark(54);
  single(
    'mouthClose',
    times(
      jawOpen,
      lips.map((weight, v) => -ramp(weight, 0.05, 0.75) * skin[v]),
    ),
  );
  single('mouthPucker', unit('mouth-pursing'));
  const middle = maker.where(([x]) => ramp(Math.abs(x), 22, 6));
  const nearUpper = maker.around([0, seam + 6, 152], [22, 9, 25]).map((weight, v) => weight * upper[v]);
  const nearLower = maker.around([0, seam - 6, 149], [22, 10, 25]).map((weight, v) => weight * lower[v]);
  single(
    'mouthFunnel',
    add(times(unit('mouth-pursing'), 0.6), maker.shift(nearUpper, [0, 5.5, 4]), maker.shift(nearLower, [0, -7, 4])),
  );
  // Lips slide along the row of teeth.
  const mouthRegion = maker.where(
    ([x, y, z], v) =>
      skin[v] * Math.exp(-((x / 36) ** 2) - ((y - seam) / (y > seam ? 17 : 24)) ** 4) * ramp(z, 100, 125),
  );
  const mouthLeft = maker.turn(mouthRegion, 'y', 12, [0, seam, 106]);
  shapes.set('mouthLeft', mouthLeft);
  shapes.set('mouthRight', maker.mirrored(mouthLeft));
  pair('mouthSmile', half(unit('mouth-corner-puller')));
  pair('mouthFrown', half(unit('mouth-depression')));
  pair('mouthDimple', half(times(unit('mouth-retraction'), 0.8)));
  const atCorner = maker.around(corner, [15, 13, 25]).map((weight, v) => weight * skin[v]);
  pair(
    'mouthStretch',
    add(
      maker.shift(atCorner, [5.5, -3, -4]),
      half(times(unit('mouth-retraction'), 0.3)),
      half(times(unit('neck-platysma'), 0.45)),
    ),
  );
  const lowerBorder = curveThrough([48, 59, 58, 57, 56, 55, 54].map((i) => maker.landmark(i)));
  const upperBorder = curveThrough([48, 49, 50, 51, 52, 53, 54].map((i) => maker.landmark(i)));
  const betweenCorners = ([x]: Vector): number => ramp(Math.abs(x), corner[0] + 1, corner[0] - 9);
  const rolledLower = maker.where((place, v) =>
    lowerLip[v] > 0 || (lower[v] > 0.5 && Math.abs(place[0]) < 30)
      ? skin[v] *
        lower[v] *
        betweenCorners(place) *
        ramp(place[1], lowerBorder(place[0])[0] - 5, lowerBorder(place[0])[0] + 2) *
        ramp(place[2], 118, 132)
      : 0,
  );
  const rolledUpper = maker.where((place, v) =>
    upperLip[v] > 0
      ? skin[v] *
        upper[v] *
        betweenCorners(place) *
        ramp(place[1], upperBorder(place[0])[0] + 5, upperBorder(place[0])[0] - 2) *
        ramp(place[2], 118, 132)
      : 0,
  );
  single(
    'mouthRollLower',
    add(
      maker.turn(rolledLower, 'x', -65, ([x]) => [x, ...lowerBorder(x)]),
      maker.shift(
        maker.around([0, 653, 148], [20, 9, 30]).map((weight, v) => weight * lower[v] * skin[v]),
        [0, 9, -2.5],
      ),
      maker.shift(nearUpper, [0, -1.5, -1]),
    ),
  );
  single(
    'mouthRollUpper',
    add(
      maker.turn(rolledUpper, 'x', 60, ([x]) => [x, ...upperBorder(x)]),
      maker.shift(
        maker.around([0, 670, 153], [20, 8, 30]).map((weight, v) => weight * upper[v] * skin[v]),
        [0, -8, -2.5],
      ),
      maker.shift(nearLower, [0, 1.5, -1]),
    ),
  );
  single('mouthShrugLower', add(times(times(unit('mouth-eversion'), 0.5), lower), maker.shift(lowerLip, [0, 5.5, 2])));
  single(
    'mouthShrugUpper',
    maker.shift(
      maker.where(([x, y], v) => upper[v] * skin[v] * Math.exp(-((x / 19) ** 2) - ((y - seam - 10) / 7) ** 2)),
      [0, 3.5, 4],
    ),
  );
  const pressed = maker.where(
    ([x, y, z], v) =>
      skin[v] *
      Math.exp(-(((y - seam) / 11) ** 4)) *
      ramp(x, -6, 9) *
      ramp(x, corner[0] + 8, corner[0] - 2) *
      ramp(z, 120, 134),
  );
  pair(
    'mouthPress',
    add(
      maker.field(([, y], v) => [0, -0.45 * pressed[v] * (y - seam), -2 * pressed[v]]),
      half(times(unit('mouth-compression'), 0.35)),
    ),
  );
  pair('mouthLowerDown', half(times(times(unit('mouth-part-later'), lower), 0.6)));
  pair('mouthUpperUp', half(times(unit('mouth-elevation'), upper)));

  // Cheeks, nose, tongue.
  const puffed = maker.where(
    ([x, y, z], v) => skin[v] * Math.exp(-(((Math.abs(x) - 40) / 19) ** 2) - ((y - 667) / 20) ** 2) * ramp(z, 60, 95),
  );
  const blown = maker.where(
    ([x, y, z], v) => skin[v] * Math.exp(-((x / 26) ** 2) - ((y - seam) / 16) ** 2) * ramp(z, 118, 132),
  );
  single(
    'cheekPuff',
    add(
      maker.field(([x], v) => [Math.sign(x) * 7.5 * puffed[v], 0, 6 * puffed[v]]),
      maker.shift(blown, [0, 0, 2.5]),
      times(unit('mouth-compression'), 0.3),
    ),
  );
  pair(
    'noseSneer',
    add(
      times(unit('nose-left-elevation'), 0.8),
      maker.shift(maker.around([13, 686, 146], [9, 9, 14]), [1, 3.5, 0]),
      maker.shift(maker.around([21, 690, 142], [10, 12, 18]), [-0.5, 4.5, 2]),
      maker.shift(maker.around([11, 733, 145], [9, 9, 18]), [-1, -2, 0.5]),
      maker.shift(
        maker.around([13, 669, 151], [9, 7, 14]).map((weight, v) => weight * upper[v] * skin[v]),
        [0, 3, 0.5],
      ),
    ),
  );
  const tongueTip = maker.bones(
    'tongue02',
    'tongue03',
    'tongue04',
    'tongue06.L',
    'tongue06.R',
    'tongue07.L',
    'tongue07.R',
  );
  const tongueRoot = maker.bones('tongue01', 'tongue05.L', 'tongue05.R');
  single(
    'tongueOut',
    add(
      maker.shift(tongueTip, [0, -1, 29]),
      maker.shift(tongueRoot, [0, 2, 12]),
      maker.shift(
        nearLower.map((weight, v) => weight * middle[v] * skin[v]),
        [0, -6, 0],
      ),
      maker.shift(
        nearUpper.map((weight, v) => weight * middle[v] * skin[v]),
        [0, 2, 0],
      ),
    ),
  );

  const made = new Map<BlendshapeName, Float64Array>();
  for (const name of BLENDSHAPE_NAMES) {
    const field = shapes.get(name);
    if (field === undefined) throw new Error(`blendshape ${name} is not made`);
    // Regions of skin reach into eyeballs, teeth and tongue, which only the jaw and the tongue's own shape may move.
    const whole = name.startsWith('jaw') || name === 'tongueOut' ? field : times(field, skin);
    made.set(
      name,
      whole.map((value) => value / MM_PER_DECIMETRE),
    );
  }
  return made;
}
