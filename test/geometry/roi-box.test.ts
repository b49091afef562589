import { describe, expect, test } from '@jest/globals';
import {
  interleave,
  type ReferenceFrame,
  readReference,
  readTracking,
  referenceNames,
} from '../../development/reference.ts';
import { intersectionOverUnion } from '../../src/geometry/box.ts';
import { landmarksHypotenuse, roiBoxFromFaceBox, roiBoxFromLandmarks } from '../../src/geometry/roi-box.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithShared } from '../support/shared.ts';

/** px; 1.3e-4 measured: the landmarks of the video are stored with four digits after the point, the boxes with all. */
const ROUNDED_LANDMARKS_BOUND = 4e-4;

describe('roiBoxFromFaceBox', () => {
  test('is a square of 1.58 times the mean side, cut to whole px, 0.14 of it lower', () => {
    const roiBox = roiBoxFromFaceBox({ xMin: 100, yMin: 50, xMax: 200, yMax: 170 });
    expect(roiBox.xMax - roiBox.xMin).toBe(173);
    expect(roiBox.yMax - roiBox.yMin).toBe(173);
    expect((roiBox.xMin + roiBox.xMax) / 2).toBe(150);
    expect((roiBox.yMin + roiBox.yMax) / 2).toBeCloseTo(110 + 0.14 * 110, 10);
  });

  test.each([
    { xMin: 10, yMin: 0, xMax: 5, yMax: 5 },
    { xMin: 0, yMin: 5, xMax: 5, yMax: 5 },
    { xMin: Number.NaN, yMin: 0, xMax: 5, yMax: 5 },
    { xMin: 0, yMin: 0, xMax: Number.POSITIVE_INFINITY, yMax: 5 },
  ])('refuses %j', (box) => {
    expect(() => roiBoxFromFaceBox(box)).toThrow(RangeError);
    expect(() => roiBoxFromFaceBox(box)).toThrow(/^box: expected finite corners/);
  });
});

describe('roiBoxFromLandmarks', () => {
  test('is the square around the points, grown to its diagonal', () => {
    const points = Float32Array.of(10, 20, 5, 50, 40, -3, 30, 30, 900);
    const roiBox = roiBoxFromLandmarks(points);
    const side = 40 * Math.SQRT2;
    expect(roiBox.xMin).toBeCloseTo(30 - side / 2, 10);
    expect(roiBox.yMin).toBeCloseTo(30 - side / 2, 10);
    expect(roiBox.xMax).toBeCloseTo(30 + side / 2, 10);
    expect(roiBox.yMax).toBeCloseTo(30 + side / 2, 10);
    expect(landmarksHypotenuse(points)).toBeCloseTo(side / 3, 10);
  });

  test('refuses no points and points that are not finite', () => {
    expect(() => roiBoxFromLandmarks(new Float32Array(0))).toThrow('vertices: expected at least one vertex, got none');
    expect(() => roiBoxFromLandmarks(Float32Array.of(0, 0, 0, 1, Number.NaN, 0))).toThrow(
      new RangeError('vertices: expected finite coordinates, got (1, NaN) at vertex 1'),
    );
  });
});

describeWithShared('roi boxes of the reference', () => {
  test.each(referenceNames)('%s: to the last digit, from boxes and from landmarks', (name) => {
    const { boxes, faces } = readReference(name);
    expect(faces.length).toBeGreaterThan(0);
    faces.forEach((face, index) => {
      const [xMin, yMin, xMax, yMax] = boxes[index] as [number, number, number, number, number];
      expect(Object.values(roiBoxFromFaceBox({ xMin, yMin, xMax, yMax }))).toEqual(face.roiBox);
      expect(Object.values(roiBoxFromLandmarks(interleave(face.landmarks)))).toEqual(face.landmarkRoiBox);
    });
  });
});

describeWithShared('roi boxes of a video', () => {
  test('each frame looks where the landmarks before it were', () => {
    const { frames } = readTracking();
    let tracked = 0;
    for (let i = 1; i < frames.length; i++) {
      const [before, frame] = [frames[i - 1], frames[i]] as [ReferenceFrame, ReferenceFrame];
      if (frame.how !== 'track') continue;
      const roiBox = roiBoxFromLandmarks(interleave(before.landmarks));
      expectClose(Object.values(roiBox), frame.roiBox, { maxAbs: ROUNDED_LANDMARKS_BOUND });
      tracked++;
    }
    expect(tracked).toBeGreaterThan(40);
  });
});

test.each([
  ['half of each other', [0, 0, 2, 2], [1, 0, 3, 2], 1 / 3],
  ['the same', [1, 1, 4, 3], [1, 1, 4, 3], 1],
  ['one in the other', [0, 0, 4, 4], [1, 1, 3, 3], 1 / 4],
  ['a common edge', [0, 0, 2, 2], [2, 0, 4, 2], 0],
  ['apart in x alone', [0, 0, 2, 2], [5, 0, 7, 2], 0],
  ['apart in both', [0, 0, 2, 2], [5, 5, 7, 7], 0],
])('boxes overlap: %s', (_, a, b, expected) => {
  const box = ([xMin, yMin, xMax, yMax]: readonly number[]) => ({ xMin, yMin, xMax, yMax });
  expect(intersectionOverUnion(box(a), box(b))).toBeCloseTo(expected, 12);
  expect(intersectionOverUnion(box(b), box(a))).toBeCloseTo(expected, 12);
});
