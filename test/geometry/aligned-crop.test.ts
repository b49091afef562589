import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { ARCFACE_TEMPLATE, alignedCrop, fivePoints } from '../../src/geometry/aligned-crop.ts';
import type { RgbaImage } from '../../src/types.ts';

type Complex = readonly [re: number, im: number];

/** Landmarks that have five given points: all of an eye's landmarks lie in one place. */
function landmarksAt(points: readonly Complex[]): Float32Array {
  const landmarks = new Float32Array(68 * 3).fill(-7);
  const put = (index: number, [x, y]: Complex): void => landmarks.set([x, y, 1], index * 3);
  for (let i = 36; i < 42; i++) put(i, points[0]);
  for (let i = 42; i < 48; i++) put(i, points[1]);
  put(30, points[2]);
  put(48, points[3]);
  put(54, points[4]);
  return landmarks;
}

/** Of the map z -> f z + t that takes one list of points nearest to another: f = sum(conj(u) p) / sum(|u|^2) about the means. */
function bestMap(from: readonly Complex[], to: readonly Complex[]): { factor: Complex; shift: Complex } {
  const mean = (list: readonly Complex[], part: 0 | 1): number =>
    list.reduce((sum, z) => sum + z[part], 0) / list.length;
  const [ur, ui, pr, pi] = [mean(from, 0), mean(from, 1), mean(to, 0), mean(to, 1)];
  let [re, im, norm] = [0, 0, 0];
  for (const [i, z] of from.entries()) {
    const [a, b, c, d] = [z[0] - ur, z[1] - ui, to[i][0] - pr, to[i][1] - pi];
    re += a * c + b * d;
    im += a * d - b * c;
    norm += a ** 2 + b ** 2;
  }
  const [fr, fi] = [re / norm, im / norm];
  return { factor: [fr, fi], shift: [pr - fr * ur + fi * ui, pi - fr * ui - fi * ur] };
}

describe('a crop', () => {
  const random = randomNumbers(9);
  const [width, height] = [70, 60];
  const data = Uint8Array.from({ length: width * height * 4 }, () => Math.floor(256 * random()));
  const image: RgbaImage = { data, width, height };
  /** The photo, black beyond its borders. */
  const value = (x: number, y: number, channel: number): number =>
    x >= 0 && y >= 0 && x < width && y < height ? data[(y * width + x) * 4 + channel] : 0;

  test.each([
    [
      'a face that stands somewhat askew',
      57,
      [
        [25, 20],
        [44, 27],
        [31, 33],
        [22, 39],
        [37, 44],
      ],
    ],
    [
      'a face as even as can be',
      112,
      [
        [20, 20],
        [50, 20],
        [35, 30],
        [25, 40],
        [45, 40],
      ],
    ],
    [
      'a face upside down and beyond the border',
      31,
      [
        [60, 50],
        [40, 55],
        [48, 40],
        [57, 20],
        [42, 25],
      ],
    ],
    [
      'a face in one pixel',
      1,
      [
        [25, 20],
        [44, 27],
        [31, 33],
        [22, 39],
        [37, 44],
      ],
    ],
  ] as [string, number, Complex[]][])('of %s: between four pixels, each by its share', (_name, size, points) => {
    const { factor, shift } = bestMap(
      ARCFACE_TEMPLATE.map(([x, y]): Complex => [(x * size) / 112, (y * size) / 112]),
      points,
    );
    const crop = alignedCrop(image, landmarksAt(points), { size });
    expect([crop.width, crop.height, crop.data.length]).toEqual([size, size, size * size * 4]);
    let worst = 0;
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const x = factor[0] * column - factor[1] * row + shift[0];
        const y = factor[0] * row + factor[1] * column + shift[1];
        const [left, top] = [Math.floor(x), Math.floor(y)];
        for (let channel = 0; channel < 3; channel++) {
          const mix = (a: number, b: number, share: number): number => a + (b - a) * share;
          const upper = mix(value(left, top, channel), value(left + 1, top, channel), x - left);
          const lower = mix(value(left, top + 1, channel), value(left + 1, top + 1, channel), x - left);
          const found = crop.data[(row * size + column) * 4 + channel];
          worst = Math.max(worst, Math.abs(found - mix(upper, lower, y - top)));
        }
        expect(crop.data[(row * size + column) * 4 + 3]).toBe(255);
      }
    }
    expect(worst).toBeLessThan(0.51);
  });

  test('is not larger than can be of use', () => {
    const face = landmarksAt([
      [20, 20],
      [50, 20],
      [35, 30],
      [25, 40],
      [45, 40],
    ]);
    for (const size of [0, -1, 1.5, 4097, Number.NaN]) {
      expect(() => alignedCrop(image, face, { size })).toThrow(
        `size: expected a whole number from 1 to 4096, got ${size}`,
      );
    }
    const broken = face.slice();
    broken[30 * 3] = Number.POSITIVE_INFINITY;
    expect(() => alignedCrop(image, broken)).toThrow('face: expected landmarks that are apart and finite');
  });
});

test('the five points are the means of the eyes, the tip of the nose and the corners of the mouth', () => {
  const landmarks = Float32Array.from({ length: 204 }, (_, i) => (i * 37) % 101);
  const mean = (first: number, axis: number): number => {
    let sum = 0;
    for (let i = first; i < first + 6; i++) sum += landmarks[3 * i + axis];
    return sum / 6;
  };
  const expected = [
    [mean(36, 0), mean(36, 1)],
    [mean(42, 0), mean(42, 1)],
    ...[30, 48, 54].map((i) => [landmarks[3 * i], landmarks[3 * i + 1]]),
  ];
  for (const [i, point] of fivePoints(landmarks).entries()) {
    expect(point).toHaveLength(2);
    expect(point[0]).toBeCloseTo(expected[i][0], 9);
    expect(point[1]).toBeCloseTo(expected[i][1], 9);
  }
});
