/** Puts the morphable model together: surface, identities, expressions, landmarks, regions. */
import { applySparseRows, type SparseRows } from '../../src/geometry/catmull-clark.ts';
import type { CoarseFace } from '../../src/geometry/subdivide-face.ts';
import { EXPRESSION_VERSIONS, NAMED_EXPRESSIONS } from './expressions.ts';
import type { FaceSurface } from './face-surface.ts';
import { alignToReference, buildIdentitySpace, IdentitySampler, type IdentitySpace } from './identity-space.ts';
import { type MakeHuman, meanAdult, mirrorVertices } from './makehuman.ts';
import { createRandom } from './random.ts';

/** Shape parameters of the model. */
export const SHAPE_COUNT = 40;
/** Modes kept for the renderer: the first 40 are the model's, the rest make renders richer than the model. */
export const RENDERED_MODE_COUNT = 100;
/** Model units (micrometres) in one unit of the base mesh (a decimetre). */
const UNITS_PER_DECIMETRE = 1e5;
/** The base mesh looks up a little; turned by this much, zero pitch is an upright head. */
const UPRIGHT_PITCH_DEGREES = 2.58;
const MM_PER_DECIMETRE = 100;

/** The rigid change from the base mesh's frame to the model's: turn about x, move, scale. */
export interface ModelFrame {
  /** `[n x 3]` positions of the base mesh -> model units; y up, z to the viewer, +x the person's left. */
  position(values: Float64Array): Float32Array;
  /** `[n x 3]` displacements. */
  displacement(values: ArrayLike<number>): Float32Array;
}

/** The origin lies midway between landmarks 0 and 16, before the ears. */
function modelFrame(mean: Float64Array, indexOf: ReadonlyMap<number, number>, surface: FaceSurface): ModelFrame {
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
  const points = applySparseRows(reindex(surface.bindings, indexOf), Float32Array.from(turn(mean)), 3);
  const [first, last] = [surface.landmarks[0], surface.landmarks[16]];
  const origin = [
    0,
    (points[3 * first + 1] + points[3 * last + 1]) / 2,
    (points[3 * first + 2] + points[3 * last + 2]) / 2,
  ];
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

/** How well the shape modes tell people apart whom they were not made from. Lengths in mm, people at MakeHuman's scale. */
export interface HeldOutReport {
  readonly people: number;
  readonly modeCount: number;
  /** Part of the training people's variance that the modes hold. */
  readonly trainingVariance: number;
  readonly heldOutVariance: number;
  readonly rmsMm: number;
  readonly landmarkMeanMm: number;
}

/** Everything about heads that the model and the renderer are made of, over a list of base vertices. */
export interface HeadSpace {
  /** Base vertices, sorted. */
  readonly vertices: Uint32Array;
  readonly indexOf: ReadonlyMap<number, number>;
  readonly identities: IdentitySpace;
  readonly frame: ModelFrame;
  readonly report: HeldOutReport[];
}

export interface HeadSpaceOptions {
  readonly seed: number;
  readonly sampleCount: number;
  readonly heldOutCount: number;
  readonly modeCount?: number;
  /** Base vertices beside the face's own. */
  readonly extraVertices?: Iterable<number>;
  readonly onProgress?: (line: string) => void;
}

/** Samples identities and finds their modes over the face's base vertices and any more. */
export function buildHeadSpace(makeHuman: MakeHuman, surface: FaceSurface, options: HeadSpaceOptions): HeadSpace {
  const baseMirror = mirrorVertices(makeHuman.vertices);
  const wanted = new Set<number>([...surface.bindings.columns, ...(options.extraVertices ?? [])]);
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
  return {
    vertices,
    indexOf,
    identities,
    frame: modelFrame(identities.mean, indexOf, surface),
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

/** The morphable model over the face's coarse mesh. */
export function buildFaceModel(makeHuman: MakeHuman, surface: FaceSurface, head: HeadSpace): CoarseFace {
  const face = reindex(surface.bindings, head.indexOf);
  const { frame, identities, vertices } = head;
  const onFace = (values: Float32Array): Float32Array => applySparseRows(face, values, 3);
  const meanShape = onFace(frame.position(identities.mean));
  const shapes = identities.modes.slice(0, SHAPE_COUNT).map((mode) => onFace(frame.displacement(mode)));
  const expressions = NAMED_EXPRESSIONS.map(({ units }) =>
    onFace(frame.displacement(expressionDisplacement(makeHuman, units, vertices))),
  );
  return {
    model: {
      vertexCount: surface.mesh.vertexCount,
      shapeCount: SHAPE_COUNT,
      expressionCount: NAMED_EXPRESSIONS.length,
      meanShape,
      shapeBasis: interleaveColumns(shapes),
      expressionBasis: interleaveColumns(expressions),
      keypointIndices: Uint32Array.from([...surface.landmarks].flatMap((v) => [3 * v, 3 * v + 1, 3 * v + 2])),
      expressionNames: NAMED_EXPRESSIONS.map(({ name }) => name),
    },
    mesh: surface.mesh,
    regions: nameRegions(surface, meanShape),
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

/** Names parts of the face by where their vertices lie among the landmarks of the mean face, seen from the front. */
function nameRegions(surface: FaceSurface, mean: Float32Array): Record<string, Uint32Array> {
  const mm = UNITS_PER_DECIMETRE / MM_PER_DECIMETRE;
  const mark = (i: number): [number, number] => {
    const v = surface.landmarks[i];
    return [mean[3 * v], mean[3 * v + 1]];
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const skinWhere = (keep: (x: number, y: number) => boolean): Uint32Array =>
    Uint32Array.from(range(...surface.groups.skin).filter((v) => keep(mean[3 * v], mean[3 * v + 1])));
  // Grown about its centre, so that vertices on the outline itself are in.
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
