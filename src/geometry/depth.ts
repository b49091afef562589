/** Depth of faces as a picture and as data. z is in image px under weak perspective: relative within a face, not metric. */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { FaceMaps, RgbaImage } from '../types.ts';
import { checkMapsArgument, checkSurfacesArgument } from './check-surface-arguments.ts';
import { interpolate } from './interpolate.ts';
import { type Compatibility, newCanvas, type Picture, type PictureOptions } from './picture.ts';
import { rasterize } from './rasterize.ts';
import { forEachSeenPixel } from './seen-pixels.ts';

/** Options of `drawDepth`. */
export interface DrawDepthOptions extends PictureOptions {
  /** `upstream`: a fresh depth buffer per face, so that later faces lie on top, and the original's pixel rule. */
  readonly compatibility?: Compatibility;
}

const DEPTH_OPTION_NAMES: OptionNames<DrawDepthOptions> = { background: true, compatibility: true };

/** Depth of the nearest face at every pixel. */
export interface DepthMap {
  /** `[height x width]`: z in px, larger = nearer; NaN where there is no face. */
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Largest and smallest z in `data`; both 0 if there is no face at all. */
  readonly near: number;
  readonly far: number;
}

/**
 * Draws each face in grey by depth, from black at its farthest vertex to white at its nearest.
 * @param faces - per face `[n x 3]`, image px, the dense mesh.
 * @returns a new image.
 * @throws RangeError for coordinates that are not finite or do not fit the maps.
 * @see utils/depth.py (3DDFA_V2 1b6c676)
 */
export function drawDepth(
  image: RgbaImage,
  faces: readonly Float32Array[],
  maps: Pick<FaceMaps, 'triangles'>,
  options: DrawDepthOptions = {},
): Picture {
  checkOptionNames(options, DEPTH_OPTION_NAMES);
  checkSurfacesArgument(faces);
  checkMapsArgument(maps);
  const { compatibility = 'none' } = options;
  const { triangles } = maps;
  const canvas = newCanvas(image, options.background);
  const { width, height } = canvas;
  // The original's conversion to bytes truncates; a clamped array's rounds.
  const data = compatibility === 'upstream' ? new Uint8Array(canvas.data.buffer) : canvas.data;
  const layers = compatibility === 'upstream' ? faces.map((face) => [face]) : [faces];
  for (const layer of layers) {
    const raster = rasterize(layer, triangles, width, height, { compatibility });
    const depths = interpolate(raster, triangles, layer.map(relativeDepths), 1);
    forEachSeenPixel(raster, width, (pixel, target) => {
      const value = Math.fround(depths[pixel] * 255);
      data[target] = value;
      data[target + 1] = value;
      data[target + 2] = value;
    });
  }
  return canvas;
}

/** z of vertices shifted and scaled to 0..1, in float32 steps; a flat face is all 1. */
function relativeDepths(vertices: Float32Array): Float32Array {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 2; i < vertices.length; i += 3) {
    const z = vertices[i];
    if (z < min) min = z;
    if (z > max) max = z;
  }
  const range = Math.fround(max - min);
  const depths = new Float32Array(vertices.length / 3).fill(1);
  if (range > 0) {
    for (let i = 0; i < depths.length; i++) depths[i] = Math.fround(vertices[i * 3 + 2] - min) / range;
  }
  return depths;
}

/**
 * Depth of faces as numbers.
 * @param size - of the image that the coordinates refer to.
 * @param faces - per face `[n x 3]`, image px, the dense mesh. Each face has its own zero (its farthest vertex); where two
 *   faces overlap, the larger z wins.
 * @throws RangeError for coordinates that are not finite or do not fit the maps.
 */
export function depthMap(
  size: { readonly width: number; readonly height: number },
  faces: readonly Float32Array[],
  maps: Pick<FaceMaps, 'triangles'>,
): DepthMap {
  checkSurfacesArgument(faces);
  checkMapsArgument(maps);
  const { width, height } = size;
  const raster = rasterize(faces, maps.triangles, width, height);
  const data = new Float32Array(width * height).fill(Number.NaN);
  let near = Number.NEGATIVE_INFINITY;
  let far = Number.POSITIVE_INFINITY;
  for (let y = 0, pixel = 0; y < raster.height; y++) {
    let target = (y + raster.yMin) * width + raster.xMin;
    for (let x = 0; x < raster.width; x++, pixel++, target++) {
      if (raster.fragments[pixel] === 0) continue;
      const z = raster.depth[pixel];
      data[target] = z;
      if (z > near) near = z;
      if (z < far) far = z;
    }
  }
  return near < far ? { data, width, height, near: 0, far: 0 } : { data, width, height, near, far };
}

/**
 * A depth map in 16 bits, for a grey 16-bit PNG: 0 where there is no face, 1 at `far`, 65535 at `near`, linear between.
 * @returns `[height x width]`; `far + (value - 1) / 65534 * (near - far)` gives z back to within half a step.
 */
export function toDepth16({ data, near, far }: DepthMap): Uint16Array {
  const scale = near > far ? 65534 / (near - far) : 0;
  const values = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const z = data[i];
    if (!Number.isNaN(z)) values[i] = scale === 0 ? 65535 : Math.round((z - far) * scale) + 1;
  }
  return values;
}
