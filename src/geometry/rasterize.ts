/**
 * Triangles to pixels with a depth buffer. The result says for every pixel which triangle is seen there and where in it, so
 * that one rasterisation serves any number of attributes (`interpolate`).
 *
 * Tried on a face of 76,073 triangles over 271 x 315 px of a 1536 x 689 photo (19 % of the triangles hold no pixel centre in
 * their box, 68 % at most 2 x 2); Node 20, one thread, least of 60 runs in ms on a busy 2-core machine:
 *
 *   `Math.min`/`Math.max`, edge functions in float64              5.0   (V8 makes branches of an integer `Math.min`)
 *   integers, no branches before the pixels                       3.2
 *   the same, boxes up to 2 x 2 px tested by masks                2.8   <- this file
 *   the original's float32 rule                                   4.8   <- `upstream`
 *   weights kept for `interpolate`, against computing them again: two stores a fragment, cheaper than nine loads a pixel
 *
 * The same rule in WebAssembly SIMD (`installSurfaceKernel`; src/engine/kernels/surface.ts), interleaved with this one on a
 * quieter machine, medians: 2.7 ms here, 1.7 there; at half the size 1.9 and 0.9, at a quarter of the area more triangles than
 * pixels. Some 0.4 ms of it are copies in and out of its memory.
 *
 * Of the 3.2 ms, 0.7 go into loading and boxing the triangles, 0.7 into setting up edges and 1.8 into the pixels, mostly
 * branches that cannot be foretold.
 */
import type { PictureArea, SurfaceKernel } from '../types.ts';
import { boundingBox } from './box.ts';
import { type Compatibility, checkIndices, checkVertices } from './picture.ts';
import { surfaceKernel } from './surface-kernel.ts';

/** A part of a picture: what is seen in each of its pixels. */
export interface Raster {
  /** Left and top of the part in the picture, px. */
  readonly xMin: number;
  readonly yMin: number;
  readonly width: number;
  readonly height: number;
  /** `[height x width]`: 0 where nothing is seen, else `1 + face * triangleCount + triangle`. */
  readonly fragments: Int32Array;
  /** `[height x width]`: interpolated z; meaningless where nothing is seen. */
  readonly depth: Float32Array;
  /** `[height x width]`: barycentric weight of the triangle's second corner. */
  readonly weights1: Float32Array;
  /** `[height x width]`: that of its third corner, or in `upstream` compatibility of its first; the other corner has the rest. */
  readonly weights2: Float32Array;
  readonly compatibility: Compatibility;
}

/** Options of `rasterize`. */
export interface RasterizeOptions {
  /**
   * `none` (default): a pixel belongs to the triangle that holds its centre, and a centre on a shared edge to exactly one of
   * the two (top-left rule, on coordinates rounded to 1/256 px), so that a closed surface has no holes. `upstream`: the
   * original's float32 arithmetic, where such a centre belongs to none.
   */
  readonly compatibility?: Compatibility;
}

/** Sub-pixel steps of the watertight rule. */
const STEPS = 256;
const STEP_SHIFT = 8;
/**
 * Coordinates beyond this many px are moved to it. The products of two differences then stay below 2^53, so that edge
 * functions are exact.
 */
const MAX_COORDINATE = 1 << 16;
/** A kernel has its own copy of what it makes, 16 bytes a pixel: beyond this the plain rasteriser saves memory. */
const MAX_KERNEL_PIXELS = 1 << 24;
/** Extent in steps up to which edge functions fit into 32 bits. */
const SMALL_EXTENT = 1 << 14;

/**
 * Rasterises faces that share one mesh; of two fragments in a pixel the one with the larger z wins, the earlier one at a tie.
 * @param faces - per face `[n x 3]` vertices: x and y in px (whole numbers are pixel centres), z larger = nearer.
 * @param triangles - `[m x 3]` vertex indices, either way round.
 * @param width - of the whole picture, px.
 * @param height - of the whole picture, px.
 * @returns the part of the picture that the faces cover; 0 x 0 px where they are all outside.
 * @throws RangeError for coordinates that are not finite, faces of different sizes, or indices beyond the vertices.
 * @see Sim3DR/lib/rasterize_kernel.cpp `_rasterize` (3DDFA_V2 1b6c676) for the `upstream` rule
 */
export function rasterize(
  faces: readonly Float32Array[],
  triangles: Uint32Array,
  width: number,
  height: number,
  { compatibility = 'none' }: RasterizeOptions = {},
): Raster {
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
  if (compatibility === 'upstream') {
    raster.depth.fill(-1e8);
    faces.forEach((vertices, index) => {
      rasterizeUpstream(raster, vertices, triangles, 1 + (index * triangles.length) / 3);
    });
  } else {
    raster.depth.fill(Number.NEGATIVE_INFINITY);
    const steps = new Int32Array((faces[0].length / 3) * 2);
    faces.forEach((vertices, index) => {
      toSteps(vertices, raster.xMin, raster.yMin, steps);
      rasterizeWatertight(raster, steps, vertices, triangles, 1 + (index * triangles.length) / 3);
    });
  }
  return raster;
}

/**
 * The part of a picture that faces may cover, after a check of all that `rasterize` takes.
 * @returns 0 x 0 px where there is none.
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
  // One px more on each side, for coordinates that are rounded to steps.
  xMin = Math.max(0, Math.floor(xMin) - 1);
  yMin = Math.max(0, Math.floor(yMin) - 1);
  xMax = Math.min(width - 1, Math.ceil(xMax) + 1);
  yMax = Math.min(height - 1, Math.ceil(yMax) + 1);
  if (faces.length === 0 || triangles.length === 0 || xMax < xMin || yMax < yMin) {
    return { xMin: 0, yMin: 0, width: 0, height: 0 };
  }
  return { xMin, yMin, width: xMax - xMin + 1, height: yMax - yMin + 1 };
}

/** The kernel in place, for an area that it is good for. */
export function kernelFor({ width, height }: PictureArea): SurfaceKernel | undefined {
  const pixelCount = width * height;
  return pixelCount > 0 && pixelCount <= MAX_KERNEL_PIXELS ? surfaceKernel() : undefined;
}

/** x and y of the vertices relative to the raster, in steps, interleaved: one cache line a vertex. */
function toSteps(vertices: Float32Array, xMin: number, yMin: number, dst: Int32Array): void {
  // Adding a large whole number first turns truncation into rounding to the nearest for negative values too.
  const lift = (MAX_COORDINATE + 1) * STEPS;
  for (let i = 0, j = 0; i < dst.length; i += 2, j += 3) {
    const x = Math.min(Math.max(vertices[j] - xMin, -MAX_COORDINATE), MAX_COORDINATE);
    const y = Math.min(Math.max(vertices[j + 1] - yMin, -MAX_COORDINATE), MAX_COORDINATE);
    dst[i] = ((x * STEPS + lift + 0.5) | 0) - lift;
    dst[i + 1] = ((y * STEPS + lift + 0.5) | 0) - lift;
  }
}

function rasterizeWatertight(
  raster: Raster,
  steps: Int32Array,
  vertices: Float32Array,
  triangles: Uint32Array,
  firstFragment: number,
): void {
  const { width, height, fragments, depth, weights1, weights2 } = raster;
  const lastColumn = width - 1;
  const lastRow = height - 1;
  const { length } = triangles;
  for (let t = 0, fragment = firstFragment; t < length; t += 3, fragment++) {
    const i0 = triangles[t];
    const i1 = triangles[t + 1];
    const i2 = triangles[t + 2];
    const x0 = steps[i0 * 2];
    const y0 = steps[i0 * 2 + 1];
    const x1 = steps[i1 * 2];
    const y1 = steps[i1 * 2 + 1];
    const x2 = steps[i2 * 2];
    const y2 = steps[i2 * 2 + 1];

    // Least and greatest of three without branches: `d & (d >> 31)` is min(d, 0).
    let d = x0 - x1;
    d &= d >> 31;
    let xLow = x1 + d;
    let xHigh = x0 - d;
    d = x2 - xLow;
    xLow += d & (d >> 31);
    d = xHigh - x2;
    xHigh -= d & (d >> 31);
    d = y0 - y1;
    d &= d >> 31;
    let yLow = y1 + d;
    let yHigh = y0 - d;
    d = y2 - yLow;
    yLow += d & (d >> 31);
    d = yHigh - y2;
    yHigh -= d & (d >> 31);

    // Pixel centres in the triangle's box, clipped to the raster.
    let left = (xLow + STEPS - 1) >> STEP_SHIFT;
    left &= ~(left >> 31);
    let top = (yLow + STEPS - 1) >> STEP_SHIFT;
    top &= ~(top >> 31);
    let right = xHigh >> STEP_SHIFT;
    d = lastColumn - right;
    right += d & (d >> 31);
    let bottom = yHigh >> STEP_SHIFT;
    d = lastRow - bottom;
    bottom += d & (d >> 31);
    if (((right - left) | (bottom - top)) < 0) continue;

    if (xHigh - xLow > SMALL_EXTENT || yHigh - yLow > SMALL_EXTENT) {
      rasterizeLarge(raster, steps, vertices, i0, i1, i2, fragment, left, top, right, bottom);
      continue;
    }

    const area = (Math.imul(x1 - x0, y2 - y0) - Math.imul(x2 - x0, y1 - y0)) | 0;
    if (area === 0) continue;
    // Edge functions a * x + b * y + c, positive inside whichever way round the triangle goes.
    const sign = (area >> 31) | 1;
    const a0 = Math.imul(y1 - y2, sign);
    const b0 = Math.imul(x2 - x1, sign);
    const a1 = Math.imul(y2 - y0, sign);
    const b1 = Math.imul(x0 - x2, sign);
    const a2 = Math.imul(y0 - y1, sign);
    const b2 = Math.imul(x1 - x0, sign);
    // 0 for top and left edges (a > 0, or a = 0 and b > 0), whose own points count as inside; else -1.
    const bias0 = (((a0 << 15) + b0 - 1) | 0) >> 31;
    const bias1 = (((a1 << 15) + b1 - 1) | 0) >> 31;
    const bias2 = (((a2 << 15) + b2 - 1) | 0) >> 31;
    const px = left << STEP_SHIFT;
    const py = top << STEP_SHIFT;
    let row0 = (Math.imul(a0, px - x1) + Math.imul(b0, py - y1) + bias0) | 0;
    let row1 = (Math.imul(a1, px - x2) + Math.imul(b1, py - y2) + bias1) | 0;
    let row2 = (Math.imul(a2, px - x0) + Math.imul(b2, py - y0) + bias2) | 0;
    const right0 = a0 << STEP_SHIFT;
    const right1 = a1 << STEP_SHIFT;
    const right2 = a2 << STEP_SHIFT;
    const down0 = b0 << STEP_SHIFT;
    const down1 = b1 << STEP_SHIFT;
    const down2 = b2 << STEP_SHIFT;
    const scale = 1 / Math.imul(area, sign);
    const z0 = vertices[i0 * 3 + 2];
    const dz1 = (vertices[i1 * 3 + 2] - z0) * scale;
    const dz2 = (vertices[i2 * 3 + 2] - z0) * scale;
    let start = Math.imul(top, width) + left;

    if (((right - left) | (bottom - top)) >> 1 === 0 && left < lastColumn && top < lastRow) {
      // At most 2 x 2 pixels, as most triangles have: all four tests without a branch, then the pixels that passed.
      const below0 = row0 + down0;
      const below1 = row1 + down1;
      const below2 = row2 + down2;
      let inside =
        15 ^
        (((row0 | row1 | row2) >>> 31) |
          ((((row0 + right0) | (row1 + right1) | (row2 + right2)) >>> 31) << 1) |
          (((below0 | below1 | below2) >>> 31) << 2) |
          ((((below0 + right0) | (below1 + right1) | (below2 + right2)) >>> 31) << 3));
      while (inside !== 0) {
        const corner = 31 - Math.clz32(inside);
        inside ^= 1 << corner;
        const inRight = -(corner & 1);
        const inBelow = -(corner >> 1);
        const e1 = (row1 - bias1 + (right1 & inRight) + (down1 & inBelow)) | 0;
        const e2 = (row2 - bias2 + (right2 & inRight) + (down2 & inBelow)) | 0;
        const pixel = (start - inRight + (width & inBelow)) | 0;
        const z = Math.fround(z0 + e1 * dz1 + e2 * dz2);
        if (z > depth[pixel]) {
          depth[pixel] = z;
          fragments[pixel] = fragment;
          weights1[pixel] = e1 * scale;
          weights2[pixel] = e2 * scale;
        }
      }
      continue;
    }

    const span = right - left;
    for (let y = top; y <= bottom; y++) {
      let e0 = row0;
      let e1 = row1;
      let e2 = row2;
      const end = start + span;
      for (let pixel = start; pixel <= end; pixel++) {
        if ((e0 | e1 | e2) >= 0) {
          const weight1 = e1 - bias1;
          const weight2 = e2 - bias2;
          const z = Math.fround(z0 + weight1 * dz1 + weight2 * dz2);
          if (z > depth[pixel]) {
            depth[pixel] = z;
            fragments[pixel] = fragment;
            weights1[pixel] = weight1 * scale;
            weights2[pixel] = weight2 * scale;
          }
        }
        e0 = (e0 + right0) | 0;
        e1 = (e1 + right1) | 0;
        e2 = (e2 + right2) | 0;
      }
      start += width;
      row0 = (row0 + down0) | 0;
      row1 = (row1 + down1) | 0;
      row2 = (row2 + down2) | 0;
    }
  }
}

/** The same rule for a triangle whose edge functions need more than 32 bits. */
function rasterizeLarge(
  { width, fragments, depth, weights1, weights2 }: Raster,
  steps: Int32Array,
  vertices: Float32Array,
  i0: number,
  i1: number,
  i2: number,
  fragment: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
): void {
  const x0 = steps[i0 * 2];
  const y0 = steps[i0 * 2 + 1];
  const x1 = steps[i1 * 2];
  const y1 = steps[i1 * 2 + 1];
  const x2 = steps[i2 * 2];
  const y2 = steps[i2 * 2 + 1];
  const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  if (area === 0) return;
  const sign = area > 0 ? 1 : -1;
  const a0 = (y1 - y2) * sign;
  const b0 = (x2 - x1) * sign;
  const a1 = (y2 - y0) * sign;
  const b1 = (x0 - x2) * sign;
  const a2 = (y0 - y1) * sign;
  const b2 = (x1 - x0) * sign;
  const bias0 = a0 > 0 || (a0 === 0 && b0 > 0) ? 0 : -1;
  const bias1 = a1 > 0 || (a1 === 0 && b1 > 0) ? 0 : -1;
  const bias2 = a2 > 0 || (a2 === 0 && b2 > 0) ? 0 : -1;
  const scale = sign / area;
  const z0 = vertices[i0 * 3 + 2];
  const dz1 = (vertices[i1 * 3 + 2] - z0) * scale;
  const dz2 = (vertices[i2 * 3 + 2] - z0) * scale;
  const px = left * STEPS;
  for (let y = top; y <= bottom; y++) {
    const py = y * STEPS;
    let e0 = a0 * (px - x1) + b0 * (py - y1) + bias0;
    let e1 = a1 * (px - x2) + b1 * (py - y2);
    let e2 = a2 * (px - x0) + b2 * (py - y0);
    const end = y * width + right;
    for (let pixel = y * width + left; pixel <= end; pixel++) {
      if (e0 >= 0 && e1 + bias1 >= 0 && e2 + bias2 >= 0) {
        const z = Math.fround(z0 + e1 * dz1 + e2 * dz2);
        if (z > depth[pixel]) {
          depth[pixel] = z;
          fragments[pixel] = fragment;
          weights1[pixel] = e1 * scale;
          weights2[pixel] = e2 * scale;
        }
      }
      e0 += a0 * STEPS;
      e1 += a1 * STEPS;
      e2 += a2 * STEPS;
    }
  }
}

/**
 * The original's rule, operation by operation in float32. Its triangles run the other way round, which decides where rounding
 * falls: the corners are taken last to first.
 */
function rasterizeUpstream(
  raster: Raster,
  vertices: Float32Array,
  triangles: Uint32Array,
  firstFragment: number,
): void {
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

/**
 * Interpolates an attribute of vertices at every covered pixel of a raster.
 * @param triangles - those that were rasterised.
 * @param attributes - per face `[n x channels]`, in the order of the faces that were rasterised.
 * @returns `[height x width x channels]`; 0 where nothing is seen.
 */
export function interpolate(
  raster: Raster,
  triangles: Uint32Array,
  attributes: readonly Float32Array[],
  channels: number,
): Float32Array {
  const dst = new Float32Array(raster.fragments.length * channels);
  const triangleCount = triangles.length / 3;
  attributes.forEach((attribute, index) => {
    const first = 1 + index * triangleCount;
    if (raster.compatibility === 'upstream') {
      interpolateUpstream(raster, triangles, attribute, channels, first, first + triangleCount, dst);
    } else {
      interpolateWatertight(raster, triangles, attribute, channels, first, first + triangleCount, dst);
    }
  });
  return dst;
}

function interpolateWatertight(
  { fragments, weights1, weights2 }: Raster,
  triangles: Uint32Array,
  attribute: Float32Array,
  channels: number,
  firstFragment: number,
  endFragment: number,
  dst: Float32Array,
): void {
  for (let pixel = 0; pixel < fragments.length; pixel++) {
    const fragment = fragments[pixel];
    if (fragment < firstFragment || fragment >= endFragment) continue;
    const t = (fragment - firstFragment) * 3;
    const i0 = triangles[t] * channels;
    const i1 = triangles[t + 1] * channels;
    const i2 = triangles[t + 2] * channels;
    const w1 = weights1[pixel];
    const w2 = weights2[pixel];
    const w0 = 1 - w1 - w2;
    const j = pixel * channels;
    for (let k = 0; k < channels; k++) {
      dst[j + k] = w0 * attribute[i0 + k] + w1 * attribute[i1 + k] + w2 * attribute[i2 + k];
    }
  }
}

function interpolateUpstream(
  { fragments, weights1, weights2 }: Raster,
  triangles: Uint32Array,
  attribute: Float32Array,
  channels: number,
  firstFragment: number,
  endFragment: number,
  dst: Float32Array,
): void {
  const { fround } = Math;
  for (let pixel = 0; pixel < fragments.length; pixel++) {
    const fragment = fragments[pixel];
    if (fragment < firstFragment || fragment >= endFragment) continue;
    const t = (fragment - firstFragment) * 3;
    const i0 = triangles[t + 2] * channels;
    const i1 = triangles[t + 1] * channels;
    const i2 = triangles[t] * channels;
    const v = weights1[pixel];
    const u = weights2[pixel];
    const rest = fround(fround(1 - u) - v);
    for (let k = 0, j = pixel * channels; k < channels; k++, j++) {
      dst[j] = fround(
        fround(fround(rest * attribute[i0 + k]) + fround(v * attribute[i1 + k])) + fround(u * attribute[i2 + k]),
      );
    }
  }
}
