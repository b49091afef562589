/** Borders of a mesh, and triangles that close its mouth. */

import type { FaceMaps } from '../types.ts';
import { checkMapsArgument } from './check-surface-arguments.ts';

/** Edges of triangles by the vertex they start from: those of vertex v end at `ends[starts[v]] .. ends[starts[v + 1] - 1]`. */
interface DirectedEdges {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

function directedEdges(triangles: Uint32Array): DirectedEdges {
  let vertexCount = 0;
  for (let i = 0; i < triangles.length; i++) vertexCount = Math.max(vertexCount, triangles[i] + 1);
  const starts = new Uint32Array(vertexCount + 1);
  for (let i = 0; i < triangles.length; i++) {
    const next = triangles[i] + 1;
    starts[next] = starts[next] + 1;
  }
  for (let v = 0; v < vertexCount; v++) starts[v + 1] = starts[v + 1] + starts[v];
  const ends = new Uint32Array(triangles.length);
  const free = starts.slice();
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      const from = triangles[t + k];
      ends[free[from]] = triangles[t + ((k + 1) % 3)];
      free[from] = free[from] + 1;
    }
  }
  return { starts, ends };
}

function hasEdge({ starts, ends }: DirectedEdges, from: number, to: number): boolean {
  for (let i = starts[from]; i < starts[from + 1]; i++) if (ends[i] === to) return true;
  return false;
}

/**
 * Closed lines of edges that belong to only one triangle, longest first: the rim of a face's mesh, then its holes.
 * @param triangles - `[m x 3]`, consistently wound.
 * @returns vertices of each line, in the direction in which the triangles run along it.
 */
export function borderLoops(triangles: Uint32Array): Uint32Array[] {
  return loopsOf(directedEdges(triangles));
}

function loopsOf(edges: DirectedEdges): Uint32Array[] {
  const { starts, ends } = edges;
  const next = new Map<number, number>();
  for (let from = 0; from + 1 < starts.length; from++) {
    for (let i = starts[from]; i < starts[from + 1]; i++) {
      const to = ends[i];
      if (!hasEdge(edges, to, from)) next.set(from, to);
    }
  }
  const loops: Uint32Array[] = [];
  const visited = new Set<number>();
  for (const start of next.keys()) {
    const loop: number[] = [];
    let vertex: number | undefined = start;
    while (vertex !== undefined && !visited.has(vertex)) {
      visited.add(vertex);
      loop.push(vertex);
      vertex = next.get(vertex);
    }
    if (vertex === start && loop.length > 2) loops.push(Uint32Array.from(loop));
  }
  return loops.sort((a, b) => b.length - a.length);
}

/** Triangles that close a mesh's mouth. */
export interface MouthPatch {
  /** `[k x 3]` vertices. */
  readonly triangles: Uint32Array;
  /** `[k x 3]` rows of `uvs`; the same as `triangles` if the maps have one texture coordinate per vertex. */
  readonly uvTriangles: Uint32Array;
  /**
   * `[j x 2]`: pairs of neighbours round the hole, the second one edge further from it, outermost first. Going through
   * them in order carries values from the lips' skin to their inner rims.
   */
  readonly rims: Uint32Array;
  /** The mesh with its mouth closed: its own triangles without those of a pocket behind the lips, followed by these. */
  readonly closed: FaceMaps;
}

/** How many edges the rims reach from the hole: about as far as lips roll inwards. */
const RIM_DEPTH = 6;

const patches = new WeakMap<FaceMaps, MouthPatch>();

/**
 * Triangles across the open mouth of a mesh, within its texture. Cached for the lifetime of the maps: a second call
 * costs nothing.
 * @returns no triangles if the mesh has no such hole.
 */
export function mouthPatch(maps: FaceMaps): MouthPatch {
  checkMapsArgument(maps);
  const known = patches.get(maps);
  if (known !== undefined) return known;
  const skin = withoutPocket(maps);
  const edges = directedEdges(skin.triangles);
  const hole = mouthHole(loopsOf(edges), maps);
  const none = new Uint32Array(0);
  const filling = hole === undefined ? { triangles: none, uvTriangles: none } : fill(hole, skin);
  const rims = hole === undefined ? none : rimsOf(hole, edges);
  // A pocket stays if nothing can be put in front of it.
  const base = hole === undefined ? maps : skin;
  const closed: FaceMaps = {
    ...maps,
    triangles: concatenate(base.triangles, filling.triangles),
    ...(base.uvTriangles && { uvTriangles: concatenate(base.uvTriangles, filling.uvTriangles) }),
  };
  const patch: MouthPatch = { ...filling, rims, closed };
  patches.set(maps, patch);
  return patch;
}

/**
 * A mesh may have a pocket behind its lips, whose walls face in any direction and have a texture of their own. Returns
 * the same mesh without the triangles of `regions.mouthInside` and whatever else is on their piece of the texture.
 */
function withoutPocket(maps: FaceMaps): Pick<FaceMaps, 'triangles' | 'uvs' | 'uvTriangles'> {
  const { triangles, uvs, uvTriangles, regions = {} } = maps;
  const inside = new Set(regions.mouthInside);
  if (inside.size === 0) return maps;
  const count = triangles.length / 3;
  const isPocket = new Uint8Array(count);
  for (let i = 0; i < triangles.length; i++) if (inside.has(triangles[i])) isPocket[(i / 3) | 0] = 1;
  if (uvTriangles !== undefined) {
    const pieces = texturePieces(uvTriangles, uvs.length / 2);
    const balance = new Map<number, number>();
    const pieceOf = (t: number): number => pieces[uvTriangles[t * 3]];
    for (let t = 0; t < count; t++) {
      balance.set(pieceOf(t), (balance.get(pieceOf(t)) ?? 0) + (isPocket[t] === 1 ? 1 : -1));
    }
    for (let t = 0; t < count; t++) if ((balance.get(pieceOf(t)) as number) > 0) isPocket[t] = 1;
  }
  const outside = (corners: Uint32Array): Uint32Array => corners.filter((_, i) => isPocket[(i / 3) | 0] === 0);
  return { triangles: outside(triangles), uvs, ...(uvTriangles && { uvTriangles: outside(uvTriangles) }) };
}

/** Which piece of the texture each of its coordinates belongs to; triangles join coordinates into pieces. */
function texturePieces(uvTriangles: Uint32Array, count: number): Uint32Array {
  const parents = Uint32Array.from({ length: count }, (_, i) => i);
  const find = (row: number): number => {
    let root = row;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]];
      root = parents[root];
    }
    return root;
  };
  for (let t = 0; t < uvTriangles.length; t += 3) {
    const root = find(uvTriangles[t]);
    for (let k = 1; k < 3; k++) parents[find(uvTriangles[t + k])] = root;
  }
  return parents.map((_, row) => find(row));
}

function concatenate(a: Uint32Array, b: Uint32Array): Uint32Array {
  const both = new Uint32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Regions of a pack that lie round the mouth. */
const MOUTH_REGION = /mouth|lip/i;

/** The hole that touches a region named after mouth or lips, or else the largest one low in the middle of the face. */
function mouthHole(loops: readonly Uint32Array[], { nccCodes, regions = {} }: FaceMaps): Uint32Array | undefined {
  const holes = loops.slice(1);
  const lips = new Set<number>();
  for (const [name, vertices] of Object.entries(regions)) {
    if (MOUTH_REGION.test(name)) for (const vertex of vertices) lips.add(vertex);
  }
  if (lips.size > 0) {
    const share = (hole: Uint32Array): number => hole.filter((vertex) => lips.has(vertex)).length / hole.length;
    return holes.sort((a, b) => share(b) - share(a)).find((hole) => share(hole) > 0.5);
  }
  return holes.find((hole) => {
    let x = 0;
    let y = 0;
    for (const vertex of hole) {
      x += nccCodes[vertex * 3] / hole.length;
      y += nccCodes[vertex * 3 + 1] / hole.length;
    }
    return Math.abs(x - 0.5) < 0.15 && y < 0.5;
  });
}

/** Clips ears off the hole, as seen in the texture, until nothing is left of it. */
function fill(
  hole: Uint32Array,
  { triangles, uvs, uvTriangles = triangles }: Pick<FaceMaps, 'triangles' | 'uvs' | 'uvTriangles'>,
): Pick<MouthPatch, 'triangles' | 'uvTriangles'> {
  const uvOfVertex = new Map<number, number>();
  const onHole = new Set(hole);
  for (let i = 0; i < triangles.length; i++) {
    const vertex = triangles[i];
    if (onHole.has(vertex) && !uvOfVertex.has(vertex)) uvOfVertex.set(vertex, uvTriangles[i]);
  }
  const ring = [...hole].reverse();
  const u = (vertex: number): number => uvs[(uvOfVertex.get(vertex) as number) * 2];
  const v = (vertex: number): number => uvs[(uvOfVertex.get(vertex) as number) * 2 + 1];
  const turn = (a: number, b: number, c: number): number =>
    (u(b) - u(a)) * (v(c) - v(a)) - (u(c) - u(a)) * (v(b) - v(a));
  let area = 0;
  for (let i = 0; i < ring.length; i++) {
    const a = ring[i];
    const b = ring[(i + 1) % ring.length];
    area += u(a) * v(b) - u(b) * v(a);
  }
  const sign = Math.sign(area) || 1;

  const filled: number[] = [];
  while (ring.length > 2) {
    let best = 0;
    let bestQuality = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < ring.length; i++) {
      const a = ring[(i + ring.length - 1) % ring.length];
      const b = ring[i];
      const c = ring[(i + 1) % ring.length];
      const ear = sign * turn(a, b, c);
      const isEmpty =
        ear > 0 &&
        !ring.some(
          (p) =>
            p !== a &&
            p !== b &&
            p !== c &&
            sign * turn(a, b, p) >= 0 &&
            sign * turn(b, c, p) >= 0 &&
            sign * turn(c, a, p) >= 0,
        );
      // The shortest cut first: across the slit of a mouth, not along it. If no ear is clean, the least folded one.
      const quality = isEmpty ? 1 / (1e-9 + Math.hypot(u(a) - u(c), v(a) - v(c))) : ear - 1e9;
      if (quality > bestQuality) {
        bestQuality = quality;
        best = i;
      }
    }
    filled.push(ring[(best + ring.length - 1) % ring.length], ring[best], ring[(best + 1) % ring.length]);
    ring.splice(best, 1);
  }
  return {
    triangles: Uint32Array.from(filled),
    uvTriangles: Uint32Array.from(filled, (vertex) => uvOfVertex.get(vertex) as number),
  };
}

/** Pairs of a vertex and a neighbour one edge further from the hole, outermost first. */
function rimsOf(hole: Uint32Array, { starts, ends }: DirectedEdges): Uint32Array {
  const distance = new Map<number, number>();
  for (const vertex of hole) distance.set(vertex, 0);
  const pairs: [number, number][] = [];
  let ring: number[] = [...hole];
  for (let depth = 1; depth <= RIM_DEPTH; depth++) {
    const outer: number[] = [];
    for (const vertex of ring) {
      for (let i = starts[vertex]; i < starts[vertex + 1]; i++) {
        const neighbour = ends[i];
        const known = distance.get(neighbour);
        if (known === undefined) {
          distance.set(neighbour, depth);
          outer.push(neighbour);
        }
        if (known === undefined || known === depth) pairs.push([vertex, neighbour]);
      }
    }
    ring = outer;
  }
  return Uint32Array.from(pairs.reverse().flat());
}
