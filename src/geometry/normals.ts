/**
 * Normals of vertices.
 *
 * Alternatives tried, a face of 76,073 triangles, Node 20, fastest of 60 runs in ms:
 *
 *   each triangle's normal added to its three corners                             1.0   <- this file
 *   triangles' normals first, then collected round each vertex by a table         1.55
 */
import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { checkIndices } from './picture.ts';
import { surfaceKernel } from './surface-kernel/surface-kernel.ts';

/** Options of `vertexNormals`. */
export interface VertexNormalsOptions {
  /** Which way y grows in the vertices: `down` in image px (default), `up` in upright frames. */
  readonly yAxis?: 'down' | 'up';
}

const NORMALS_OPTION_NAMES: OptionNames<VertexNormalsOptions> = { yAxis: true };

/**
 * Unit normals of vertices, pointing out of the face: sums of the adjoining triangles' normals, weighted by area.
 * @param vertices - `[n x 3]`.
 * @param triangles - `[m x 3]`, as in `FaceMaps`.
 * @param dst - `[n x 3]`; a new array if absent.
 * @returns `dst`. A vertex without area around it gets a zero normal.
 * @throws RangeError for indices beyond the vertices or a `dst` of the wrong length.
 * @see Sim3DR/lib/rasterize_kernel.cpp `_get_normal` (3DDFA_V2 1b6c676): the same values in float32, bit for bit
 */
export function vertexNormals(
  vertices: Float32Array,
  triangles: Uint32Array,
  options: VertexNormalsOptions = {},
  dst: Float32Array = new Float32Array(vertices.length),
): Float32Array {
  checkIndices(triangles, vertices.length / 3, 'triangles');
  if (dst.length !== vertices.length) {
    throw new RangeError(`dst: expected ${vertices.length / 3} x 3 coordinates, got ${dst.length}`);
  }
  checkOptionNames(options, NORMALS_OPTION_NAMES);
  const { yAxis = 'down' } = options;
  const sign = yAxis === 'down' ? 1 : -1;
  const kernel = triangles.length === 0 ? undefined : surfaceKernel();
  if (kernel === undefined) sumNormals(vertices, triangles, sign, dst);
  else kernel.vertexNormals(vertices, triangles, sign, dst);
  return dst;
}

/** `vertexNormals` in plain JavaScript, as `SurfaceKernel.vertexNormals` takes its arguments. */
export function sumNormals(vertices: Float32Array, triangles: Uint32Array, sign: number, dst: Float32Array): void {
  const { fround } = Math;
  dst.fill(0);
  for (let t = 0; t < triangles.length; t += 3) {
    // Last corner first, as the original lists them: this determines where float32 rounds.
    const i0 = triangles[t + 2] * 3;
    const i1 = triangles[t + 1] * 3;
    const i2 = triangles[t] * 3;
    const x0 = vertices[i0];
    const y0 = vertices[i0 + 1];
    const z0 = vertices[i0 + 2];
    const ax = fround(vertices[i1] - x0);
    const ay = fround(vertices[i1 + 1] - y0);
    const az = fround(vertices[i1 + 2] - z0);
    const bx = fround(vertices[i2] - x0);
    const by = fround(vertices[i2 + 1] - y0);
    const bz = fround(vertices[i2 + 2] - z0);
    const nx = fround(fround(ay * bz) - fround(az * by));
    const ny = fround(fround(az * bx) - fround(ax * bz));
    const nz = fround(fround(ax * by) - fround(ay * bx));
    dst[i0] = dst[i0] + nx;
    dst[i0 + 1] = dst[i0 + 1] + ny;
    dst[i0 + 2] = dst[i0 + 2] + nz;
    dst[i1] = dst[i1] + nx;
    dst[i1 + 1] = dst[i1 + 1] + ny;
    dst[i1 + 2] = dst[i1 + 2] + nz;
    dst[i2] = dst[i2] + nx;
    dst[i2 + 1] = dst[i2 + 1] + ny;
    dst[i2 + 2] = dst[i2 + 2] + nz;
  }
  for (let i = 0; i < dst.length; i += 3) {
    const x = dst[i];
    const y = dst[i + 1];
    const z = dst[i + 2];
    const length = fround(Math.sqrt(fround(fround(fround(x * x) + fround(y * y)) + fround(z * z))));
    if (length === 0) continue;
    dst[i] = (sign * x) / length;
    dst[i + 1] = (sign * y) / length;
    dst[i + 2] = (sign * z) / length;
  }
}
