import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { ellipseLandmarks } from '../../development/synthetic-face.ts';
import { blackFrame, withNoise } from '../../development/video-scene.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import type { RgbaImage } from '../../src/types.ts';
import { blendAppearances, faceAppearance, similarity } from '../../src/video/face-appearance.ts';
import { repositoryRoot } from '../support/shared.ts';

describe('faceAppearance', () => {
  let photo: RgbaImage;
  beforeAll(async () => {
    photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  });
  const here = ellipseLandmarks(220, 110, 60);

  test('is like itself, also with noise and in other light', () => {
    const appearance = faceAppearance(photo, here);
    expect(similarity(appearance, appearance)).toBeCloseTo(1, 5);
    expect(similarity(appearance, faceAppearance(withNoise(photo, 10, 1), here))).toBeGreaterThan(0.99);
    const dark = { ...photo, data: photo.data.map((value) => value / 2 + 20) };
    expect(similarity(appearance, faceAppearance(dark, here))).toBeGreaterThan(0.99);
  });

  test('follows the landmarks, not the place', () => {
    const moved = { ...photo, data: new Uint8Array(photo.data.length) };
    for (let y = 0; y < photo.height; y++) {
      const row = photo.data.subarray(y * photo.width * 4, (y + 1) * photo.width * 4 - 80);
      moved.data.set(row, y * photo.width * 4 + 80);
    }
    const appearance = faceAppearance(photo, here);
    expect(similarity(appearance, faceAppearance(moved, ellipseLandmarks(240, 110, 60)))).toBeGreaterThan(0.999);
    expect(similarity(appearance, faceAppearance(moved, here))).toBeLessThan(0.8);
  });

  test('is unlike another place, and black is like nothing', () => {
    const appearance = faceAppearance(photo, here);
    expect(similarity(appearance, faceAppearance(photo, ellipseLandmarks(400, 350, 60)))).toBeLessThan(0.6);
    const black = faceAppearance(blackFrame(photo.width, photo.height), here);
    expect(similarity(appearance, black)).toBe(0);
    expect(similarity(black, black)).toBe(0);
  });

  test('half a face is compared by the half that is seen', () => {
    const whole = faceAppearance(photo, here);
    const cut = faceAppearance(croppedAt(photo, 220), here);
    expect(cut.some((value) => Number.isNaN(value))).toBe(true);
    expect(similarity(whole, cut)).toBeGreaterThan(0.99);
    const elsewhere = faceAppearance(photo, ellipseLandmarks(400, 350, 60));
    expect(similarity(elsewhere, cut)).toBeLessThan(0.6);
    // What is hidden now is remembered.
    const blend = blendAppearances(cut, whole, 0.1);
    expect(blend.every(Number.isFinite)).toBe(true);
    expect(blendAppearances(whole, cut, 0.1).every(Number.isFinite)).toBe(true);
    expect(similarity(blend, whole)).toBeGreaterThan(0.95);
  });

  test('outside the image nothing can be told', () => {
    const outside = faceAppearance(photo, ellipseLandmarks(-500, -500, 60));
    expect(outside.every((value) => Number.isNaN(value))).toBe(true);
    expect(similarity(outside, faceAppearance(photo, here))).toBeNaN();
  });

  test('a blend lies between', () => {
    const one = faceAppearance(photo, here);
    const other = faceAppearance(photo, ellipseLandmarks(300, 300, 60));
    const blend = blendAppearances(one, other, 0.3);
    expect(similarity(blend, blend)).toBeCloseTo(1, 5);
    expect(similarity(blend, one)).toBeGreaterThan(similarity(one, other));
    expect(similarity(blend, one)).toBeGreaterThan(similarity(blend, other));
  });
});

/** The left part of a picture. */
function croppedAt({ data, width, height }: RgbaImage, x: number): RgbaImage {
  const cropped = new Uint8Array(x * height * 4);
  for (let y = 0; y < height; y++) cropped.set(data.subarray(y * width * 4, (y * width + x) * 4), y * x * 4);
  return { data: cropped, width: x, height };
}

describe('in numbers', () => {
  const random = randomNumbers(21);
  const [width, height] = [90, 80];
  const data = Uint8Array.from({ length: width * height * 4 }, () => Math.floor(256 * random()));
  /** Corners of eyes and lips, nose, brows, jaw. */
  const corners = [36, 39, 42, 45, 27, 30, 33, 48, 54, 51, 57, 8, 4, 12, 2, 14, 19, 24, 6, 10];

  /** Mean grey of nine pixels, a fiftieth of the face's size apart; NaN where all are outside. */
  function greyAt(x: number, y: number, apart: number): number {
    const greys: number[] = [];
    for (const dy of [-apart, 0, apart]) {
      for (const dx of [-apart, 0, apart]) {
        const [column, row] = [Math.floor(x + dx), Math.floor(y + dy)];
        if (column < 0 || row < 0 || column >= width || row >= height) continue;
        const [red, green, blue] = data.subarray((row * width + column) * 4);
        greys.push(red / 4 + green / 2 + blue / 4);
      }
    }
    return greys.length === 0 ? Number.NaN : greys.reduce((sum, grey) => sum + grey, 0) / greys.length;
  }

  test.each([
    ['within the picture', 45, 40],
    ['beyond its left and its top', 10, 12],
    ['beyond its right and its bottom', 82, 70],
  ])('an appearance is the normalised greys between corners and at landmarks, %s', (_name, x, y) => {
    // 1.2 times as high as wide: 50 x 60 px.
    const landmarks = ellipseLandmarks(x, y, 25).map((value, i) => (i % 3 === 2 ? 0 : value + 2 * Math.sin(i)));
    const [xs, ys] = [0, 1].map((axis) => [...landmarks].filter((_, i) => i % 3 === axis));
    const size = (Math.max(...xs) - Math.min(...xs) + Math.max(...ys) - Math.min(...ys)) / 2;
    const places: [number, number][] = [];
    for (let i = 0; i < corners.length; i++) {
      for (let j = i + 1; j < corners.length; j++) {
        places.push([(xs[corners[i]] + xs[corners[j]]) / 2, (ys[corners[i]] + ys[corners[j]]) / 2]);
      }
    }
    for (let i = 17; i < 68; i++) places.push([xs[i], ys[i]]);
    const greys = places.map(([px, py]) => greyAt(px, py, size / 50));
    const known = greys.filter((grey) => !Number.isNaN(grey));
    expect(known.length === greys.length).toBe(x === 45);
    const mean = known.reduce((sum, grey) => sum + grey, 0) / known.length;
    const deviation = Math.sqrt(known.reduce((sum, grey) => sum + (grey - mean) ** 2, 0) / known.length);
    const appearance = faceAppearance({ data, width, height }, landmarks);
    expect(appearance).toHaveLength(190 + 51);
    greys.forEach((grey, i) => {
      if (Number.isNaN(grey)) expect(appearance[i]).toBeNaN();
      else expect(appearance[i]).toBeCloseTo((grey - mean) / deviation, 4);
    });
  });

  test('what varies by less than two levels looks like nothing', () => {
    const landmarks = ellipseLandmarks(45, 40, 25);
    const varied = (spread: number): Float32Array => {
      const levels = data.map((value, i) => (i % 4 === 3 ? 255 : 128 + Math.round((value / 255 - 0.5) * spread)));
      return faceAppearance({ data: levels, width, height }, landmarks);
    };
    // Means of nine pixels: measured deviations are about a fifth of the spread over the root of nine and a half.
    expect(varied(4).every((value) => value === 0)).toBe(true);
    expect(varied(100).some((value) => value !== 0)).toBe(true);
    const two = (level: number): Float32Array =>
      faceAppearance(
        { data: data.map((_, i) => (Math.floor((i >> 2) / width) < 40 ? 100 : 100 + level)), width, height },
        landmarks,
      );
    // About half of the places are in the lower half: a deviation of half of the step.
    expect(two(3).every((value) => value === 0)).toBe(true);
    expect(two(6).every((value) => value !== 0)).toBe(true);
  });

  test('likeness is the correlation of what both show, if that is three tenths', () => {
    const one = Float32Array.from({ length: 100 }, () => random() - 0.3);
    const two = one.map((value) => value + random());
    for (const hidden of [0, 20, 69, 70, 71]) {
      const [a, b] = [one.slice(), two.slice()];
      // Some are hidden in one, some in the other.
      for (let i = 0; i < hidden; i++) (i % 2 === 0 ? a : b)[i] = Number.NaN;
      const pairs = [...one].map((value, i) => [value, two[i]]).slice(hidden);
      const [meanA, meanB] = [0, 1].map((k) => pairs.reduce((sum, pair) => sum + pair[k], 0) / pairs.length);
      const sumOf = (f: (pair: number[]) => number): number => pairs.reduce((sum, pair) => sum + f(pair), 0);
      const covariance = sumOf(([u, v]) => (u - meanA) * (v - meanB));
      const expected = covariance / Math.sqrt(sumOf(([u]) => (u - meanA) ** 2) * sumOf(([, v]) => (v - meanB) ** 2));
      if (hidden > 70) expect(similarity(a, b)).toBeNaN();
      else expect(similarity(a, b)).toBeCloseTo(expected, 5);
    }
  });

  test('a blend has its share of each, and what one of them hides of the other', () => {
    const [one, two] = [Float32Array.of(1, -1, 2, NaN, NaN), Float32Array.of(3, 1, NaN, -2, NaN)];
    const mixed = [1.5, -0.5, 2, -2];
    const mean = 0.25;
    const deviation = Math.sqrt(mixed.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4);
    const blend = blendAppearances(one, two, 0.25);
    mixed.forEach((value, i) => {
      expect(blend[i]).toBeCloseTo((value - mean) / deviation, 6);
    });
    expect(blend[4]).toBeNaN();
    expect([...one]).toEqual([1, -1, 2, NaN, NaN]);
  });
});
