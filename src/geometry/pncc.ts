/** PNCC: every pixel of a face says which point of the mean face is seen there, as a colour. */
import type { FaceMaps, RgbaImage } from '../types.ts';
import { type Compatibility, newCanvas, type Picture, type PictureOptions } from './picture.ts';
import { interpolate, rasterize } from './rasterize.ts';

/** Options of `drawPncc`. */
export interface DrawPnccOptions extends PictureOptions {
  /**
   * `upstream`: a fresh depth buffer per face, so that later faces lie on top; the original's pixel rule; and x, y, z in blue,
   * green, red as its files have them. Default: nearer faces on top; x, y, z in red, green, blue.
   */
  readonly compatibility?: Compatibility;
}

/**
 * Paints faces with the Projected Normalised Coordinate Code of their vertices.
 * @param faces - per face `[n x 3]`, image px, the dense mesh.
 * @param maps - the mesh's triangles and codes.
 * @returns a new image.
 * @throws RangeError for coordinates that are not finite or do not fit the maps.
 * @see Zhu et al., Face Alignment in Full Pose Range: A 3D Total Solution; utils/pncc.py (3DDFA_V2 1b6c676)
 */
export function drawPncc(
  image: RgbaImage,
  faces: readonly Float32Array[],
  maps: Pick<FaceMaps, 'triangles' | 'nccCodes'>,
  options: DrawPnccOptions = {},
): Picture {
  const { compatibility = 'none' } = options;
  const { triangles, nccCodes } = maps;
  const canvas = newCanvas(image, options.background);
  const { width, height } = canvas;
  // The original's conversion to bytes truncates and wraps; that of a clamped array rounds and clamps.
  const data = compatibility === 'upstream' ? new Uint8Array(canvas.data.buffer) : canvas.data;
  const layers = compatibility === 'upstream' ? faces.map((face) => [face]) : [faces];
  const [red, blue] = compatibility === 'upstream' ? [2, 0] : [0, 2];
  for (const layer of layers) {
    const raster = rasterize(layer, triangles, width, height, { compatibility });
    const codes = interpolate(
      raster,
      triangles,
      layer.map(() => nccCodes),
      3,
    );
    const { fragments } = raster;
    for (let y = 0, source = 0; y < raster.height; y++) {
      let target = ((y + raster.yMin) * width + raster.xMin) * 4;
      for (let x = 0; x < raster.width; x++, source++, target += 4) {
        if (fragments[source] === 0) continue;
        data[target + red] = (codes[source * 3] as number) * 255;
        data[target + 1] = (codes[source * 3 + 1] as number) * 255;
        data[target + blue] = (codes[source * 3 + 2] as number) * 255;
      }
    }
  }
  return canvas;
}
