import type { FaceMaps, RgbaImage } from '../types.ts';
import { interpolate } from './interpolate.ts';
import type { UvTexture } from './picture.ts';
import type { Raster } from './raster.ts';
import { rasterize } from './rasterize.ts';

const upstreamRasters = new WeakMap<FaceMaps, { readonly size: number; readonly raster: Raster }>();

/** The triangles of the original's texels; those for the last requested size are kept. */
function upstreamRaster(maps: FaceMaps, size: number): Raster {
  const known = upstreamRasters.get(maps);
  if (known?.size === size) return known.raster;
  const { uvs, triangles } = maps;
  const count = uvs.length / 2;
  const positions = new Float32Array(count * 3);
  const { fround } = Math;
  for (let i = 0; i < count; i++) {
    positions[i * 3] = uvs[i * 2] * (size - 1);
    positions[i * 3 + 1] = fround(size - fround(uvs[i * 2 + 1] * (size - 1))) - 1;
  }
  const raster = rasterize([positions], triangles, size, size, { compatibility: 'upstream' });
  upstreamRasters.set(maps, { size, raster });
  return raster;
}

/** The original's texture: bilinear colours of the vertices, interpolated; texels of the first triangle that holds them. */
export function extractUpstreamUvTexture(
  image: RgbaImage,
  vertices: Float32Array,
  maps: FaceMaps,
  size: number,
): UvTexture {
  if (maps.uvTriangles !== undefined) {
    throw new RangeError("compatibility: 'upstream' needs one texture coordinate per vertex, got uvTriangles");
  }
  const colours = upstreamColours(image, vertices);
  const raster = upstreamRaster(maps, size);
  const values = interpolate(raster, maps.triangles, [colours], 3);
  const bytes = new Uint8Array(size * size * 4);
  const visibility = new Uint8Array(size * size);
  for (let i = 3; i < bytes.length; i += 4) bytes[i] = 255;
  for (let row = 0, texel = 0; row < raster.height; row++) {
    let at = (row + raster.yMin) * size + raster.xMin;
    for (let column = 0; column < raster.width; column++, texel++, at++) {
      if (raster.fragments[texel] === 0) continue;
      visibility[at] = 255;
      for (let k = 0; k < 3; k++) bytes[at * 4 + k] = Math.fround(values[texel * 3 + k] * 255);
    }
  }
  return { data: new Uint8ClampedArray(bytes.buffer), width: size, height: size, visibility };
}

/** `[n x 3]`, 0..1: the photo's colours at the vertices, as the original interpolates them. */
function upstreamColours(image: RgbaImage, vertices: Float32Array): Float32Array {
  const { data: pixels, width, height } = image;
  const count = vertices.length / 3;
  const colours = new Float32Array(count * 3);
  const clamp = (value: number, max: number): number => Math.min(Math.max(value, 0), max);
  for (let i = 0; i < count; i++) {
    const x = vertices[i * 3];
    const y = vertices[i * 3 + 1];
    // Neighbours are clamped to the image one by one and weights computed afterwards: on and beyond its border they
    // cancel out.
    const x0 = clamp(Math.floor(x), width - 1);
    const x1 = clamp(Math.floor(x) + 1, width - 1);
    const y0 = clamp(Math.floor(y), height - 1);
    const y1 = clamp(Math.floor(y) + 1, height - 1);
    const a = (x1 - x) * (y1 - y);
    const b = (x1 - x) * (y - y0);
    const c = (x - x0) * (y1 - y);
    const d = (x - x0) * (y - y0);
    for (let k = 0; k < 3; k++) {
      colours[i * 3 + k] =
        (a * pixels[(y0 * width + x0) * 4 + k] +
          b * pixels[(y1 * width + x0) * 4 + k] +
          c * pixels[(y0 * width + x1) * 4 + k] +
          d * pixels[(y1 * width + x1) * 4 + k]) /
        255;
    }
  }
  return colours;
}
