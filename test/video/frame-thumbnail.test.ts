import { expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { gradientImage } from '../../development/synthetic-face.ts';
import { blackFrame, scene, withNoise } from '../../development/video-scene.ts';
import { frameThumbnail, thumbnailDifference } from '../../src/video/frame-thumbnail.ts';

test('a thumbnail tells a cut from noise and from another size of the same picture', () => {
  const picture = gradientImage(320, 180);
  const thumbnail = frameThumbnail(picture);
  expect(thumbnailDifference(thumbnail, thumbnail)).toBe(0);
  expect(thumbnailDifference(thumbnail, frameThumbnail(withNoise(picture, 10, 1)))).toBeLessThan(3);
  expect(thumbnailDifference(thumbnail, frameThumbnail(scene(320, 180, [])))).toBeGreaterThan(25);
  expect(thumbnailDifference(thumbnail, frameThumbnail(blackFrame(320, 180)))).toBeGreaterThan(60);
  const plain = frameThumbnail(scene(320, 180, []));
  expect(thumbnailDifference(plain, frameThumbnail(scene(640, 360, [])))).toBeLessThan(1);
  expect(frameThumbnail(blackFrame(1, 1)).every((value) => value === 0)).toBe(true);
});

test.each([
  [16, 9],
  [64, 36],
  [100, 70],
  [7, 5],
])('each of the 9 x 16 values is the mean grey of 4 x 4 pixels of its cell, %i x %i px', (width, height) => {
  const random = randomNumbers(width);
  const data = Uint8Array.from({ length: width * height * 4 }, () => Math.floor(256 * random()));
  const thumbnail = frameThumbnail({ data, width, height });
  expect(thumbnail).toHaveLength(144);
  for (let row = 0; row < 9; row++) {
    for (let column = 0; column < 16; column++) {
      let sum = 0;
      for (const j of [0.125, 0.375, 0.625, 0.875]) {
        for (const i of [0.125, 0.375, 0.625, 0.875]) {
          const x = Math.floor(((column + i) / 16) * width + 1e-9);
          const y = Math.floor(((row + j) / 9) * height + 1e-9);
          const [red, green, blue] = data.subarray((y * width + x) * 4);
          sum += red / 4 + green / 2 + blue / 4;
        }
      }
      expect(thumbnail[row * 16 + column]).toBeCloseTo(sum / 16, 3);
    }
  }
});

test('frames differ by the mean of what their values differ by', () => {
  expect(thumbnailDifference(Float32Array.of(1, 5, 7, 0), Float32Array.of(4, 3, 7, 1))).toBe((3 + 2 + 0 + 1) / 4);
});
