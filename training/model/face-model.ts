/** Assembles the morphable model: surface, identities, expressions, landmarks, regions. */
import { applySparseRows, type SparseRows } from '../../src/geometry/catmull-clark.ts';
import type { CoarseFace } from '../../src/geometry/subdivide-face.ts';
import { BLENDSHAPE_NAMES } from './blendshape-names.ts';
import { buildBlendshapes } from './blendshapes.ts';
import { EXPRESSION_VERSIONS } from './expression-units.ts';
import { NAMED_EXPRESSIONS } from './expressions.ts';
import { LEFT_LID_PAIRS, ORIGIN_VERTICES } from './face-region.ts';
import type { FaceSurface } from './face-surface.ts';
import { alignToReference, buildIdentitySpace, IdentitySampler, type IdentitySpace } from './identity-space.ts';
import { type MakeHuman, meanAdult, mirrorVertices } from './makehuman.ts';
import { createRandom } from './random.ts';

/** Shape parameters of the model. */
export const SHAPE_COUNT = 40;
/** Modes kept for the renderer: the first 40 are the model's; the rest make renders richer than the model. */
export const RENDERED_MODE_COUNT = 100;
/** Model units (micrometres) in one unit of the base mesh (a decimetre). */
const UNITS_PER_DECIMETRE = 1e5;
const MM_PER_DECIMETRE = 100;
/** The base mesh looks up a little; turned by this much, zero pitch is an upright head. */
const UPRIGHT_PITCH_DEGREES = 2.58;
/** Catmull-Clark steps pull an eyeball's rings inwards by about this much. */
const EYE_SHRINKAGE = 0.985;

/** The rigid change from the base mesh's frame to the model's: turn about x, move, scale. */
export interface ModelFrame {
  /** `[n x 3]` positions of the base mesh -> model units; y up, z to the viewer, +x the person's left. */
  position(values: Float64Array): Float32Array;
  /** `[n x 3]` displacements. */
  displacement(values: ArrayLike<number>): Float32Array;
}

/** The origin lies midway between the ears' fronts. */
function modelFrame(mean: Float64Array, origins: readonly number[]): ModelFrame {
  const angle = (UPRIGHT_PITCH_DEGREES * Math.PI) / 180;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const turn = (values: ArrayLike<number>): Float64Array => {
    const turned = new Float64Array(values.length);
    for (let i = 0; i < values.length; i += 3) {
      turned[i] = values[i] * UNITS_PER_DECIMETRE;
      turned[i + 1] = (c * values[i + 1] + s * values[i + 2]) * UNITS_PER_DECIMETRE;
      turned[i + 2] = (c * values[i + 2] - s * values[i + 1]) * UNITS_PER_DECIMETRE;
    }
    return turned;
  };
  const points = Float32Array.from(turn(mean));
  const middle = (axis: number): number => origins.reduce((sum, v) => sum + points[3 * v + axis], 0) / origins.length;
  const origin = [0, middle(1), middle(2)];
  return {
    position: (values) => Float32Array.from(turn(values), (value, i) => value - origin[i % 3]),
    displacement: (values) => Float32Array.from(turn(values)),
  };
}

/** The same sparse matrix over a subset of its columns; `indexOf` gives each column's new place. */
export function reindex(rows: SparseRows, indexOf: ReadonlyMap<number, number>): SparseRows {
  return {
    ...rows,
    columns: rows.columns.map((column) => {
      const index = indexOf.get(column);
      if (index === undefined) throw new RangeError(`column ${column} is not among the kept ones`);
      return index;
    }),
  };
}

/** The leading rows of a sparse matrix. */
function firstRows(rows: SparseRows, count: number): SparseRows {
  return { ...rows, rowCount: count };
}

/** How well the shape modes reproduce people they were not made from. Lengths in mm, people at MakeHuman's scale. */
export interface HeldOutReport {
  readonly people: number;
  readonly modeCount: number;
  /** Share of the training people's variance that the modes capture. */
  readonly trainingVariance: number;
  readonly heldOutVariance: number;
  readonly rmsMm: number;
  readonly landmarkMeanMm: number;
}

/** Everything about heads that the model and the renderer are built from, over a list of base vertices. */
export interface HeadSpace {
  /** Base vertices, sorted. */
  readonly vertices: Uint32Array;
  readonly indexOf: ReadonlyMap<number, number>;
  readonly identities: IdentitySpace;
  readonly frame: ModelFrame;
  /** `[52][n x 3]` displacements of the blendshapes, in the base mesh's units and frame. */
  readonly blendshapes: readonly Float64Array[];
  /** The left and the right eye: pairs of an upper and a lower lid's edge, as places in `vertices`. */
  readonly lidPairs: readonly [LidPairs, LidPairs];
  readonly report: HeldOutReport[];
}

type LidPairs = readonly (readonly [number, number])[];

export interface HeadSpaceOptions {
  readonly seed: number;
  readonly sampleCount: number;
  readonly heldOutCount: number;
  readonly modeCount?: number;
  /** Base vertices beside the face's own. */
  readonly extraVertices?: Iterable<number>;
  readonly onProgress?: (line: string) => void;
}

/** Samples identities and finds their modes over the face's base vertices and any others. */
export function buildHeadSpace(makeHuman: MakeHuman, surface: FaceSurface, options: HeadSpaceOptions): HeadSpace {
  const baseMirror = mirrorVertices(makeHuman.vertices);
  const wanted = new Set<number>([
    ...surface.bindings.columns,
    ...surface.eyeCentres.columns,
    ...LEFT_LID_PAIRS.flat(),
    ...ORIGIN_VERTICES,
    ...(options.extraVertices ?? []),
  ]);
  for (const v of [...wanted]) wanted.add(baseMirror[v]);
  const vertices = Uint32Array.from(wanted).sort();
  const indexOf = new Map(Array.from(vertices, (v, i) => [v, i]));
  const at = (v: number): number => indexOf.get(v) ?? 0;
  const face = reindex(surface.bindings, indexOf);
  const skin = firstRows(face, surface.groups.skin[1]);
  const sampler = new IdentitySampler(makeHuman, vertices);
  const adult = meanAdult(makeHuman);
  const start = new Float64Array(vertices.length * 3);
  for (const [i, v] of vertices.entries()) start.set(adult.subarray(3 * v, 3 * v + 3), 3 * i);
  const identities = buildIdentitySpace(sampler, {
    seed: options.seed,
    sampleCount: options.sampleCount,
    modeCount: options.modeCount ?? RENDERED_MODE_COUNT,
    skin,
    mirror: vertices.map((v) => at(baseMirror[v])),
    start,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  const shapes = buildBlendshapes(makeHuman);
  const lidPairs = (side: (v: number) => number): LidPairs =>
    LEFT_LID_PAIRS.map(([upper, lower]) => [at(side(upper)), at(side(lower))] as const);
  return {
    vertices,
    indexOf,
    identities,
    blendshapes: BLENDSHAPE_NAMES.map((name) => {
      const whole = shapes.get(name);
      const own = new Float64Array(vertices.length * 3);
      for (const [i, v] of vertices.entries()) own.set(whole?.subarray(3 * v, 3 * v + 3) ?? [], 3 * i);
      return own;
    }),
    lidPairs: [lidPairs((v) => v), lidPairs((v) => baseMirror[v])],
    frame: modelFrame(identities.mean, ORIGIN_VERTICES.map(at)),
    report: heldOutReport(sampler, identities, skin, surface.landmarks, options),
  };
}

function heldOutReport(
  sampler: IdentitySampler,
  { mean, modes, variances, totalVariance }: IdentitySpace,
  skin: SparseRows,
  landmarks: Uint32Array,
  { seed, heldOutCount }: HeadSpaceOptions,
): HeldOutReport[] {
  const random = createRandom(seed + 1);
  const counts = [10, 20, 40, 60, 80].filter((count) => count <= modes.length);
  const skinModes = modes.map((mode) => applySparseRows(skin, mode, 3));
  const skinMean = applySparseRows(skin, Float32Array.from(mean), 3);
  const residual = counts.map(() => ({ square: 0, landmark: 0 }));
  let total = 0;
  for (let i = 0; i < heldOutCount; i++) {
    const person = alignToReference(sampler.sample(random), mean, skin);
    const rest = applySparseRows(skin, Float32Array.from(person), 3).map((value, k) => value - skinMean[k]);
    for (const value of rest) total += value * value;
    for (const [m, mode] of skinModes.entries()) {
      let dot = 0;
      for (let k = 0; k < rest.length; k++) dot += rest[k] * mode[k];
      const coefficient = dot / variances[m];
      for (let k = 0; k < rest.length; k++) rest[k] -= coefficient * mode[k];
      const c = counts.indexOf(m + 1);
      if (c < 0) continue;
      for (const value of rest) residual[c].square += value * value;
      for (const v of landmarks) residual[c].landmark += Math.hypot(rest[3 * v], rest[3 * v + 1], rest[3 * v + 2]);
    }
  }
  return counts.map((modeCount, c) => ({
    people: heldOutCount,
    modeCount,
    trainingVariance: variances.slice(0, modeCount).reduce((sum, value) => sum + value, 0) / totalVariance,
    heldOutVariance: 1 - residual[c].square / total,
    rmsMm: MM_PER_DECIMETRE * Math.sqrt(residual[c].square / (heldOutCount * skin.rowCount)),
    landmarkMeanMm: (MM_PER_DECIMETRE * residual[c].landmark) / (heldOutCount * landmarks.length),
  }));
}

/** `[n x 3]` displacement of a mix of expression units over a list of base vertices, in the base mesh's units. */
export function expressionDisplacement(
  makeHuman: MakeHuman,
  units: Readonly<Record<string, number>>,
  vertices: Uint32Array,
): Float64Array {
  const sum = new Float64Array(vertices.length * 3);
  for (const [unit, weight] of Object.entries(units)) {
    for (const version of EXPRESSION_VERSIONS) {
      const target = makeHuman.target(`expression/units/${version}/${unit}`);
      const scale = (0.001 * weight) / EXPRESSION_VERSIONS.length;
      for (const [i, v] of vertices.entries()) {
        for (let axis = 0; axis < 3; axis++) sum[3 * i + axis] += scale * target[3 * v + axis];
      }
    }
  }
  return sum;
}

/** Columns of the same height side by side: `[rows x columns.length]`, row-major. */
export function interleaveColumns(columns: readonly Float32Array[]): Float32Array {
  const rows = columns[0]?.length ?? 0;
  const matrix = new Float32Array(rows * columns.length);
  for (const [k, column] of columns.entries())
    for (let i = 0; i < rows; i++) matrix[i * columns.length + k] = column[i];
  return matrix;
}

/** The morphable model over the face's coarse mesh, its 52 expressions under ARKit's names. */
export function buildFaceModel(surface: FaceSurface, head: HeadSpace): CoarseFace {
  const face = reindex(surface.bindings, head.indexOf);
  const { frame, identities } = head;
  const onFace = (values: Float32Array): Float32Array => applySparseRows(face, values, 3);
  const balls = eyeballs(surface, head, SHAPE_COUNT);
  const meanShape = roundEyeballs(surface, onFace(frame.position(identities.mean)), balls.radii);
  const shapes = identities.modes
    .slice(0, SHAPE_COUNT)
    .map((mode, k) => roundEyeballs(surface, onFace(frame.displacement(mode)), balls.radiusModes[k]));
  const expressions = head.blendshapes.map((shape) => onFace(frame.displacement(shape)));
  return {
    model: {
      vertexCount: surface.mesh.vertexCount,
      shapeCount: SHAPE_COUNT,
      expressionCount: BLENDSHAPE_NAMES.length,
      meanShape,
      shapeBasis: interleaveColumns(shapes),
      expressionBasis: interleaveColumns(expressions),
      keypointIndices: Uint32Array.from([...surface.landmarks].flatMap((v) => [3 * v, 3 * v + 1, 3 * v + 2])),
      expressionNames: BLENDSHAPE_NAMES,
    },
    mesh: surface.mesh,
    regions: nameRegions(surface, meanShape),
  };
}

/** `[52 x 10]`: blendshape coefficients of the ten named expressions. */
export function expressionCombinations(): Float32Array {
  return interleaveColumns(
    NAMED_EXPRESSIONS.map(({ shapes }) => Float32Array.from(BLENDSHAPE_NAMES, (name) => shapes[name] ?? 0)),
  );
}

/** The product of a matrix `[rows x inner]` and a matrix `[inner x columns]`. */
export function multiplyMatrices(left: Float32Array, right: Float32Array, inner: number): Float32Array {
  const rows = left.length / inner;
  const columns = right.length / inner;
  const product = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += left[i * inner + k] * right[k * columns + j];
      product[i * columns + j] = sum;
    }
  }
  return product;
}

/**
 * How far each eye's lids are apart, as a linear function: `gap = row . [1, coefficients]`.
 * @param columns - displacements over `head.vertices` in the base mesh's frame, one for each coefficient.
 * @returns `[2 x (1 + columns.length)]`, the person's left eye first; model units.
 */
export function lidGaps(head: HeadSpace, columns: readonly ArrayLike<number>[]): Float32Array {
  const { frame, identities, lidPairs } = head;
  const gap = (values: Float32Array, pairs: LidPairs): number =>
    pairs.reduce((sum, [upper, lower]) => sum + values[3 * upper + 1] - values[3 * lower + 1], 0) / pairs.length;
  const fields = [frame.position(identities.mean), ...columns.map((column) => frame.displacement(column))];
  return Float32Array.from(lidPairs.flatMap((pairs) => fields.map((field) => gap(field, pairs))));
}

/** Eyeballs as balls: in model units, the left one first. */
export interface EyeballSpace {
  /** `[2 x 3]`. */
  readonly centres: Float32Array;
  readonly radii: readonly [number, number];
  /** `[modes][2 x 3]`: what each identity mode adds to the centres. */
  readonly centreModes: readonly Float32Array[];
  /** `[modes]`: what it adds to the radii. */
  readonly radiusModes: readonly (readonly [number, number])[];
}

/**
 * Place and size of the eyeballs. MakeHuman's targets also turn its spheres by a few degrees, which is ignored: the direction of
 * a gaze does not depend on identity.
 */
export function eyeballs(surface: FaceSurface, head: HeadSpace, modeCount: number): EyeballSpace {
  const { frame, identities, indexOf } = head;
  const rows = reindex(surface.eyeCentres, indexOf);
  const mean = frame.position(identities.mean);
  const centres = applySparseRows(rows, mean, 3);
  const eyes = [0, 1].map((eye) => rows.columns.slice(rows.rowStarts[eye], rows.rowStarts[eye + 1]));
  /** How far the sphere's vertices move away from its centre, on average. */
  const outwards = (move: (v: number, axis: number) => number, eye: number): number => {
    let sum = 0;
    for (const v of eyes[eye]) {
      const away = [0, 1, 2].map((axis) => mean[3 * v + axis] - centres[3 * eye + axis]);
      const length = Math.hypot(...away);
      for (let axis = 0; axis < 3; axis++) sum += (away[axis] / length) * move(v, axis);
    }
    return sum / eyes[eye].length;
  };
  const both = (values: Float32Array, middle: Float32Array): [number, number] => [
    outwards((v, axis) => values[3 * v + axis] - middle[axis], 0),
    outwards((v, axis) => values[3 * v + axis] - middle[3 + axis], 1),
  ];
  const modes = identities.modes.slice(0, modeCount).map((mode) => frame.displacement(mode));
  const centreModes = modes.map((mode) => applySparseRows(rows, mode, 3));
  return {
    centres,
    radii: both(mean, centres),
    centreModes,
    radiusModes: modes.map((mode, k) => both(mode, centreModes[k])),
  };
}

/** Moves the eyeballs' vertices outwards from their centres, in place. */
function roundEyeballs(
  { groups, eyeDirections }: FaceSurface,
  values: Float32Array,
  radii: readonly [number, number],
): Float32Array {
  for (const [eye, [from, to]] of [groups.leftEye, groups.rightEye].entries()) {
    for (let v = from; v < to; v++) {
      for (let axis = 0; axis < 3; axis++) {
        const direction = eyeDirections[3 * (v - from) + axis] * (eye === 1 && axis === 0 ? -1 : 1);
        values[3 * v + axis] += (direction * radii[eye]) / EYE_SHRINKAGE;
      }
    }
  }
  return values;
}

/** Landmarks of the jaw and the face's sides. */
const JAW_COUNT = 17;
/** How far from the jaw towards the face's middle the visible outline may wander, as seen from the front, and how wide its path is. */
const CONTOUR_REACH_MM = 42;
const CONTOUR_HALF_WIDTH_MM = 3;

/**
 * For each of the 17 landmarks of the jaw the vertices that may be the face's visible outline there: a strip of skin from the
 * landmark straight inwards. From any viewpoint, the outline is where the strip reaches farthest out (Zhu et al., CVPR 2015).
 * @returns `[17 x longest]` vertices, the landmark's own first and again where a strip is shorter; and `[17 x 2]` the directions
 *   outwards, as seen from the front.
 */
export function contourStrips(
  surface: FaceSurface,
  mean: Float32Array,
): { vertices: Uint32Array; outward: Float32Array; width: number } {
  const mm = UNITS_PER_DECIMETRE / MM_PER_DECIMETRE;
  const at = (v: number): [number, number] => [mean[3 * v] / mm, mean[3 * v + 1] / mm];
  const middle = at(surface.landmarks[51]);
  const outward: number[] = [];
  const strips = Array.from(surface.landmarks.subarray(0, JAW_COUNT), (v, i) => {
    const [x, y] = at(v);
    // The sides stand upright, the ends too; along the jaw the direction is that of the curve.
    const [before, after] = [Math.max(i - 1, 0), Math.min(i + 1, JAW_COUNT - 1)].map((j) => at(surface.landmarks[j]));
    let [nx, ny] = i === 0 || i === JAW_COUNT - 1 ? [Math.sign(x), 0] : [-(after[1] - before[1]), after[0] - before[0]];
    const length = Math.hypot(nx, ny) * Math.sign(nx * (x - middle[0]) + ny * (y - middle[1]));
    [nx, ny] = [nx / length, ny / length];
    outward.push(nx, ny);
    const strip = [v];
    for (let u = surface.groups.skin[0]; u < surface.groups.skin[1]; u++) {
      const [ux, uy] = at(u);
      const inwards = -((ux - x) * nx + (uy - y) * ny);
      const aside = Math.abs((ux - x) * ny - (uy - y) * nx);
      if (inwards > 0 && inwards < CONTOUR_REACH_MM && aside < CONTOUR_HALF_WIDTH_MM) strip.push(u);
    }
    return strip;
  });
  const width = Math.max(...strips.map((strip) => strip.length));
  return {
    vertices: Uint32Array.from(
      strips.flatMap((strip) => Array.from({ length: width }, (_, k) => strip[k] ?? strip[0])),
    ),
    outward: Float32Array.from(outward),
    width,
  };
}

type Polygon = readonly (readonly [number, number])[];

function isInside(polygon: Polygon, x: number, y: number): boolean {
  let inside = false;
  for (const [i, [ax, ay]] of polygon.entries()) {
    const [bx, by] = polygon[(i + polygon.length - 1) % polygon.length];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** Names parts of the face by the position of their vertices among the landmarks of the mean face, seen from the front. */
function nameRegions(surface: FaceSurface, mean: Float32Array): Record<string, Uint32Array> {
  const mm = UNITS_PER_DECIMETRE / MM_PER_DECIMETRE;
  const mark = (i: number): [number, number] => {
    const v = surface.landmarks[i];
    return [mean[3 * v], mean[3 * v + 1]];
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const skinWhere = (keep: (x: number, y: number) => boolean): Uint32Array =>
    Uint32Array.from(range(...surface.groups.skin).filter((v) => keep(mean[3 * v], mean[3 * v + 1])));
  // Enlarged about its centre, so that vertices on the outline itself are inside.
  const grown = (points: [number, number][], factor: number): Polygon => {
    const cx = points.reduce((sum, [x]) => sum + x, 0) / points.length;
    const cy = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
    return points.map(([x, y]) => [cx + factor * (x - cx), cy + factor * (y - cy)]);
  };
  const lips = grown(range(48, 60).map(mark), 1.04);
  const bridge = mark(27)[1];
  const base = mark(33)[1];
  const wing = Math.abs(mark(31)[0]) + 8 * mm;
  const nose: Polygon = [
    [-8 * mm, bridge],
    [8 * mm, bridge],
    [wing, mark(30)[1] + 4 * mm],
    [wing, base],
    [0, base - 3 * mm],
    [-wing, base],
    [-wing, mark(30)[1] + 4 * mm],
  ];
  const browTop = Math.max(...range(17, 27).map((i) => mark(i)[1]));
  const nearBrow = (first: number, x: number, y: number): boolean =>
    range(first, first + 4).some((i) => {
      const [ax, ay] = mark(i);
      const [bx, by] = mark(i + 1);
      const along = Math.min(
        1,
        Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)),
      );
      return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) < 5 * mm;
    });
  const cheek = (side: number, x: number, y: number): boolean =>
    side * x > wing && y < mark(41)[1] - 3 * mm && y > mark(57)[1] && !isInside(lips, x, y);
  return {
    leftEye: Uint32Array.from(range(...surface.groups.leftEye)),
    rightEye: Uint32Array.from(range(...surface.groups.rightEye)),
    leftIris: Uint32Array.from(range(...surface.groups.leftIris)),
    rightIris: Uint32Array.from(range(...surface.groups.rightIris)),
    tongue: Uint32Array.from(range(...surface.groups.tongue)),
    mouthInside: Uint32Array.from(range(...surface.groups.mouthPocket)),
    lips: skinWhere((x, y) => isInside(lips, x, y)),
    nose: skinWhere((x, y) => isInside(nose, x, y)),
    leftBrow: skinWhere((x, y) => nearBrow(22, x, y)),
    rightBrow: skinWhere((x, y) => nearBrow(17, x, y)),
    forehead: skinWhere((_, y) => y > browTop + 5 * mm),
    leftCheek: skinWhere((x, y) => cheek(1, x, y)),
    rightCheek: skinWhere((x, y) => cheek(-1, x, y)),
    jaw: skinWhere((_, y) => y < mark(57)[1] - 2 * mm),
  };
}
