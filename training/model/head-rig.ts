/**
 * The rig from which training images are rendered: head, neck and shoulders, eyeballs, brows, lashes, teeth and tongue,
 * all as mean + identity modes + expression units in the model's own frame, so that every render has exact parameters.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SparseRows } from '../../src/geometry/catmull-clark.ts';
import { applySparseRows, catmullClark, sparseRowsFromMaps } from '../../src/geometry/catmull-clark.ts';
import { BLENDSHAPE_NAMES } from './blendshape-names.ts';
import { expressionUnits } from './expression-units.ts';
import {
  type EyeballSpace,
  expressionDisplacement,
  eyeballs,
  type HeadSpace,
  interleaveColumns,
  lidGaps,
  reindex,
} from './face-model.ts';
import type { FaceSurface } from './face-surface.ts';
import { type MakeHuman, type MakeHumanQuads, readMakeHumanProxy } from './makehuman.ts';

/** Shoulders are cut here (decimetres of the base mesh): below the collarbones, and where the arms begin. */
const TORSO_BOTTOM = 4.9;
const TORSO_HALF_WIDTH = 2.1;

/** Kinds of proxies: folder, and which of its entries to use. Hair and clothes are other people's work and are excluded. */
const PROXY_KINDS: readonly (readonly [string, RegExp])[] = [
  ['eyes', /^HighPolyEyes$/],
  ['eyebrows', /^eyebrow\d+$/],
  ['eyelashes', /^eyelashes0[234]$/],
  ['teeth', /^Teeth_Base$/],
  ['tongue', /^tongue01$/],
];

/** Centres of the left and the right eyeball: a part without quads. */
const EYE_CENTRES = 'eye-centres';

/** Vertices of MakeHuman's eyes nearer to the ball's centre than this fraction of its radius are the iris. */
const IRIS_DEPTH = 0.87;

type Vector = readonly [number, number, number];

interface RigPart {
  readonly name: string;
  readonly bindings: SparseRows;
  /** `[n x 3]` decimetres. */
  readonly offsets: Float64Array;
  /** Vertices count within the part. */
  readonly quads: MakeHumanQuads;
  readonly uvs: Float64Array;
}

/** The product of two sparse matrices, for the few requested rows. */
function composeRows(left: SparseRows, right: SparseRows, rows: Iterable<number>): SparseRows {
  return sparseRowsFromMaps(
    Array.from(rows, (i) => {
      const row = new Map<number, number>();
      for (let e = left.rowStarts[i]; e < left.rowStarts[i + 1]; e++) {
        const middle = left.columns[e];
        for (let k = right.rowStarts[middle]; k < right.rowStarts[middle + 1]; k++) {
          const column = right.columns[k];
          row.set(column, (row.get(column) ?? 0) + left.weights[e] * right.weights[k]);
        }
      }
      return row;
    }),
  );
}

/** Parts of the rig, before identities are known: their attachments decide which base vertices are needed. */
export interface HeadRigParts {
  readonly parts: readonly RigPart[];
  readonly baseVertices: Set<number>;
}

/** @param folder - the unpacked MakeHuman package. */
export function readHeadRigParts(makeHuman: MakeHuman, surface: FaceSurface, folder: string): HeadRigParts {
  const body = makeHuman.quads('body');
  const inBust = (v: number): boolean =>
    makeHuman.vertices[3 * v + 1] > TORSO_BOTTOM && Math.abs(makeHuman.vertices[3 * v]) < TORSO_HALF_WIDTH;
  const kept: number[] = [];
  for (let q = 0; q < body.vertices.length / 4; q++) {
    if (body.vertices.subarray(4 * q, 4 * q + 4).every(inBust)) kept.push(q);
  }
  const pick = (values: Uint32Array): number[] => kept.flatMap((q) => [...values.subarray(4 * q, 4 * q + 4)]);
  const bodyQuads = pick(body.vertices);
  const bodyVertices = [...new Set(bodyQuads)].sort((a, b) => a - b);
  const place = new Map(bodyVertices.map((v, i) => [v, i]));
  const parts: RigPart[] = [
    {
      name: 'head',
      bindings: sparseRowsFromMaps(bodyVertices.map((v) => new Map([[v, 1]]))),
      offsets: new Float64Array(bodyVertices.length * 3),
      quads: {
        vertices: Uint32Array.from(bodyQuads, (v) => place.get(v) ?? 0),
        uvs: Uint32Array.from(pick(body.uvs)),
      },
      uvs: makeHuman.uvs,
    },
  ];
  // The 68 landmarks of the dense model as a part without quads, so that renders are labelled at exactly the same places.
  const landmarks = composeRows(catmullClark(surface.mesh).matrix, surface.bindings, surface.landmarks);
  for (const [name, bindings] of [
    ['landmarks', landmarks],
    [EYE_CENTRES, surface.eyeCentres],
  ] as const) {
    parts.push({
      name,
      bindings,
      offsets: new Float64Array(bindings.rowCount * 3),
      quads: { vertices: new Uint32Array(0), uvs: new Uint32Array(0) },
      uvs: new Float64Array(0),
    });
  }
  for (const [kind, wanted] of PROXY_KINDS) {
    const directory = join(folder, 'public/data/proxies', kind);
    for (const entry of readdirSync(directory).sort()) {
      if (!wanted.test(entry)) continue;
      const proxy = readMakeHumanProxy(join(directory, entry, `${entry}.json`));
      const rows = Array.from({ length: proxy.vertexCount }, (_, v) => {
        const row = new Map<number, number>();
        for (let k = 3 * v; k < 3 * v + 3; k++) {
          row.set(proxy.references[k], (row.get(proxy.references[k]) ?? 0) + proxy.weights[k]);
        }
        return row;
      });
      parts.push({
        name: `${kind}/${entry}`,
        bindings: sparseRowsFromMaps(rows),
        offsets: proxy.offsets,
        quads: proxy.quads,
        uvs: proxy.uvs,
      });
    }
  }
  return { parts, baseVertices: new Set(parts.flatMap(({ bindings }) => [...bindings.columns])) };
}

/** The rig as plain arrays; lengths in model units. */
export interface HeadRig {
  readonly names: readonly string[];
  /** Names of MakeHuman's expression units and of the blendshapes after them, in the order of `unitBasis`. */
  readonly unitNames: readonly string[];
  /** `[2 x (1 + modes + units)]`, see `lidGaps`. */
  readonly lidGaps: Float32Array;
  /** `[parts + 1]` first vertex, first quad and first uv row of each part. */
  readonly vertexStarts: Uint32Array;
  readonly quadStarts: Uint32Array;
  /** `[vertexCount x 3]`. */
  readonly mean: Float32Array;
  /** `[3 * vertexCount x modes]`, one standard deviation per column. */
  readonly identityBasis: Float32Array;
  /** `[3 * vertexCount x units]`. */
  readonly unitBasis: Float32Array;
  /** `[quadCount x 4]`, rows of the whole rig. */
  readonly quads: Uint32Array;
  /** `[quadCount x 4 x 2]` texture coordinates per corner, v upwards. */
  readonly cornerUvs: Float32Array;
}

export function buildHeadRig(
  makeHuman: MakeHuman,
  surface: FaceSurface,
  { parts }: HeadRigParts,
  head: HeadSpace,
): HeadRig {
  const makeHumanUnits = expressionUnits(makeHuman.targetNames);
  const { vertices, frame, identities } = head;
  const meanDecimetres = Float32Array.from(identities.mean);
  const unitFields = [
    ...makeHumanUnits.map((unit) => expressionDisplacement(makeHuman, { [unit]: 1 }, vertices)),
    ...head.blendshapes,
  ];
  const units = unitFields.map((field) => frame.displacement(field));
  const balls = eyeballs(surface, head, identities.modes.length);
  const modes = identities.modes.map((mode) => frame.displacement(mode));
  const vertexStarts = [0];
  const quadStarts = [0];
  const quads: number[] = [];
  const cornerUvs: number[] = [];
  const means: Float32Array[] = [];
  const identityRows: Float32Array[] = [];
  const unitRows: Float32Array[] = [];
  for (const part of parts) {
    const bindings = reindex(part.bindings, head.indexOf);
    const placed = Float64Array.from(
      applySparseRows(bindings, meanDecimetres, 3),
      (value, i) => value + part.offsets[i],
    );
    const mean = frame.position(placed);
    const partModes = modes.map((mode) => applySparseRows(bindings, mode, 3));
    if (part.name.startsWith('eyes/')) {
      layEyes(mean, partModes, balls);
    }
    means.push(mean);
    identityRows.push(interleaveColumns(partModes));
    unitRows.push(interleaveColumns(units.map((unit) => applySparseRows(bindings, unit, 3))));
    const first = vertexStarts[vertexStarts.length - 1];
    for (const v of part.quads.vertices) quads.push(first + v);
    for (const row of part.quads.uvs) cornerUvs.push(part.uvs[2 * row], part.uvs[2 * row + 1]);
    vertexStarts.push(first + part.bindings.rowCount);
    quadStarts.push(quads.length / 4);
  }
  const join = (arrays: readonly Float32Array[]): Float32Array => {
    const all = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
    let at = 0;
    for (const array of arrays) {
      all.set(array, at);
      at += array.length;
    }
    return all;
  };
  return {
    names: parts.map(({ name }) => name),
    unitNames: [...makeHumanUnits, ...BLENDSHAPE_NAMES],
    lidGaps: lidGaps(head, [...identities.modes, ...unitFields]),
    vertexStarts: Uint32Array.from(vertexStarts),
    quadStarts: Uint32Array.from(quadStarts),
    mean: join(means),
    identityBasis: join(identityRows),
    unitBasis: join(unitRows),
    quads: Uint32Array.from(quads),
    cornerUvs: Float32Array.from(cornerUvs),
  };
}

/**
 * Makes the eyes look straight ahead at rest, in place; identity moves and scales them but does not turn them. MakeHuman's look a
 * few degrees sideways and down on its average adult, and elsewhere on others.
 */
function layEyes(mean: Float32Array, modes: readonly Float32Array[], balls: EyeballSpace): void {
  const side = Array.from({ length: mean.length / 3 }, (_, v) => (mean[3 * v] > 0 ? 0 : 1));
  const away = (v: number): Vector =>
    [0, 1, 2].map((axis) => mean[3 * v + axis] - balls.centres[3 * side[v] + axis]) as unknown as Vector;
  for (const eye of [0, 1]) {
    const vertices = [...side.keys()].filter((v) => side[v] === eye);
    // The iris is a disc behind the cornea, the one part in front that lies well inside the ball.
    const disc = vertices.map(away).filter((p) => p[2] > 0 && Math.hypot(...p) < IRIS_DEPTH * balls.radii[eye]);
    const sum = [0, 1, 2].map((axis) => disc.reduce((total, p) => total + p[axis], 0));
    const length = Math.hypot(...sum);
    const [lx, ly, lz] = sum.map((value) => value / length);
    for (const v of vertices) {
      // The smallest turn that takes the look (lx, ly, lz) to straight ahead (0, 0, 1).
      const [x, y, z] = away(v);
      const across = (lx * x + ly * y) / (1 + lz);
      const turned = [x - lx * (z + across), y - ly * (z + across), lx * x + ly * y + lz * z];
      for (const [axis, value] of turned.entries()) {
        mean[3 * v + axis] = balls.centres[3 * eye + axis] + value;
        for (const [k, mode] of modes.entries()) {
          mode[3 * v + axis] =
            balls.centreModes[k][3 * eye + axis] + (balls.radiusModes[k][eye] / balls.radii[eye]) * value;
        }
      }
    }
  }
}
