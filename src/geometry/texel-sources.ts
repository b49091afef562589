import type { FaceMaps } from '../types.ts';
import { mouthPatch } from './mesh-holes.ts';
import type { Raster } from './raster.ts';
import { rasterize } from './rasterize.ts';

/** Which vertices make up each texel of a texture, texel by texel, so that it is read from front to back. */
export interface TexelSources {
  /** `[k]`: covered texels, ascending. */
  readonly texels: Uint32Array;
  /** `[k x 3]`: vertices at the corners of the triangle that covers each. */
  readonly vertices: Uint32Array;
  /** `[k x 2]`: weights of the second and the third corner. */
  readonly weights: Float32Array;
}

const kept = new WeakMap<FaceMaps, Map<string, TexelSources>>();
/** Textures kept per maps; the oldest is dropped first. */
const MAX_KEPT = 4;
/** Textures up to this many texels wide are kept: 20 bytes per texel. */
const MAX_KEPT_SIZE = 1024;

/** The sources of a texture's texels, cached if requested before. */
export function texelSources(maps: FaceMaps, mouth: 'open' | 'closed', size: number): TexelSources {
  const known = kept.get(maps) ?? new Map<string, TexelSources>();
  kept.set(maps, known);
  const key = `${size} ${mouth}`;
  let sources = known.get(key);
  if (sources === undefined) {
    const { uvs, triangles, uvTriangles = triangles } = mouth === 'closed' ? mouthPatch(maps).closed : maps;
    const positions = new Float32Array((uvs.length / 2) * 3);
    for (let i = 0, j = 0; i < uvs.length; i += 2, j += 3) {
      positions[j] = uvs[i] * size - 0.5;
      positions[j + 1] = (1 - uvs[i + 1]) * size - 0.5;
    }
    sources = listSources(rasterize([positions], uvTriangles, size, size), triangles, size);
    if (size <= MAX_KEPT_SIZE) {
      const [oldest] = known.keys();
      if (known.size >= MAX_KEPT && oldest !== undefined) known.delete(oldest);
      known.set(key, sources);
    }
  }
  return sources;
}

function listSources(raster: Raster, triangles: Uint32Array, size: number): TexelSources {
  const { fragments, weights1, weights2 } = raster;
  let count = 0;
  for (let i = 0; i < fragments.length; i++) if (fragments[i] !== 0) count++;
  const texels = new Uint32Array(count);
  const vertices = new Uint32Array(count * 3);
  const weights = new Float32Array(count * 2);
  for (let row = 0, i = 0, k = 0; row < raster.height; row++) {
    const first = (row + raster.yMin) * size + raster.xMin;
    for (let column = 0; column < raster.width; column++, i++) {
      const fragment = fragments[i];
      if (fragment === 0) continue;
      texels[k] = first + column;
      for (let corner = 0; corner < 3; corner++) {
        vertices[k * 3 + corner] = triangles[(fragment - 1) * 3 + corner];
      }
      weights[k * 2] = weights1[i];
      weights[k * 2 + 1] = weights2[i];
      k++;
    }
  }
  return { texels, vertices, weights };
}
