/**
 * The watertight rule in plain JavaScript.
 *
 * Tried on a face of 76,073 triangles over 271 x 315 px of a 1536 x 689 photo (19 % of the triangles hold no pixel
 * centre in their box, 68 % at most 2 x 2); Node 20, one thread, fastest of 60 runs in ms on a busy 2-core machine:
 *
 *   `Math.min`/`Math.max`, edge functions in float64              5.0   (V8 makes branches of an integer `Math.min`)
 *   integers, no branches before the pixels                       3.2
 *   the same, boxes up to 2 x 2 px tested by masks                2.8   <- this file
 *   the original's float32 rule                                   4.8   <- rasterize-upstream.ts
 *   weights kept for `interpolate`, against computing them again: two stores a fragment, cheaper than nine loads a pixel
 *
 * The same rule in WebAssembly SIMD (surface-kernel/), interleaved with this one on a quieter machine, medians: 2.7 ms
 * here, 1.7 there; at half the size 1.9 and 0.9 (a quarter of the area, so more triangles than pixels). About 0.4 ms of
 * it goes into copies in and out of its memory.
 *
 * `fillFace` is long because its loops share twenty numbers: with both loops over pixels as functions of 22 arguments
 * it took 3.10 ms instead of 3.04 (medians of 360 alternating runs).
 *
 * Of the 3.2 ms, 0.7 go into loading and boxing the triangles, 0.7 into setting up edges and 1.8 into the pixels,
 * mostly unpredictable branches.
 */
import type { Raster } from './raster.ts';

/** Sub-pixel steps of the watertight rule. */
const STEPS = 256;
const STEP_SHIFT = 8;
/**
 * Coordinates beyond this many px are clamped to it. The products of two differences then stay below 2^53, so edge
 * functions are exact.
 */
const MAX_COORDINATE = 1 << 16;
/** Extent in steps up to which edge functions fit into 32 bits. */
const SMALL_EXTENT = 1 << 14;

/**
 * Fills a raster by the watertight rule.
 * @param raster - its fragments are all 0.
 * @param faces - at least one, per face `[n x 3]` finite coordinates, image px.
 * @param triangles - `[m x 3]`, indices below n.
 */
export function rasterizeWatertight(raster: Raster, faces: readonly Float32Array[], triangles: Uint32Array): void {
  raster.depth.fill(Number.NEGATIVE_INFINITY);
  const steps = new Int32Array((faces[0].length / 3) * 2);
  faces.forEach((vertices, index) => {
    toSteps(vertices, raster.xMin, raster.yMin, steps);
    fillFace(raster, steps, vertices, triangles, 1 + (index * triangles.length) / 3);
  });
}

/** x and y of the vertices relative to the raster, in steps, interleaved: one cache line per vertex. */
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

function fillFace(
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

    // Minimum and maximum of three without branches: `d & (d >> 31)` is min(d, 0).
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
      fillLarge(raster, steps, vertices, i0, i1, i2, fragment, left, top, right, bottom);
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
function fillLarge(
  raster: Raster,
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
  const [x0, y0, x1, y1, x2, y2] = [i0, i1, i2].flatMap((i) => [steps[i * 2], steps[i * 2 + 1]]);
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
    const end = y * raster.width + right;
    for (let pixel = y * raster.width + left; pixel <= end; pixel++) {
      if (e0 >= 0 && e1 + bias1 >= 0 && e2 + bias2 >= 0) {
        putFragment(raster, pixel, Math.fround(z0 + e1 * dz1 + e2 * dz2), fragment, e1 * scale, e2 * scale);
      }
      e0 += a0 * STEPS;
      e1 += a1 * STEPS;
      e2 += a2 * STEPS;
    }
  }
}

/** Stores a fragment if it is nearer than what is seen there so far. */
function putFragment(
  { fragments, depth, weights1, weights2 }: Raster,
  pixel: number,
  z: number,
  fragment: number,
  weight1: number,
  weight2: number,
): void {
  if (!(z > depth[pixel])) return;
  depth[pixel] = z;
  fragments[pixel] = fragment;
  weights1[pixel] = weight1;
  weights2[pixel] = weight2;
}
