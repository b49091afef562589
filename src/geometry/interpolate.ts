import type { Raster } from './raster.ts';

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
