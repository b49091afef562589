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

  test('outside the image is black', () => {
    expect(faceAppearance(photo, ellipseLandmarks(-500, -500, 60)).every((value) => value === 0)).toBe(true);
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
