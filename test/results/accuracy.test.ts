import { describe, expect, test } from '@jest/globals';
import { intersectionOverUnion } from '../../src/geometry/box.ts';
import {
  angleDifference,
  type DetectedPicture,
  median,
  nmePercent,
  summariseDetection,
  summariseNme,
} from '../../src/results/accuracy.ts';
import { accuracyPlot } from '../../src/results/accuracy-plot.ts';

const box = (xMin: number, yMin: number, size: number, score = 1) => ({
  xMin,
  yMin,
  xMax: xMin + size,
  yMax: yMin + size,
  score,
});

describe('nmePercent', () => {
  test('is the mean distance over the root of the true box', () => {
    const truth = new Float64Array(136);
    truth.set([100, 0, 0, 25]); // a box of 100 x 25: root 50
    const landmarks = Float32Array.from({ length: 204 }, (_, i) =>
      i % 3 === 2 ? 999 : truth[2 * Math.floor(i / 3) + (i % 3)] + (i % 3 === 0 ? 3 : 4),
    );
    expect(nmePercent(landmarks, truth)).toBeCloseTo(10, 6);
  });
});

describe('summariseNme', () => {
  test('bins by |yaw|, gives each bin the same weight, keeps faces of unknown yaw in the mean', () => {
    const summary = summariseNme([
      { nmePercent: 1, yawDegrees: 5 },
      { nmePercent: 3, yawDegrees: -20 },
      { nmePercent: 5, yawDegrees: -30 },
      { nmePercent: 8, yawDegrees: 95 },
      { nmePercent: 13 },
    ]);
    expect(summary).toEqual({
      faces: 5,
      meanPercent: 6,
      medianPercent: 5,
      bins: [
        { fromDegrees: 0, toDegrees: 30, faces: 2, meanPercent: 2 },
        { fromDegrees: 30, toDegrees: 60, faces: 1, meanPercent: 5 },
        { fromDegrees: 60, toDegrees: 90, faces: 1, meanPercent: 8 },
      ],
      meanOfBinsPercent: 5,
    });
    expect(summariseNme([{ nmePercent: 2, yawDegrees: 0 }])).not.toHaveProperty('meanOfBinsPercent');
  });

  test('medians of odd and even lists', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

test('angleDifference goes round the circle', () => {
  expect(angleDifference(170, -170)).toBe(20);
  expect(angleDifference(-10, 350)).toBe(0);
  expect(angleDifference(10, -30)).toBe(40);
});

test('intersectionOverUnion', () => {
  expect(intersectionOverUnion(box(0, 0, 10), box(5, 0, 10))).toBeCloseTo(1 / 3, 12);
  expect(intersectionOverUnion(box(0, 0, 10), box(10, 0, 10))).toBe(0);
});

describe('summariseDetection', () => {
  const face = (xMin: number, ignore = false) => ({ box: box(xMin, 0, 10), ignore });
  const judge = (pictures: DetectedPicture[]) => summariseDetection(pictures, { minOverlap: 0.5, minScore: 0.5 });

  test('by hand: hit, miss, hit, double', () => {
    const summary = judge([
      {
        faces: [face(0), face(100), face(200)],
        boxes: [box(0, 0, 10, 0.9), box(50, 0, 10, 0.8), box(100, 0, 10, 0.7), box(1, 0, 10, 0.6)],
      },
    ]);
    expect(summary.curve).toEqual([
      [1 / 3, 1],
      [1 / 3, 1 / 2],
      [2 / 3, 2 / 3],
      [2 / 3, 1 / 2],
    ]);
    expect(summary.averagePrecision).toBeCloseTo(1 / 3 + (1 / 3) * (2 / 3), 12);
    expect(summary).toMatchObject({ faces: 3, found: 2, falseBoxes: 2, meanOverlap: 1, falseBoxesPerImage: 2 });
    expect(summary.recall).toBeCloseTo(2 / 3, 12);
    expect(summary.precision).toBeCloseTo(1 / 2, 12);
  });

  test('faces that do not count are neither missed nor wrong to find', () => {
    const summary = judge([{ faces: [face(0), face(100, true)], boxes: [box(0, 0, 10, 0.9), box(100, 0, 10, 0.95)] }]);
    expect(summary).toMatchObject({ faces: 1, found: 1, falseBoxes: 0, averagePrecision: 1 });
  });

  test('counts at the score, but draws the curve over all boxes', () => {
    const summary = judge([{ faces: [face(0)], boxes: [box(0, 0, 10, 0.4)] }]);
    expect(summary).toMatchObject({ found: 0, recall: 0, precision: 0, averagePrecision: 1 });
  });

  test('a perfect detector of nothing', () => {
    expect(judge([{ faces: [], boxes: [] }])).toMatchObject({
      faces: 0,
      averagePrecision: 0,
      recall: 0,
      meanOverlap: 0,
    });
  });
});

describe('accuracyPlot', () => {
  test('is SVG of one chart for each kind of figure, with names escaped', () => {
    const detection = summariseDetection([{ faces: [{ box: box(0, 0, 10), ignore: false }], boxes: [box(0, 0, 10)] }], {
      minOverlap: 0.5,
      minScore: 0.5,
    });
    const plot = accuracyPlot(new Map([['a & b', [1, 2, 30]]]), detection);
    expect(plot).toMatch(/^<svg .*<\/svg>\n$/);
    expect(plot).toContain('a &#38; b');
    expect(plot.match(/<g /g)).toHaveLength(2);
    expect(plot).not.toMatch(/NaN|Infinity|undefined/);
    expect(accuracyPlot(new Map(), detection).match(/<g /g)).toHaveLength(1);
  });
});
