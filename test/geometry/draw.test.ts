import { describe, expect, test } from '@jest/globals';
import { referenceNames } from '../../development/reference.ts';
import { referenceFaces, referencePicture } from '../../development/reference-faces.ts';
import { ellipseLandmarks, gradientImage } from '../../development/synthetic-face.ts';
import { drawBoxes, drawLandmarks, drawPoints, drawPose } from '../../src/geometry/draw.ts';
import type { Picture } from '../../src/geometry/picture.ts';
import { poseBox } from '../../src/geometry/pose-box.ts';
import { textWidth } from '../../src/geometry/stroke-font.ts';
import type { RgbaImage } from '../../src/types.ts';
import { describeWithShared } from '../support/shared.ts';

const FRONTAL = Float32Array.of(4e-4, 0, 0, 60, 0, 4e-4, 0, 60, 0, 0, 4e-4, -60);

function changedPixels(picture: Picture, image: RgbaImage): number {
  let count = 0;
  for (let i = 0; i < picture.data.length; i += 4) {
    if (
      picture.data[i] !== image.data[i] ||
      picture.data[i + 1] !== image.data[i + 1] ||
      picture.data[i + 2] !== image.data[i + 2]
    ) {
      count++;
    }
  }
  return count;
}

function pixel(image: RgbaImage, x: number, y: number): number[] {
  return [...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 3)];
}

const pictures: [string, (image: RgbaImage, points: Float32Array, background?: 'image' | 'black') => Picture][] = [
  ['landmarks', (image, points, background = 'image') => drawLandmarks(image, [points], { background })],
  ['points', (image, points, background = 'image') => drawPoints(image, [points], { background, every: 1 })],
  [
    'boxes',
    (image, [x = 0, y = 0], background = 'image') =>
      drawBoxes(image, [{ xMin: x, yMin: y, xMax: x + 50, yMax: y + 50, score: 0.9 }], { background }),
  ],
  [
    'pose',
    (image, landmarks, background = 'image') =>
      drawPose(image, [{ params: FRONTAL, landmarks, label: 'yaw 0.0°' }], { background }),
  ],
];

describe.each(pictures)('%s', (_name, draw) => {
  const landmarks = ellipseLandmarks(60, 60, 30);

  test('leaves the image and the face as they were', () => {
    const image = gradientImage(120, 100);
    const imageBefore = image.data.slice();
    const landmarksBefore = landmarks.slice();
    const picture = draw(image, landmarks);
    expect(image.data).toEqual(imageBefore);
    expect(landmarks).toEqual(landmarksBefore);
    expect(picture.data.buffer).not.toBe(image.data.buffer);
    expect(changedPixels(picture, image)).toBeGreaterThan(100);
  });

  test('keeps the size, and is opaque', () => {
    const clear = { data: new Uint8Array(120 * 100 * 4), width: 120, height: 100 };
    const picture = draw(clear, landmarks);
    expect([picture.width, picture.height]).toEqual([120, 100]);
    expect(picture.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
  });

  test('draws nothing for a face outside the image, and the part that is inside', () => {
    const image = gradientImage(120, 100);
    expect(changedPixels(draw(image, ellipseLandmarks(-500, 4000, 30)), image)).toBe(0);
    const half = changedPixels(draw(image, ellipseLandmarks(60, 95, 30)), image);
    expect(half).toBeGreaterThan(20);
    expect(half).toBeLessThan(changedPixels(draw(image, landmarks), image));
  });

  test('leaves the photo out on black', () => {
    const image = gradientImage(120, 100);
    const picture = draw(image, landmarks, 'black');
    expect(pixel(picture, 119, 99)).toEqual([0, 0, 0]);
    expect(changedPixels(picture, { ...image, data: new Uint8Array(image.data.length) })).toBeGreaterThan(100);
  });

  test('rejects coordinates that are not finite and images of the wrong size', () => {
    const image = gradientImage(120, 100);
    const broken = landmarks.slice();
    broken[0] = Number.NaN;
    expect(() => draw(image, broken)).toThrow(RangeError);
    expect(() => draw({ ...image, width: 121 }, landmarks)).toThrow('image.data: expected 48400 bytes');
  });
});

test.each([100, 1000, 4000])(
  'an image %i px wide is drawn on as much as any other when both are shown at one size',
  (size) => {
    const image = { data: new Uint8Array(size * size * 4), width: size, height: size };
    const share =
      changedPixels(drawLandmarks(image, [ellipseLandmarks(size / 2, size / 2, size / 4)]), image) / size ** 2;
    expect(share).toBeGreaterThan(0.0025);
    expect(share).toBeLessThan(0.16);
  },
);

test('no face gives the photo', () => {
  const image = gradientImage(30, 20);
  expect(changedPixels(drawLandmarks(image, []), image)).toBe(0);
});

test('a face of another number of landmarks is refused by name', () => {
  expect(() => drawLandmarks(gradientImage(9, 9), [new Float32Array(12)])).toThrow(
    'faces[0]: expected 68 x 3 coordinates, got 12',
  );
});

test('a rotation of zeros has no pose', () => {
  const face = { params: new Float32Array(62), landmarks: ellipseLandmarks(5, 5, 4) };
  expect(() => drawPose(gradientImage(9, 9), [face])).toThrow(RangeError);
});

test('lines are anti-aliased and centred on whole coordinates', () => {
  const image = { data: new Uint8Array(40 * 40 * 4), width: 40, height: 40 };
  const box = { xMin: 10, yMin: 10, xMax: 30.5, yMax: 30 };
  const picture = drawBoxes(image, [box], { lineWidth: 1, colour: [200, 100, 50] });
  expect(pixel(picture, 10, 20)).toEqual([200, 100, 50]);
  expect(pixel(picture, 9, 20)).toEqual([0, 0, 0]);
  expect(pixel(picture, 30, 20)).toEqual([100, 50, 25]);
  expect(pixel(picture, 31, 20)).toEqual([100, 50, 25]);
});

test('the box of a frontal head is two upright squares', () => {
  const { corners, origin } = poseBox(FRONTAL, ellipseLandmarks(100, 100, 50));
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0] = corners;
  expect(x0).toBeCloseTo(x1, 4);
  expect(y1).toBeCloseTo(y2, 4);
  expect(x2 - x1).toBeCloseTo(y0 - y1, 3);
  expect((x0 + x2) / 2).toBeCloseTo(origin[0], 3);
});

describeWithShared('against the original', () => {
  test.each(referenceNames)("pose box corners of %s are within 1 px of the original's", (name) => {
    const target = referencePicture(name, 'pose');
    const isLine = (x: number, y: number): boolean => {
      const [red = 0, green = 0, blue = 0] = pixel(target, x, y);
      return red < 60 && green > 200 && blue < 90;
    };
    for (const { params, landmarks } of referenceFaces(name)) {
      const { corners, origin } = poseBox(params, landmarks);
      for (let i = 0; i < 10; i++) {
        const x = corners[i * 2];
        const y = corners[i * 2 + 1];
        const found = [-1, 0, 1].some((dy) => [-1, 0, 1].some((dx) => isLine(Math.round(x) + dx, Math.round(y) + dy)));
        expect(found).toBe(true);
        // A front corner is the outermost point of the drawing in its direction: nothing is drawn 4 px further out.
        if (i >= 5) {
          const length = Math.hypot(x - origin[0], y - origin[1]);
          const farX = Math.round(x + (4 * (x - origin[0])) / length);
          const farY = Math.round(y + (4 * (y - origin[1])) / length);
          expect(isLine(farX, farY)).toBe(false);
        }
      }
    }
  });

  // Of the pixels that the original's box covers, ours differs strongly in few: OpenCV's anti-aliasing is its own.
  const MAX_MEAN_DIFFERENCE = 0.25;
  test.each(referenceNames)("the pose picture of %s looks like the original's", (name) => {
    const target = referencePicture(name, 'pose');
    const picture = drawPose(referencePicture(name, 'input'), referenceFaces(name), { compatibility: 'upstream' });
    let sum = 0;
    for (let i = 0; i < target.data.length; i++) sum += Math.abs(picture.data[i] - target.data[i]);
    expect(sum / target.data.length).toBeLessThan(MAX_MEAN_DIFFERENCE);
  });
});

test('a text is as wide as its glyphs and the gaps between them', () => {
  expect([textWidth('', 12), textWidth('a', 12), textWidth('ab', 12), textWidth('abc', 24)]).toEqual([0, 8, 19, 60]);
});
