/**
 * Triangles to pixels with a depth buffer. For every pixel, the result has which triangle is seen there and where in
 * it, so one rasterisation serves any number of attributes (`interpolate`).
 */
import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { PictureArea } from '../types.ts';
import { boundingBox } from './box.ts';
import { type Compatibility, checkIndices, checkVertices } from './picture.ts';
import type { Raster } from './raster.ts';
import { rasterizeUpstream } from './rasterize-upstream.ts';
import { rasterizeWatertight } from './rasterize-watertight.ts';
import { type SurfaceKernel, surfaceKernel } from './surface-kernel/surface-kernel.ts';

/** Options of `rasterize`. */
export interface RasterizeOptions {
  /**
   * `none` (default): a pixel belongs to the triangle that holds its centre, and a centre on a shared edge to exactly one of
   * the two (top-left rule, on coordinates rounded to 1/256 px), so that a closed surface has no holes. `upstream`: the
   * original's float32 arithmetic, where such a centre belongs to none.
   */
  readonly compatibility?: Compatibility;
}

const RASTERIZE_OPTION_NAMES: OptionNames<RasterizeOptions> = { compatibility: true };

/** A kernel has its own copy of its output, 16 bytes per pixel: beyond this the plain rasteriser saves memory. */
const MAX_KERNEL_PIXELS = 1 << 24;

/**
 * Rasterises faces that share one mesh; of two fragments in a pixel the one with the larger z wins, the earlier one in
 * a tie.
 * @param faces - per face `[n x 3]` vertices: x and y in px (whole numbers are pixel centres), z larger = nearer.
 * @param triangles - `[m x 3]` vertex indices, either way round.
 * @param width - of the whole picture, px.
 * @param height - of the whole picture, px.
 * @returns the part of the picture that the faces cover; 0 x 0 px if they are all outside.
 * @throws RangeError for coordinates that are not finite, faces of different sizes, or indices beyond the vertices.
 * @see Sim3DR/lib/rasterize_kernel.cpp `_rasterize` (3DDFA_V2 1b6c676) for the `upstream` rule
 */
export function rasterize(
  faces: readonly Float32Array[],
  triangles: Uint32Array,
  width: number,
  height: number,
  options: RasterizeOptions = {},
): Raster {
  checkOptionNames(options, RASTERIZE_OPTION_NAMES);
  const { compatibility = 'none' } = options;
  const area = drawnArea(faces, triangles, width, height);
  const pixelCount = area.width * area.height;
  const kernel = compatibility === 'none' ? kernelFor(area) : undefined;
  if (kernel !== undefined) return { ...area, ...kernel.rasterize(faces, triangles, area), compatibility };
  const raster: Raster = {
    ...area,
    fragments: new Int32Array(pixelCount),
    depth: new Float32Array(pixelCount),
    weights1: new Float32Array(pixelCount),
    weights2: new Float32Array(pixelCount),
    compatibility,
  };
  if (pixelCount === 0) return raster;
  if (compatibility === 'upstream') rasterizeUpstream(raster, faces, triangles);
  else rasterizeWatertight(raster, faces, triangles);
  return raster;
}

/**
 * The part of a picture that faces may cover, after checking all arguments of `rasterize`.
 * @returns 0 x 0 px if there is none.
 */
export function drawnArea(
  faces: readonly Float32Array[],
  triangles: Uint32Array,
  width: number,
  height: number,
): PictureArea {
  const vertexCount = faces[0] === undefined ? 0 : faces[0].length / 3;
  let xMin = Number.POSITIVE_INFINITY;
  let yMin = Number.POSITIVE_INFINITY;
  let xMax = Number.NEGATIVE_INFINITY;
  let yMax = Number.NEGATIVE_INFINITY;
  faces.forEach((vertices, index) => {
    checkVertices(vertices, `faces[${index}]`, vertexCount);
    const box = boundingBox(vertices);
    xMin = Math.min(xMin, box.xMin);
    yMin = Math.min(yMin, box.yMin);
    xMax = Math.max(xMax, box.xMax);
    yMax = Math.max(yMax, box.yMax);
  });
  if (faces.length > 0) checkIndices(triangles, vertexCount, 'triangles');
  // One px more on each side, as coordinates are rounded to steps.
  xMin = Math.max(0, Math.floor(xMin) - 1);
  yMin = Math.max(0, Math.floor(yMin) - 1);
  xMax = Math.min(width - 1, Math.ceil(xMax) + 1);
  yMax = Math.min(height - 1, Math.ceil(yMax) + 1);
  if (faces.length === 0 || triangles.length === 0 || xMax < xMin || yMax < yMin) {
    return { xMin: 0, yMin: 0, width: 0, height: 0 };
  }
  return { xMin, yMin, width: xMax - xMin + 1, height: yMax - yMin + 1 };
}

/** The kernel, if it is worth using for the area. */
export function kernelFor({ width, height }: PictureArea): SurfaceKernel | undefined {
  const pixelCount = width * height;
  return pixelCount > 0 && pixelCount <= MAX_KERNEL_PIXELS ? surfaceKernel() : undefined;
}
