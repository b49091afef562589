/** The lit mesh over the photo. */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { FaceMaps, RgbaImage } from '../types.ts';
import { checkMapsArgument, checkSurfacesArgument } from './check-surface-arguments.ts';
import { interpolate } from './interpolate.ts';
import { vertexNormals } from './normals.ts';
import { newCanvas, type Picture, type PictureOptions } from './picture.ts';
import { rasterize } from './rasterize.ts';
import { forEachSeenPixel } from './seen-pixels.ts';
import { LIGHT_DEFAULTS, type LightOptions, shadeVertices } from './shading.ts';

/** Options of `drawRender`. */
export interface DrawRenderOptions extends PictureOptions, LightOptions {
  /** How much of the photo the mesh hides, 0..1; default 0.6. On black the mesh is opaque unless this is given. */
  readonly opacity?: number;
}

const RENDER_OPTION_NAMES: OptionNames<DrawRenderOptions> = {
  ...LIGHT_DEFAULTS,
  background: true,
  opacity: true,
};

/**
 * Draws the faces' meshes in grey light over the photo.
 * @param faces - per face `[n x 3]`, image px, the dense mesh.
 * @param maps - the mesh's triangles.
 * @param options - with `compatibility: 'upstream'`, matches the original to the pixel: a fresh depth buffer per face,
 *   its pixel rule and its highlight. By default nearer faces lie on top.
 * @returns a new image.
 * @throws RangeError for coordinates that are not finite or do not fit the maps, or an opacity outside 0..1.
 * @see utils/render.py and Sim3DR/lighting.py (3DDFA_V2 1b6c676)
 */
export function drawRender(
  image: RgbaImage,
  faces: readonly Float32Array[],
  maps: Pick<FaceMaps, 'triangles'>,
  options: DrawRenderOptions = {},
): Picture {
  checkOptionNames(options, RENDER_OPTION_NAMES);
  checkSurfacesArgument(faces);
  checkMapsArgument(maps);
  const { background = 'image', opacity = background === 'black' ? 1 : 0.6, ...lighting } = options;
  const { compatibility = 'none' } = lighting;
  if (!(opacity >= 0 && opacity <= 1)) throw new RangeError(`opacity: expected 0..1, got ${opacity}`);
  const { triangles } = maps;
  const canvas = newCanvas(image, background);
  const { data, width, height } = canvas;
  const layers = compatibility === 'upstream' ? faces.map((face) => [face]) : [faces];
  const backgroundShare = Math.fround(1 - opacity);
  const meshShare = Math.fround(opacity);
  const source = background === 'black' ? undefined : image.data;
  for (const layer of layers) {
    const raster = rasterize(layer, triangles, width, height, { compatibility });
    const lights = layer.map((vertices) => shadeVertices(vertices, vertexNormals(vertices, triangles), lighting));
    const light = interpolate(raster, triangles, lights, 1);
    forEachSeenPixel(raster, width, (pixel, target) => {
      const mesh = Math.fround(meshShare * (Math.fround(light[pixel] * 255) | 0));
      if (source === undefined) {
        data[target] = mesh;
        data[target + 1] = mesh;
        data[target + 2] = mesh;
      } else {
        // OpenCV's addWeighted: one float32 rounding of the sum, then to the nearest even byte, as a clamped array does.
        data[target] = Math.fround(source[target] * backgroundShare + mesh);
        data[target + 1] = Math.fround(source[target + 1] * backgroundShare + mesh);
        data[target + 2] = Math.fround(source[target + 2] * backgroundShare + mesh);
      }
    });
  }
  return canvas;
}
