import { afterEach, describe, expect, test } from '@jest/globals';
import { gradientImage, syntheticFace } from '../../development/synthetic-face.ts';
import { createSurfaceKernel } from '../../src/engine/kernels/surface.ts';
import { depthMap } from '../../src/geometry/depth.ts';
import { vertexNormals } from '../../src/geometry/normals.ts';
import { drawPncc } from '../../src/geometry/pncc.ts';
import { rasterize } from '../../src/geometry/rasterize.ts';
import { drawRender } from '../../src/geometry/render.ts';
import { installSurfaceKernel } from '../../src/geometry/surface-kernel.ts';
import { extractUvTexture } from '../../src/geometry/uv-texture.ts';
import type { SurfaceKernel } from '../../src/types.ts';

afterEach(() => installSurfaceKernel(undefined));

/** The real kernel, and how often each part of it was asked for. */
function countingKernel(): {
  create: () => SurfaceKernel;
  counts: { created: number; rasters: number; normals: number };
} {
  const counts = { created: 0, rasters: 0, normals: 0 };
  return {
    counts,
    create: () => {
      counts.created++;
      const kernel = createSurfaceKernel();
      return {
        rasterize: (...args) => {
          counts.rasters++;
          return kernel.rasterize(...args);
        },
        paint: (...args) => {
          counts.rasters++;
          return kernel.paint(...args);
        },
        vertexNormals: (...args) => {
          counts.normals++;
          kernel.vertexNormals(...args);
        },
      };
    },
  };
}

describe('a surface kernel', () => {
  const image = gradientImage(120, 110);
  const { vertices, maps } = syntheticFace(60, 55, 40);

  test('is made when it is first needed, once, and used until it is taken out', () => {
    const { create, counts } = countingKernel();
    installSurfaceKernel(create);
    expect(counts.created).toBe(0);
    rasterize([vertices], maps.triangles, 120, 110);
    vertexNormals(vertices, maps.triangles);
    vertexNormals(vertices, maps.triangles);
    expect(counts).toEqual({ created: 1, rasters: 1, normals: 2 });
    installSurfaceKernel(undefined);
    rasterize([vertices], maps.triangles, 120, 110);
    expect(counts.rasters).toBe(1);
  });

  test('is not asked where there is nothing to do, for what it cannot do, or for what is wrong', () => {
    const { create, counts } = countingKernel();
    installSurfaceKernel(create);
    rasterize([], maps.triangles, 120, 110);
    rasterize([vertices], new Uint32Array(0), 120, 110);
    rasterize([vertices.map((value) => value + 1e4)], maps.triangles, 120, 110);
    rasterize([vertices], maps.triangles, 120, 110, { compatibility: 'upstream' });
    vertexNormals(new Float32Array(0), new Uint32Array(0));
    expect(() => rasterize([vertices.with(4, Number.NaN)], maps.triangles, 120, 110)).toThrow(RangeError);
    expect(() => rasterize([vertices], Uint32Array.of(0, 1, 1e6), 120, 110)).toThrow(RangeError);
    expect(() => vertexNormals(vertices, Uint32Array.of(0, 1, 1e6))).toThrow(RangeError);
    expect(() => vertexNormals(vertices, maps.triangles, {}, new Float32Array(3))).toThrow(RangeError);
    expect(counts).toEqual({ created: 0, rasters: 0, normals: 0 });
  });

  test('gives the same pictures to the byte', () => {
    const draw = (): unknown => [
      drawPncc(image, [vertices], maps).data,
      drawRender(image, [vertices], maps).data,
      depthMap(image, [vertices], maps).data,
      extractUvTexture(image, vertices, maps, { size: 64, hidden: 'mirror' }).data,
    ];
    const plain = draw();
    const { create, counts } = countingKernel();
    installSurfaceKernel(create);
    expect(draw()).toEqual(plain);
    expect(counts.rasters).toBeGreaterThanOrEqual(4);
  });
});
