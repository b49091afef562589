import { describe, expect, test } from '@jest/globals';
import { syntheticFace } from '../../development/synthetic-face.ts';
import { interpolate } from '../../src/geometry/interpolate.ts';
import { drawnArea, rasterize } from '../../src/geometry/rasterize.ts';
import { rasterizeWatertight } from '../../src/geometry/rasterize-watertight.ts';
import fc from '../support/property.ts';

const SQUARE = Float32Array.of(2, 2, 1, 2, 8, 1, 8, 8, 1, 8, 2, 1);
const SQUARE_TRIANGLES = Uint32Array.of(0, 1, 2, 0, 2, 3);

/** How many triangles hold each pixel of a 12 x 12 picture: each is rasterised alone. */
function coverCounts(vertices: Float32Array, triangles: Uint32Array, size = 12): Uint8Array {
  const counts = new Uint8Array(size * size);
  for (let t = 0; t < triangles.length; t += 3) {
    const raster = rasterize([vertices], triangles.slice(t, t + 3), size, size);
    raster.fragments.forEach((fragment, pixel) => {
      const x = raster.xMin + (pixel % raster.width);
      const y = raster.yMin + Math.floor(pixel / raster.width);
      if (fragment !== 0) counts[y * size + x] = counts[y * size + x] + 1;
    });
  }
  return counts;
}

describe('watertight rule', () => {
  test('a square covers its top and left edges, not its bottom and right ones, and its diagonal once', () => {
    const counts = coverCounts(SQUARE, SQUARE_TRIANGLES);
    for (let y = 0; y < 12; y++) {
      for (let x = 0; x < 12; x++) {
        expect(counts[y * 12 + x]).toBe(x >= 2 && x < 8 && y >= 2 && y < 8 ? 1 : 0);
      }
    }
  });

  test('a fan of random triangles covers every pixel inside exactly once, whichever way round they go', () => {
    const coordinate = fc.integer({ min: 1 * 16, max: 10 * 16 }).map((value) => value / 16);
    fc.assert(
      fc.property(coordinate, coordinate, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), (x, y, flips) => {
        // The square's four corners and one point inside.
        const vertices = Float32Array.of(1, 1, 0, 1, 10, 0, 10, 10, 0, 10, 1, 0, x, y, 0);
        const triangles = Uint32Array.from(
          [0, 1, 2, 3].flatMap((i) => (flips[i] ? [i, (i + 1) % 4, 4] : [(i + 1) % 4, i, 4])),
        );
        const counts = coverCounts(vertices, triangles);
        for (let py = 1; py < 10; py++) for (let px = 1; px < 10; px++) expect(counts[py * 12 + px]).toBe(1);
      }),
    );
  });

  test('large triangles follow the same rule as small ones', () => {
    const size = 900;
    const vertices = Float32Array.of(0, 0, 0, 0, size, 0, size, size, 0, size, 0, 0, 333.3, 444.4, 0);
    const triangles = Uint32Array.of(0, 1, 4, 1, 2, 4, 2, 3, 4, 3, 0, 4);
    expect(coverCounts(vertices, triangles, size).every((count) => count === 1)).toBe(true);
  });

  test('weights give the pixel back its own position', () => {
    const { vertices, maps } = syntheticFace(40.3, 35.7, 30.1);
    const raster = rasterize([vertices], maps.triangles, 100, 90);
    const positions = interpolate(raster, maps.triangles, [vertices], 3);
    raster.fragments.forEach((fragment, pixel) => {
      if (fragment === 0) return;
      expect(positions[pixel * 3]).toBeCloseTo(raster.xMin + (pixel % raster.width), 1);
      expect(positions[pixel * 3 + 1]).toBeCloseTo(raster.yMin + Math.floor(pixel / raster.width), 1);
      expect(positions[pixel * 3 + 2]).toBeCloseTo(raster.depth[pixel], 3);
    });
  });
});

describe.each(['none', 'upstream'] as const)('compatibility %s', (compatibility) => {
  test('the larger z wins, in whatever order the triangles come', () => {
    const vertices = Float32Array.of(0, 0, 1, 0, 9, 1, 9, 0, 1, 0, 0, 5, 0, 9, 5, 9, 0, 5);
    for (const triangles of [Uint32Array.of(0, 1, 2, 3, 4, 5), Uint32Array.of(3, 4, 5, 0, 1, 2)]) {
      const raster = rasterize([vertices], triangles, 10, 10, { compatibility });
      const pixel = (3 - raster.yMin) * raster.width + 3 - raster.xMin;
      expect(raster.depth[pixel]).toBeCloseTo(5, 5);
      expect(raster.fragments[pixel]).toBe(triangles[0] === 3 ? 1 : 2);
    }
  });

  test('fragments say which face is seen', () => {
    const near = SQUARE.map((value, i) => (i % 3 === 2 ? 7 : value));
    const raster = rasterize([SQUARE, near], SQUARE_TRIANGLES, 12, 12, { compatibility });
    const seen = new Set(raster.fragments);
    seen.delete(0);
    expect([...seen].sort()).toEqual([3, 4]);
    const values = interpolate(raster, SQUARE_TRIANGLES, [new Float32Array(4), new Float32Array(4).fill(1)], 1);
    expect(Math.max(...values)).toBeCloseTo(1, 6);
  });

  test('every pixel of a triangle gets its attribute, the first one too', () => {
    const corner = Float32Array.of(-20, -20, 1, -20, 40, 1, 40, -20, 1);
    const raster = rasterize([corner], Uint32Array.of(0, 1, 2), 8, 8, { compatibility });
    expect(raster.fragments).toEqual(new Int32Array(64).fill(1));
    const values = interpolate(raster, Uint32Array.of(0, 1, 2), [new Float32Array(3).fill(1)], 1);
    for (const value of values) expect(value).toBeCloseTo(1, 5);
  });

  test('nothing to draw gives an empty raster', () => {
    const outside = SQUARE.map((value, i) => (i % 3 === 0 ? value + 1000 : value));
    expect(rasterize([outside], SQUARE_TRIANGLES, 12, 12, { compatibility }).fragments).toHaveLength(0);
    expect(rasterize([], SQUARE_TRIANGLES, 12, 12, { compatibility }).fragments).toHaveLength(0);
    expect(rasterize([SQUARE], new Uint32Array(0), 12, 12, { compatibility }).fragments).toHaveLength(0);
    const line = Float32Array.of(1, 1, 0, 5, 5, 0, 9, 9, 0);
    const raster = rasterize([line], Uint32Array.of(0, 1, 2), 12, 12, { compatibility });
    expect(raster.fragments.every((fragment) => fragment === 0)).toBe(true);
  });

  test('a face that reaches far beyond the picture is cut off at its sides', () => {
    const wide = SQUARE.map((value, i) => (i % 3 === 2 ? value : (value - 5) * 1e6));
    const raster = rasterize([wide], SQUARE_TRIANGLES, 12, 10, { compatibility });
    expect([raster.xMin, raster.yMin, raster.width, raster.height]).toEqual([0, 0, 12, 10]);
    expect(raster.fragments.filter((fragment) => fragment !== 0).length).toBeGreaterThan(100);
  });

  test('any finite triangles are drawn without harm', () => {
    const coordinate = fc.float({
      noNaN: true,
      noDefaultInfinity: true,
      min: Math.fround(-1e30),
      max: Math.fround(1e30),
    });
    fc.assert(
      fc.property(fc.array(coordinate, { minLength: 12, maxLength: 12 }), (coordinates) => {
        const vertices = Float32Array.from(coordinates);
        const raster = rasterize([vertices], Uint32Array.of(0, 1, 2, 3, 2, 1), 20, 10, { compatibility });
        expect(raster.fragments.every((fragment) => fragment >= 0 && fragment <= 2)).toBe(true);
      }),
    );
  });
});

test('what cannot be drawn is refused by name', () => {
  const broken = SQUARE.slice();
  broken[4] = Number.NaN;
  expect(() => rasterize([SQUARE, broken], SQUARE_TRIANGLES, 9, 9)).toThrow(
    'faces[1]: expected finite coordinates, got NaN in point 1',
  );
  expect(() => rasterize([SQUARE, SQUARE.slice(3)], SQUARE_TRIANGLES, 9, 9)).toThrow('faces[1]: expected 4 x 3');
  expect(() => rasterize([SQUARE], Uint32Array.of(0, 1, 4), 9, 9)).toThrow(
    'triangles: expected indices below 4, got 4',
  );
  expect(() => rasterize([SQUARE], Uint32Array.of(0, 1), 9, 9)).toThrow('triangles: expected m x 3 indices, got 2');
});

describe('a pixel beside an edge, by a 256th of a px and less', () => {
  /** The rule in plain JavaScript, which `rasterize` takes where there is no WebAssembly. */
  function plain(face: Float32Array, triangles: Uint32Array, width: number, height: number) {
    const area = drawnArea([face], triangles, width, height);
    const count = area.width * area.height;
    const raster = {
      ...area,
      fragments: new Int32Array(count),
      depth: new Float32Array(count),
      weights1: new Float32Array(count),
      weights2: new Float32Array(count),
      compatibility: 'none' as const,
    };
    rasterizeWatertight(raster, [face], triangles);
    return raster;
  }
  const ORDERS = [
    [0, 1, 2],
    [1, 2, 0],
    [2, 0, 1],
    [0, 2, 1],
    [2, 1, 0],
    [1, 0, 2],
  ];

  /** In which orders of its corners a triangle, in 256ths of a px about pixel (100, 100), covers that pixel. */
  function covering(corners: readonly (readonly [number, number])[]): string[] {
    const found: string[] = [];
    for (const order of ORDERS) {
      const face = Float32Array.from(order.flatMap((k) => [100 + corners[k][0] / 256, 100 + corners[k][1] / 256, 5]));
      for (const [name, fill] of [
        ['plain', plain],
        ['kernel', (...all: Parameters<typeof plain>) => rasterize([all[0]], all[1], all[2], all[3])],
      ] as const) {
        const { fragments, xMin, yMin, width } = fill(face, Uint32Array.of(0, 1, 2), 200, 200);
        if (fragments[(100 - yMin) * width + 100 - xMin] === 1) found.push(`${name} ${order}`);
      }
    }
    return found;
  }

  // An edge through (-n, -1) and (n + d, 1): the pixel lies d / 2 n of a step beside it. Triangles up to 64 px, and larger ones.
  test.each([
    ['small', 3000, 4000],
    ['large', 20_000, 22_000],
  ])('of a %s triangle is inside or outside, whichever way the edge goes', (_size, n, far) => {
    const turns: ((x: number, y: number) => [number, number])[] = [
      (x, y) => [x, y],
      (x, y) => [-y, x],
      (x, y) => [-x, -y],
      (x, y) => [y, -x],
    ];
    for (const turn of turns) {
      for (const side of [1, -1]) {
        const third = turn(0, side * far);
        const edge = (d: number): [number, number][] => [turn(-n, -1), turn(n + d, 1), third];
        // The line passes above the pixel where d is positive, and below it where it is negative.
        const [above, below] = [covering(edge(1)), covering(edge(-1))];
        expect([above.length, below.length].sort()).toEqual([0, 12]);
        expect(above.length > 0).toBe(side > 0);
      }
      // On the edge itself the pixel is of one of the two triangles beside it.
      const on = [1, -1].map((side) => covering([turn(-n, -1), turn(n, 1), turn(0, side * far)]).length);
      expect(on.sort()).toEqual([0, 12]);
    }
  });
});
