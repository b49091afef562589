/**
 * Catmull-Clark subdivision as a fixed sparse matrix: one step of a mesh of quads turns the vertices of every shape of a
 * morphable model into the same weighted sums, so a model is subdivided by applying the matrix to its mean and its bases.
 *
 * Vertices keep their indices and come first, then one vertex per edge, then one per quad.
 */

/** A mesh of quads with texture coordinates per corner. */
export interface QuadMesh {
  readonly vertexCount: number;
  /** `[quadCount x 4]` vertices, counter-clockwise as seen from outside. */
  readonly quads: Uint32Array;
  /** `[uvCount x 2]`. */
  readonly uvs: Float32Array;
  /** `[quadCount x 4]` rows of `uvs`, one per corner. */
  readonly uvQuads: Uint32Array;
}

/** Sparse matrix in compressed rows: the entries of row `i` are `rowStarts[i] .. rowStarts[i + 1]`. */
export interface SparseRows {
  readonly rowCount: number;
  /** `[rowCount + 1]`. */
  readonly rowStarts: Uint32Array;
  readonly columns: Uint32Array;
  readonly weights: Float64Array;
}

/** Builds a sparse matrix from one map of column -> weight per row. */
export function sparseRowsFromMaps(rows: readonly ReadonlyMap<number, number>[]): SparseRows {
  const rowStarts = new Uint32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) rowStarts[i + 1] = rowStarts[i] + row.size;
  const columns = new Uint32Array(rowStarts[rows.length]);
  const weights = new Float64Array(columns.length);
  let at = 0;
  for (const row of rows) {
    for (const [column, weight] of [...row].sort(([a], [b]) => a - b)) {
      columns[at] = column;
      weights[at] = weight;
      at++;
    }
  }
  return { rowCount: rows.length, rowStarts, columns, weights };
}

/**
 * Applies a sparse matrix of vertices to rows of any width.
 * @param matrix - `[n x m]`.
 * @param values - `[m x width]`, row-major: 3 for positions, `3 * k` for a basis of k columns (xyz interleaved).
 * @param dst - `[n x width]`; a new array if absent.
 * @returns `dst`.
 */
export function applySparseRows(
  matrix: SparseRows,
  values: Float32Array,
  width: number,
  dst: Float32Array = new Float32Array(matrix.rowCount * width),
): Float32Array {
  const { rowStarts, columns, weights, rowCount } = matrix;
  const sum = new Float64Array(width);
  for (let i = 0; i < rowCount; i++) {
    sum.fill(0);
    for (let e = rowStarts[i]; e < rowStarts[i + 1]; e++) {
      const weight = weights[e];
      const from = columns[e] * width;
      for (let k = 0; k < width; k++) sum[k] += weight * values[from + k];
    }
    dst.set(sum, i * width);
  }
  return dst;
}

/** What one subdivision step does to a mesh. */
export interface Subdivision {
  /** `[new vertexCount x old vertexCount]`; every row sums to 1. */
  readonly matrix: SparseRows;
  readonly mesh: QuadMesh;
  /** `[edgeCount x 2]` ends of the edges that got a vertex, in the order of those vertices. */
  readonly edgeEnds: Uint32Array;
}

/** Whether no edge belongs to more than two quads, which `catmullClark` requires. */
export function isManifold({ quads, vertexCount }: QuadMesh): boolean {
  const uses = new Map<number, number>();
  for (let corner = 0; corner < quads.length; corner++) {
    const a = quads[corner];
    const b = quads[corner % 4 === 3 ? corner - 3 : corner + 1];
    const key = Math.min(a, b) * vertexCount + Math.max(a, b);
    const count = (uses.get(key) ?? 0) + 1;
    if (count > 2) return false;
    uses.set(key, count);
  }
  return true;
}

interface Edge {
  /** Position among the edges, in order of first appearance. */
  readonly index: number;
  readonly a: number;
  readonly b: number;
  readonly quads: number[];
}

function add(row: Map<number, number>, column: number, weight: number): void {
  row.set(column, (row.get(column) ?? 0) + weight);
}

/**
 * One Catmull-Clark step (Catmull and Clark 1978; border edges and vertices by the cubic B-spline rule). Texture coordinates
 * are subdivided linearly, corner by corner, so that seams stay seams.
 * @throws RangeError when an edge belongs to more than two quads.
 */
export function catmullClark(mesh: QuadMesh): Subdivision {
  const { vertexCount, quads, uvQuads } = mesh;
  const quadCount = quads.length / 4;
  const edges = new Map<number, Edge>();
  const edgeOf = (a: number, b: number): Edge => {
    const key = Math.min(a, b) * vertexCount + Math.max(a, b);
    let edge = edges.get(key);
    if (edge === undefined) {
      edge = { index: edges.size, a, b, quads: [] };
      edges.set(key, edge);
    }
    return edge;
  };
  const cornerEdges = new Uint32Array(quads.length);
  const quadsOfVertex: number[][] = Array.from({ length: vertexCount }, () => []);
  for (let q = 0; q < quadCount; q++) {
    for (let k = 0; k < 4; k++) {
      const a = quads[4 * q + k];
      const edge = edgeOf(a, quads[4 * q + ((k + 1) % 4)]);
      edge.quads.push(q);
      if (edge.quads.length > 2) throw new RangeError(`quads: edge ${edge.a}-${edge.b} belongs to more than two quads`);
      cornerEdges[4 * q + k] = edge.index;
      quadsOfVertex[a].push(q);
    }
  }
  const edgesOfVertex: Edge[][] = Array.from({ length: vertexCount }, () => []);
  for (const edge of edges.values()) {
    edgesOfVertex[edge.a].push(edge);
    edgesOfVertex[edge.b].push(edge);
  }

  const addQuad = (row: Map<number, number>, q: number, weight: number): void => {
    for (let k = 0; k < 4; k++) add(row, quads[4 * q + k], weight / 4);
  };
  const rows: Map<number, number>[] = [];
  for (let v = 0; v < vertexCount; v++) {
    const row = new Map<number, number>();
    const around = edgesOfVertex[v];
    const border = around.filter((edge) => edge.quads.length === 1);
    if (around.length === 0) {
      row.set(v, 1);
    } else if (border.length > 0) {
      add(row, v, 0.5);
      for (const edge of border) {
        add(row, edge.a, 0.25 / border.length);
        add(row, edge.b, 0.25 / border.length);
      }
    } else {
      const n = around.length;
      add(row, v, (n - 3) / n);
      for (const q of quadsOfVertex[v]) addQuad(row, q, 1 / (n * n));
      for (const edge of around) {
        add(row, edge.a, 1 / (n * n));
        add(row, edge.b, 1 / (n * n));
      }
    }
    rows.push(row);
  }
  for (const edge of edges.values()) {
    const row = new Map<number, number>();
    const inner = edge.quads.length === 2;
    add(row, edge.a, inner ? 0.25 : 0.5);
    add(row, edge.b, inner ? 0.25 : 0.5);
    if (inner) for (const q of edge.quads) addQuad(row, q, 0.25);
    rows.push(row);
  }
  for (let q = 0; q < quadCount; q++) {
    const row = new Map<number, number>();
    addQuad(row, q, 1);
    rows.push(row);
  }

  const newQuads = new Uint32Array(16 * quadCount);
  const newUvQuads = new Uint32Array(16 * quadCount);
  const newUvs: number[] = [...mesh.uvs];
  const uvOfEdge = new Map<number, number>();
  const uvCount = mesh.uvs.length / 2;
  const uvMiddle = (a: number, b: number): number => {
    const key = Math.min(a, b) * uvCount + Math.max(a, b);
    let index = uvOfEdge.get(key);
    if (index === undefined) {
      index = newUvs.length / 2;
      newUvs.push((newUvs[2 * a] + newUvs[2 * b]) / 2, (newUvs[2 * a + 1] + newUvs[2 * b + 1]) / 2);
      uvOfEdge.set(key, index);
    }
    return index;
  };
  for (let q = 0; q < quadCount; q++) {
    const corner = (k: number): number => uvQuads[4 * q + ((k + 4) % 4)];
    const middles = [0, 1, 2, 3].map((k) => uvMiddle(corner(k), corner(k + 1)));
    const centre = newUvs.length / 2;
    for (let axis = 0; axis < 2; axis++) {
      newUvs.push(
        (newUvs[2 * corner(0) + axis] +
          newUvs[2 * corner(1) + axis] +
          newUvs[2 * corner(2) + axis] +
          newUvs[2 * corner(3) + axis]) /
          4,
      );
    }
    for (let k = 0; k < 4; k++) {
      const before = (k + 3) % 4;
      newQuads.set(
        [
          quads[4 * q + k],
          vertexCount + cornerEdges[4 * q + k],
          vertexCount + edges.size + q,
          vertexCount + cornerEdges[4 * q + before],
        ],
        4 * (4 * q + k),
      );
      newUvQuads.set([corner(k), middles[k], centre, middles[before]], 4 * (4 * q + k));
    }
  }
  return {
    matrix: sparseRowsFromMaps(rows),
    mesh: {
      vertexCount: vertexCount + edges.size + quadCount,
      quads: newQuads,
      uvs: Float32Array.from(newUvs),
      uvQuads: newUvQuads,
    },
    edgeEnds: Uint32Array.from([...edges.values()].flatMap((edge) => [edge.a, edge.b])),
  };
}

/** `[2 * quadCount x 3]`: each quad cut along its first diagonal. Works for vertex and for uv indices. */
export function quadsToTriangles(quads: Uint32Array): Uint32Array {
  const triangles = new Uint32Array((quads.length / 4) * 6);
  for (let q = 0; q < quads.length / 4; q++) {
    const [a, b, c, d] = quads.subarray(4 * q, 4 * q + 4);
    triangles.set([a, b, c, a, c, d], 6 * q);
  }
  return triangles;
}
