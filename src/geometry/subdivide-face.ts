import type { FaceMaps, MorphableModel } from '../types.ts';
import { applySparseRows, catmullClark, isManifold, type QuadMesh, quadsToTriangles } from './catmull-clark.ts';

/** A morphable model over a coarse mesh of quads, as a pack may store it. */
export interface CoarseFace {
  readonly model: MorphableModel;
  readonly mesh: QuadMesh;
  /** Vertex lists of named regions of the coarse mesh. */
  readonly regions: Readonly<Record<string, Uint32Array>>;
}

/** A morphable model with everything that pictures and meshes need. */
export interface DenseFace {
  readonly model: MorphableModel;
  readonly maps: FaceMaps;
}

/** Whether no edge belongs to more than two quads. */
export const canSubdivide: (mesh: QuadMesh) => boolean = isManifold;

/**
 * Normalised Coordinate Codes (Zhu et al., CVPR 2016): each axis of the mean shape stretched to 0..1.
 * @param meanShape - `[vertexCount x 3]`.
 * @returns `[vertexCount x 3]`, 0..1.
 */
export function computeNccCodes(meanShape: Float32Array): Float32Array {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [i, value] of meanShape.entries()) {
    low[i % 3] = Math.min(low[i % 3], value);
    high[i % 3] = Math.max(high[i % 3], value);
  }
  return meanShape.map((value, i) => (value - low[i % 3]) / (high[i % 3] - low[i % 3]));
}

/**
 * Refines a coarse morphable model by Catmull-Clark steps; each multiplies vertices and triangles by about four. Vertices
 * keep their indices, so landmarks do too. A new vertex belongs to a region when all the vertices it lies between do.
 * @param levels - number of steps, 0..3.
 * @throws RangeError for another number of levels.
 */
export function subdivideFace(coarse: CoarseFace, levels: number): DenseFace {
  if (!Number.isInteger(levels) || levels < 0 || levels > 3) {
    throw new RangeError(`levels: expected 0, 1, 2 or 3, received ${levels}`);
  }
  let { model, mesh } = coarse;
  let regions = Object.entries(coarse.regions).map(([name, vertices]): [string, Set<number>] => [
    name,
    new Set(vertices),
  ]);
  for (let level = 0; level < levels; level++) {
    const step = catmullClark(mesh);
    const { quads, vertexCount } = mesh;
    const edgeCount = step.edgeEnds.length / 2;
    regions = regions.map(([name, vertices]) => {
      const grown = new Set(vertices);
      for (let e = 0; e < edgeCount; e++) {
        if (vertices.has(step.edgeEnds[2 * e]) && vertices.has(step.edgeEnds[2 * e + 1])) grown.add(vertexCount + e);
      }
      for (let q = 0; q < quads.length / 4; q++) {
        if (quads.subarray(4 * q, 4 * q + 4).every((v) => vertices.has(v))) grown.add(vertexCount + edgeCount + q);
      }
      return [name, grown];
    });
    model = {
      ...model,
      vertexCount: step.mesh.vertexCount,
      meanShape: applySparseRows(step.matrix, model.meanShape, 3),
      shapeBasis: applySparseRows(step.matrix, model.shapeBasis, 3 * model.shapeCount),
      expressionBasis: applySparseRows(step.matrix, model.expressionBasis, 3 * model.expressionCount),
    };
    mesh = step.mesh;
  }
  return {
    model,
    maps: {
      triangles: quadsToTriangles(mesh.quads),
      nccCodes: computeNccCodes(model.meanShape),
      uvs: mesh.uvs,
      uvTriangles: quadsToTriangles(mesh.uvQuads),
      regions: Object.fromEntries(regions.map(([name, vertices]) => [name, Uint32Array.from(vertices).sort()])),
    },
  };
}
