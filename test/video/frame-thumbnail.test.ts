import { expect, test } from '@jest/globals';
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
