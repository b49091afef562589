import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { geometryWithoutWebAssembly } from '../../../development/bundle-geometry.ts';
import { gradientImage, syntheticFace } from '../../../development/synthetic-face.ts';
import { depthMap } from '../../../src/geometry/depth.ts';
import { sumNormals, vertexNormals } from '../../../src/geometry/normals.ts';
import { drawPncc } from '../../../src/geometry/pncc.ts';
import { drawnArea, rasterize } from '../../../src/geometry/rasterize.ts';
import { rasterizeWatertight } from '../../../src/geometry/rasterize-watertight.ts';
import { drawRender } from '../../../src/geometry/render.ts';
import { SurfaceKernel, surfaceKernel } from '../../../src/geometry/surface-kernel/surface-kernel.ts';
import { extractUvTexture } from '../../../src/geometry/uv-texture.ts';
import { vertexVisibility } from '../../../src/geometry/visibility.ts';
import type { FaceMaps } from '../../../src/types.ts';

const kernel = new SurfaceKernel();
const plain = await geometryWithoutWebAssembly();

/** The bytes of an array, so that zeros with signs and NaN differ too. */
function bytesOf(array: Float32Array | Int32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** Rasterises with both and compares every number. */
function expectSameRaster(faces: readonly Float32Array[], triangles: Uint32Array, width: number, height: number): void {
  const area = drawnArea(faces, triangles, width, height);
  const pixelCount = area.width * area.height;
  if (pixelCount === 0) return;
  const expected = {
    ...area,
    fragments: new Int32Array(pixelCount),
    depth: new Float32Array(pixelCount),
    weights1: new Float32Array(pixelCount),
    weights2: new Float32Array(pixelCount),
    compatibility: 'none',
  } as const;
  rasterizeWatertight(expected, faces, triangles);
  const actual = kernel.rasterize(faces, triangles, area);
  const differing = (['fragments', 'depth', 'weights1', 'weights2'] as const).filter(
    (plane) => !bytesOf(actual[plane]).equals(bytesOf(expected[plane])),
  );
  expect(differing).toEqual([]);
}

const moved = (vertices: Float32Array, scale: number, dx: number, dy: number): Float32Array =>
  vertices.map((value, i) => value * scale + [dx, dy, 0][i % 3]);

describe('rasteriser kernel', () => {
  // From triangles smaller than a pixel, over some of 2 x 2 and more, to those beyond 64 px.
  test.each([0.05, 0.4, 1, 2.7, 9, 40, 300])('a face at scale %f: every number of the plain rasteriser', (scale) => {
    const { vertices, maps } = syntheticFace(50, 50, 40);
    expectSameRaster([moved(vertices, scale, 3.3, 1.7)], maps.triangles, 700, 500);
    // Cut off on every side.
    expectSameRaster([moved(vertices, scale, -50 * scale + 20, -50 * scale + 15)], maps.triangles, 41, 29);
  });

  test('several faces share a depth buffer, and the earlier one wins a tie', () => {
    const { vertices, maps } = syntheticFace(50, 50, 40);
    const nearer = vertices.map((value, i) => (i % 3 === 2 ? value + 3 : value + 11.25));
    expectSameRaster([vertices, nearer, vertices], maps.triangles, 120, 110);
    const { fragments } = kernel.rasterize([vertices, vertices], maps.triangles, {
      xMin: 0,
      yMin: 0,
      width: 100,
      height: 100,
    });
    expect(Math.max(...fragments)).toBeLessThanOrEqual(maps.triangles.length / 3);
  });

  test('any finite triangles', () => {
    const coordinate = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) }),
      fc.integer({ min: -40 * 16, max: 80 * 16 }).map((value) => value / 16),
      fc.integer({ min: -400, max: 800 }),
    );
    const corner = fc.integer({ min: 0, max: 7 });
    fc.assert(
      fc.property(
        fc.array(coordinate, { minLength: 24, maxLength: 24 }),
        fc.array(corner, { minLength: 3, maxLength: 30 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (coordinates, corners, width, height) => {
          const triangles = Uint32Array.from(corners.slice(0, corners.length - (corners.length % 3)));
          expectSameRaster([Float32Array.from(coordinates)], triangles, width, height);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('results are arrays of their own, and meshes may take turns', () => {
    const coarse = syntheticFace(50, 50, 40, 7, 9);
    const fine = syntheticFace(50, 50, 40, 60, 80);
    const area = { xMin: 0, yMin: 0, width: 100, height: 100 };
    const first = kernel.rasterize([coarse.vertices], coarse.maps.triangles, area);
    const copy = first.fragments.slice();
    for (let round = 0; round < 3; round++) {
      expectSameRaster([fine.vertices], fine.maps.triangles, 100, 100);
      expectSameRaster([coarse.vertices], coarse.maps.triangles, 100, 100);
    }
    expect(first.fragments).toEqual(copy);
    expect(first.fragments.buffer.byteLength).toBe(first.fragments.byteLength);
  });

  test('more pixels than are kept in memory', () => {
    const { vertices, maps } = syntheticFace(50, 50, 49);
    expectSameRaster([moved(vertices, 21, 0, 0)], maps.triangles, 2100, 2100);
    expectSameRaster([vertices], maps.triangles, 100, 100);
  });

  test('changes nothing that it is given', () => {
    const { vertices, maps } = syntheticFace(50, 50, 40);
    const before = [vertices.slice(), maps.triangles.slice(), maps.nccCodes.slice()];
    kernel.rasterize([vertices], maps.triangles, { xMin: 0, yMin: 0, width: 100, height: 100 });
    kernel.paint([vertices], maps.triangles, { xMin: 0, yMin: 0, width: 100, height: 100 }, maps.nccCodes);
    kernel.vertexNormals(vertices, maps.triangles, 1, new Float32Array(vertices.length));
    expect([vertices, maps.triangles, maps.nccCodes]).toEqual(before);
  });
});

describe('painting kernel', () => {
  /** Paints with both and compares every byte. */
  function expectSamePncc(faces: readonly Float32Array[], maps: Pick<FaceMaps, 'triangles' | 'nccCodes'>): void {
    const photo = gradientImage(97, 83);
    const expected = plain.drawPncc(photo, faces, maps);
    expect(Buffer.compare(Buffer.from(drawPncc(photo, faces, maps).data), Buffer.from(expected.data))).toBe(0);
  }

  test.each([0.4, 1, 3, 30])('faces at scale %f: every byte of plain JavaScript', (scale) => {
    const { vertices, maps } = syntheticFace(50, 50, 40);
    const codes = maps.nccCodes.map((value, i) => Math.abs(Math.sin(i * 1.7 + value)));
    const nearer = moved(vertices, scale, 9.5, -4).map((value, i) => (i % 3 === 2 ? value + 1 : value));
    expectSamePncc([moved(vertices, scale, 0, 0)], { ...maps, nccCodes: codes });
    expectSamePncc([moved(vertices, scale, 0, 0), nearer], { ...maps, nccCodes: codes });
  });

  test('codes beyond 0..1 are cut off', () => {
    const { vertices, maps } = syntheticFace(50, 40, 30);
    expectSamePncc([vertices], { ...maps, nccCodes: maps.nccCodes.map((value) => value * 9 - 4) });
    expectSamePncc([vertices], { ...maps, nccCodes: maps.nccCodes.map((value) => value * 1e30) });
  });

  test('codes of another mesh are refused', () => {
    const { vertices, maps } = syntheticFace(50, 40, 30);
    const nccCodes = new Float32Array(vertices.length + 3);
    expect(() => drawPncc(gradientImage(97, 83), [vertices], { ...maps, nccCodes })).toThrow(
      'faces[0]: expected 526 x 3',
    );
  });
});

describe('normals kernel', () => {
  test.each(['down', 'up'] as const)('y %s: every bit of the plain ones', (yAxis) => {
    const { vertices, maps } = syntheticFace(50, 50, 40, 33, 37);
    const bumpy = vertices.map((value, i) => value + Math.sin(i * 7.1) * 0.4);
    // A vertex that no triangle has, and one triangle without area.
    const more = Float32Array.from([...bumpy, 1, 2, 3]);
    const triangles = Uint32Array.from([...maps.triangles, 5, 5, 6]);
    const sign = yAxis === 'down' ? 1 : -1;
    const expected = new Float32Array(more.length);
    sumNormals(more, triangles, sign, expected);
    const actual = new Float32Array(more.length);
    kernel.vertexNormals(more, triangles, sign, actual);
    expect(bytesOf(actual).equals(bytesOf(expected))).toBe(true);
  });

  test('any coordinates, also those that are not finite', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 12, maxLength: 12 }), (vertices) => {
        const triangles = Uint32Array.of(0, 1, 2, 3, 2, 1);
        const expected = new Float32Array(12);
        sumNormals(vertices, triangles, 1, expected);
        const actual = new Float32Array(12);
        kernel.vertexNormals(vertices, triangles, 1, actual);
        expect(actual).toEqual(expected);
      }),
    );
  });
});

describe('drawing', () => {
  const image = gradientImage(120, 110);
  const { vertices, maps } = syntheticFace(60, 55, 40);
  const { prototype } = SurfaceKernel;

  /** How often the functions of the kernel were called while `run` ran. */
  function callsDuring(run: () => void): { rasterize: number; paint: number; vertexNormals: number } {
    const spies = {
      rasterize: jest.spyOn(prototype, 'rasterize'),
      paint: jest.spyOn(prototype, 'paint'),
      vertexNormals: jest.spyOn(prototype, 'vertexNormals'),
    };
    try {
      run();
      return {
        rasterize: spies.rasterize.mock.calls.length,
        paint: spies.paint.mock.calls.length,
        vertexNormals: spies.vertexNormals.mock.calls.length,
      };
    } finally {
      jest.restoreAllMocks();
    }
  }

  test('takes the kernel by itself, and always the same one', () => {
    const calls = callsDuring(() => {
      rasterize([vertices], maps.triangles, 120, 110);
      drawPncc(image, [vertices], maps);
      drawRender(image, [vertices], maps);
      vertexNormals(vertices, maps.triangles);
    });
    expect(calls).toEqual({ rasterize: 2, paint: 1, vertexNormals: 2 });
    expect(surfaceKernel()).toBe(surfaceKernel());
  });

  test('leaves it alone where there is nothing to do, for what it cannot do, and for what is wrong', () => {
    const calls = callsDuring(() => {
      rasterize([], maps.triangles, 120, 110);
      rasterize([vertices], new Uint32Array(0), 120, 110);
      rasterize([vertices.map((value) => value + 1e4)], maps.triangles, 120, 110);
      rasterize([vertices], maps.triangles, 120, 110, { compatibility: 'upstream' });
      vertexNormals(new Float32Array(0), new Uint32Array(0));
      expect(() => rasterize([vertices.with(4, Number.NaN)], maps.triangles, 120, 110)).toThrow(RangeError);
      expect(() => rasterize([vertices], Uint32Array.of(0, 1, 1e6), 120, 110)).toThrow(RangeError);
      expect(() => vertexNormals(vertices, Uint32Array.of(0, 1, 1e6))).toThrow(RangeError);
      expect(() => vertexNormals(vertices, maps.triangles, {}, new Float32Array(3))).toThrow(RangeError);
    });
    expect(calls).toEqual({ rasterize: 0, paint: 0, vertexNormals: 0 });
  });

  test('gives the same pictures, to the byte, without WebAssembly', () => {
    const draw = (
      geometry: Pick<typeof plain, 'drawPncc' | 'drawRender' | 'depthMap' | 'extractUvTexture' | 'vertexVisibility'>,
    ) => [
      geometry.drawPncc(image, [vertices], maps).data,
      geometry.drawRender(image, [vertices], maps).data,
      geometry.depthMap(image, [vertices], maps).data,
      geometry.extractUvTexture(image, vertices, maps, { size: 64, hidden: 'mirror' }).data,
      geometry.vertexVisibility(vertices, maps),
    ];
    let withKernel: unknown;
    const calls = callsDuring(() => {
      withKernel = draw({ drawPncc, drawRender, depthMap, extractUvTexture, vertexVisibility });
    });
    expect(calls.rasterize + calls.paint).toBeGreaterThanOrEqual(4);
    let without: unknown;
    expect(
      callsDuring(() => {
        without = draw(plain);
      }),
    ).toEqual({ rasterize: 0, paint: 0, vertexNormals: 0 });
    expect(withKernel).toEqual(without);
  });
});
