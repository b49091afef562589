import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
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
