/** Where faces are, pixel by pixel, and how to hide them. */

import { checkImageArgument, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { FaceMaps, RgbaImage } from '../types.ts';
import { checkMapsArgument, checkSurfacesArgument } from './check-surface-arguments.ts';
import { withClosedMouth } from './mesh.ts';
import { newCanvas, type Picture } from './picture.ts';
import { rasterize } from './rasterize.ts';

/** Pixels of faces. */
export interface FaceMask {
  /** `[height x width]`: 255 where a face is seen, 0 elsewhere. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * The pixels that the meshes of faces cover, the mouth included.
 * @param size - of the photo that the coordinates refer to.
 * @param faces - per face its dense vertices `[n x 3]`, image px.
 * @param maps - of the aligner.
 * @returns a new mask of the photo's size.
 * @throws RangeError for coordinates that are not finite or do not fit the maps.
 */
export function faceMask(
  { width, height }: { readonly width: number; readonly height: number },
  faces: readonly Float32Array[],
  maps: FaceMaps,
): FaceMask {
  checkSurfacesArgument(faces);
  checkMapsArgument(maps);
  const mask = new Uint8Array(width * height);
  const raster = rasterize(faces, withClosedMouth(maps).triangles, width, height);
  for (let y = 0, pixel = 0; y < raster.height; y++) {
    let at = (y + raster.yMin) * width + raster.xMin;
    for (let x = 0; x < raster.width; x++, pixel++, at++) if (raster.fragments[pixel] !== 0) mask[at] = 255;
  }
  return { data: mask, width, height };
}

/** Options of {@link hideFaces}. */
export interface HideFacesOptions {
  /** `blur`, the default, `pixelate`, or `black`. */
  readonly how?: 'blur' | 'pixelate' | 'black';
  /**
   * How coarse: blocks or blurred spots across a face's width. Default 8; more than 12 may leave the face recognisable.
   */
  readonly detail?: number;
}

const HIDE_OPTION_NAMES: OptionNames<HideFacesOptions> = { how: true, detail: true };
const DEFAULT_DETAIL = 8;

/**
 * Makes faces unrecognisable: their pixels become the means of square blocks (`pixelate`), means that blend into each
 * other (`blur`), or black.
 * @param faces - per face its dense vertices `[n x 3]`, image px; the mesh ends at the hairline and the ears.
 * @returns a new picture; all pixels outside the faces are those of the photo.
 * @throws RangeError or TypeError for an invalid option, or what `faceMask` throws.
 */
export function hideFaces(
  image: RgbaImage,
  faces: readonly Float32Array[],
  maps: FaceMaps,
  options: HideFacesOptions = {},
): Picture {
  checkImageArgument(image);
  checkOptionNames(options, HIDE_OPTION_NAMES);
  checkSurfacesArgument(faces);
  checkMapsArgument(maps);
  const { how = 'blur', detail = DEFAULT_DETAIL } = options;
  if (!['blur', 'pixelate', 'black'].includes(how)) {
    throw new TypeError(`how: expected 'blur', 'pixelate' or 'black', got '${String(how)}'`);
  }
  if (!(detail >= 1 && detail <= 100)) throw new RangeError(`detail: expected a number from 1 to 100, got ${detail}`);
  const canvas = newCanvas(image);
  const { data, width, height } = canvas;
  for (const vertices of faces) {
    const mask = faceMask(image, [vertices], maps);
    const block = Math.max(1, widthOf(vertices) / detail);
    const means = blockMeans(image, block);
    for (let y = 0, pixel = 0; y < height; y++) {
      for (let x = 0; x < width; x++, pixel++) {
        if (mask.data[pixel] === 0) continue;
        for (let channel = 0; channel < 3; channel++) {
          data[pixel * 4 + channel] = how === 'black' ? 0 : means(x, y, channel, how === 'blur');
        }
      }
    }
  }
  return canvas;
}

function widthOf(vertices: Float32Array): number {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < vertices.length; i += 3) {
    low = Math.min(low, vertices[i]);
    high = Math.max(high, vertices[i]);
  }
  return high - low;
}

/** Means of the image's blocks, as steps or with linear transitions from centre to centre. */
function blockMeans({ data, width, height }: RgbaImage, block: number) {
  const columns = Math.ceil(width / block);
  const rows = Math.ceil(height / block);
  const sums = new Float64Array(columns * rows * 4);
  for (let y = 0, pixel = 0; y < height; y++) {
    const row = Math.floor(y / block);
    for (let x = 0; x < width; x++, pixel += 4) {
      const at = (row * columns + Math.floor(x / block)) * 4;
      for (let channel = 0; channel < 3; channel++) sums[at + channel] += data[pixel + channel];
      sums[at + 3]++;
    }
  }
  const mean = (column: number, row: number, channel: number): number => {
    const x = Math.min(Math.max(column, 0), columns - 1);
    const at = (Math.min(Math.max(row, 0), rows - 1) * columns + x) * 4;
    return sums[at + channel] / sums[at + 3];
  };
  return (x: number, y: number, channel: number, isSmooth: boolean): number => {
    if (!isSmooth) return mean(Math.floor(x / block), Math.floor(y / block), channel);
    const u = (x + 0.5) / block - 0.5;
    const v = (y + 0.5) / block - 0.5;
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const [right, bottom] = [u - column, v - row];
    const top = mean(column, row, channel) * (1 - right) + mean(column + 1, row, channel) * right;
    const low = mean(column, row + 1, channel) * (1 - right) + mean(column + 1, row + 1, channel) * right;
    return top * (1 - bottom) + low * bottom;
  };
}
