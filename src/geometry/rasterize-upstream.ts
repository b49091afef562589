import type { Raster } from './raster.ts';

/**
 * Fills a raster by the original's rule, operation by operation in float32.
 * @see Sim3DR/lib/rasterize_kernel.cpp `_rasterize` (3DDFA_V2 1b6c676)
 */
export function rasterizeUpstream(raster: Raster, faces: readonly Float32Array[], triangles: Uint32Array): void {
  raster.depth.fill(FARTHEST);
  faces.forEach((vertices, index) => {
    fillFace(raster, vertices, triangles, 1 + (index * triangles.length) / 3);
  });
}

/** Initial value of the original's depth buffer. */
const FARTHEST = -1e8;

/**
 * Its triangles run the other way round, which determines where rounding falls: the corners are processed last to
 * first.
 */
function fillFace(raster: Raster, vertices: Float32Array, triangles: Uint32Array, firstFragment: number): void {
  const { fround } = Math;
  const { xMin, yMin, width, height, fragments, depth, weights1, weights2 } = raster;
  const xMax = xMin + width - 1;
  const yMax = yMin + height - 1;
  const { length } = triangles;
  for (let t = 0, fragment = firstFragment; t < length; t += 3, fragment++) {
    const i0 = triangles[t + 2] * 3;
    const i1 = triangles[t + 1] * 3;
    const i2 = triangles[t] * 3;
    const x0 = vertices[i0];
    const x1 = vertices[i1];
    const x2 = vertices[i2];
    const left = Math.max(Math.ceil(Math.min(x0, x1, x2)), xMin);
    const right = Math.min(Math.floor(Math.max(x0, x1, x2)), xMax);
    if (left > right) continue;
    const y0 = vertices[i0 + 1];
    const y1 = vertices[i1 + 1];
    const y2 = vertices[i2 + 1];
    const top = Math.max(Math.ceil(Math.min(y0, y1, y2)), yMin);
    const bottom = Math.min(Math.floor(Math.max(y0, y1, y2)), yMax);
    if (top > bottom) continue;

    const ax = fround(x2 - x0);
    const ay = fround(y2 - y0);
    const bx = fround(x1 - x0);
    const by = fround(y1 - y0);
    const dotAA = fround(fround(ax * ax) + fround(ay * ay));
    const dotAB = fround(fround(ax * bx) + fround(ay * by));
    const dotBB = fround(fround(bx * bx) + fround(by * by));
    const determinant = fround(fround(dotAA * dotBB) - fround(dotAB * dotAB));
    const inverse = determinant === 0 ? 0 : fround(1 / determinant);
    const z0 = vertices[i0 + 2];
    const z1 = vertices[i1 + 2];
    const z2 = vertices[i2 + 2];

    for (let y = top; y <= bottom; y++) {
      const py = fround(y - y0);
      for (let x = left; x <= right; x++) {
        const px = fround(x - x0);
        const dotAP = fround(fround(ax * px) + fround(ay * py));
        const dotBP = fround(fround(bx * px) + fround(by * py));
        const u = fround(fround(fround(dotBB * dotAP) - fround(dotAB * dotBP)) * inverse);
        if (!(u > 0)) continue;
        const v = fround(fround(fround(dotAA * dotBP) - fround(dotAB * dotAP)) * inverse);
        const rest = fround(fround(1 - u) - v);
        if (!(v > 0 && rest > 0)) continue;
        const z = fround(fround(fround(rest * z0) + fround(v * z1)) + fround(u * z2));
        const pixel = (y - yMin) * width + (x - xMin);
        if (z > depth[pixel]) {
          depth[pixel] = z;
          fragments[pixel] = fragment;
          weights1[pixel] = v;
          weights2[pixel] = u;
        }
      }
    }
  }
}
