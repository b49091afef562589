/** Pixels of random triangles, and the original's texture, against double precision and plain loops. */
import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { rasterize } from '../../src/geometry/rasterize.ts';
import { rasterizeWatertight } from '../../src/geometry/rasterize-watertight.ts';
import { extractUvTexture } from '../../src/geometry/uv-texture.ts';

const [WIDTH, HEIGHT] = [60, 50];
/** Places so near to an edge, or depths so near to each other, are left to rounding. */
const NEAR = 2e-3;

interface Hit {
  readonly fragment: number;
  readonly depth: number;
  /** Of the triangle's three corners. */
  readonly weights: readonly [number, number, number];
}

/** Which parts a place has of a triangle's corners; undefined for one without an area. */
function weightsAt(
  corners: readonly (readonly number[])[],
  x: number,
  y: number,
): [number, number, number] | undefined {
  const [[ax, ay], [bx, by], [cx, cy]] = corners;
  const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  if (area === 0) return undefined;
  const second = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area;
  const third = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area;
  return [1 - second - third, second, third];
}

interface Corners {
  readonly fragment: number;
  readonly corners: readonly (readonly number[])[];
}

function cornersOf(faces: readonly Float32Array[], triangles: Uint32Array): Corners[] {
  return faces.flatMap((vertices, face) =>
    Array.from({ length: triangles.length / 3 }, (_, t) => ({
      fragment: 1 + face * (triangles.length / 3) + t,
      corners: [0, 1, 2].map((k) => [...vertices.subarray(3 * triangles[3 * t + k], 3 * triangles[3 * t + k] + 3)]),
    })),
  );
}

/** What is seen in a pixel, by looking at all triangles; undefined where rounding decides. */
function seenAt(all: readonly Corners[], x: number, y: number): Hit | 'nothing' | undefined {
  let best: Hit | undefined;
  for (const { corners, fragment } of all) {
    const weights = weightsAt(corners, x, y);
    if (weights === undefined || Math.min(...weights) < -NEAR) continue;
    if (Math.min(...weights) < NEAR) return undefined;
    const depth = weights[0] * corners[0][2] + weights[1] * corners[1][2] + weights[2] * corners[2][2];
    if (best !== undefined && Math.abs(depth - best.depth) < 0.01) return undefined;
    if (best === undefined || depth > best.depth) best = { fragment, depth, weights };
  }
  return best ?? 'nothing';
}

describe.each(['none', 'plain', 'upstream'] as const)('pixels of triangles anywhere, by rule %s', (rule) => {
  test.each([1, 2])('are those of whatever is in front, seed %i', (seed) => {
    const random = randomNumbers(seed);
    /** Coordinates are multiples of 1/256 px, which is what the rule without holes rounds to. */
    const coordinate = (from: number, to: number): number => Math.round(256 * (from + (to - from) * random())) / 256;
    // Few large ones, of which some reach beyond the picture, or many small ones.
    const [count, reach] = seed % 2 === 0 ? [3, 60] : [14, 12];
    const triangles = Uint32Array.from({ length: 3 * count }, (_, i) => i);
    const faces = [0, 1].map(() => {
      const vertices = new Float32Array(9 * count);
      for (let t = 0; t < count; t++) {
        const [x, y] = [coordinate(5, 55), coordinate(5, 45)];
        for (let k = 0; k < 3; k++) {
          const place = [x + coordinate(-reach, reach), y + coordinate(-reach, reach), coordinate(-20, 20)];
          vertices.set(place, 9 * t + 3 * k);
        }
      }
      return vertices;
    });
    const raster = rasterize(faces, triangles, WIDTH, HEIGHT, rule === 'upstream' ? { compatibility: rule } : {});
    if (rule === 'plain') {
      // Without the kernel that `rasterize` has in Node.
      for (const array of [raster.fragments, raster.depth, raster.weights1, raster.weights2]) array.fill(0);
      rasterizeWatertight(raster, faces, triangles);
    }
    const all = cornersOf(faces, triangles);
    let checked = 0;
    const wrong: unknown[] = [];
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const expected = seenAt(all, x, y);
        if (expected === undefined) continue;
        checked++;
        const [column, row] = [x - raster.xMin, y - raster.yMin];
        const isWithin = column >= 0 && row >= 0 && column < raster.width && row < raster.height;
        const pixel = row * raster.width + column;
        const fragment = isWithin ? raster.fragments[pixel] : 0;
        if (expected === 'nothing') {
          if (fragment !== 0) wrong.push({ x, y, fragment });
          continue;
        }
        const { weights, depth } = expected;
        const off = Math.max(
          10 * Math.abs(fragment - expected.fragment),
          Math.abs(raster.depth[pixel] - depth),
          Math.abs(raster.weights1[pixel] - weights[1]),
          Math.abs(raster.weights2[pixel] - weights[rule === 'upstream' ? 0 : 2]),
        );
        if (!(off < 1e-3)) wrong.push({ x, y, fragment, expected, off });
      }
    }
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThan(0.8 * WIDTH * HEIGHT);
  });
});

describe("the original's texture", () => {
  const random = randomNumbers(8);
  const [width, height] = [12, 9];
  const data = Uint8Array.from({ length: width * height * 4 }, () => Math.floor(256 * random()));
  const image = { data, width, height };
  const size = 40;
  // Two triangles that fill most of the texture, and one apart.
  const uvs = Float32Array.of(0.05, 0.1, 0.9, 0.02, 0.97, 0.55, 0.1, 0.5, 0.2, 0.7, 0.8, 0.75, 0.4, 0.98);
  const triangles = Uint32Array.of(0, 1, 2, 0, 2, 3, 4, 5, 6);
  const maps = { triangles, uvs, nccCodes: new Float32Array(21) };
  const vertices = Float32Array.of(
    ...[1.25, 2.5, 0, 7.75, 0.5, 0, 10.5, 6.25, 0, 3, 7.25, 0],
    // On the last column, beyond the left side and below: they have no colour.
    ...[11, 4, 0, -2.5, 3, 0, 4, 20.5, 0],
  );

  /** Red, green and blue at a place, 0..255, between four pixels. */
  function colourAt(x: number, y: number): number[] {
    if (x < 0 || y < 0 || x >= width - 1 || y >= height - 1) return [0, 0, 0];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [across, down] = [x - left, y - top];
    return [0, 1, 2].map((k) => {
      const at = (column: number, row: number): number => data[(row * width + column) * 4 + k];
      return (
        (1 - down) * ((1 - across) * at(left, top) + across * at(left + 1, top)) +
        down * ((1 - across) * at(left, top + 1) + across * at(left + 1, top + 1))
      );
    });
  }

  test('has the colours of vertices, mixed within each triangle and cut to whole levels', () => {
    const texture = extractUvTexture(image, vertices, maps, { size, compatibility: 'upstream' });
    const colours = Array.from({ length: 7 }, (_, i) => colourAt(vertices[3 * i], vertices[3 * i + 1]));
    const places = colours.map((_, i) => [uvs[2 * i] * (size - 1), size - uvs[2 * i + 1] * (size - 1) - 1]);
    const wrong: unknown[] = [];
    let count = 0;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        let expected: readonly number[] | undefined = [0, 0, 0];
        let isSkin = false;
        for (let t = 0; t < triangles.length; t += 3) {
          const corners = [...triangles.subarray(t, t + 3)];
          const weights = weightsAt(
            corners.map((vertex) => places[vertex]),
            x,
            y,
          );
          if (weights === undefined || Math.min(...weights) < -NEAR) continue;
          if (Math.min(...weights) < NEAR) {
            expected = undefined;
            break;
          }
          isSkin = true;
          expected = [0, 1, 2].map((k) => weights.reduce((sum, part, i) => sum + part * colours[corners[i]][k], 0));
        }
        if (expected === undefined) continue;
        const at = y * size + x;
        const [red, green, blue, alpha] = texture.data.subarray(4 * at, 4 * at + 4);
        // Whole levels may be cut to the one below.
        const isRight = [red, green, blue].every(
          (level, k) => level >= Math.floor(expected[k] - 0.01) && level <= Math.floor(expected[k] + 0.01),
        );
        if (!isRight || alpha !== 255 || texture.visibility[at] !== (isSkin ? 255 : 0))
          wrong.push([x, y, red, expected]);
        if (isSkin) count++;
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(500);
  });

  test('is as large as is asked for, one size after the other', () => {
    for (const side of [size, 20, 20, size]) {
      const own = extractUvTexture(image, vertices, maps, { size: side, compatibility: 'upstream' });
      const fresh = extractUvTexture(image, vertices, { ...maps }, { size: side, compatibility: 'upstream' });
      expect([own.width, own.height]).toEqual([side, side]);
      expect(own.data).toEqual(fresh.data);
    }
  });
});
