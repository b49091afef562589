import { describe, expect, test } from '@jest/globals';
import { boundingBox, intersectionOverUnion } from '../../src/geometry/box.ts';
import type { RoiBox } from '../../src/types.ts';
import {
  boxSize,
  centreDistance,
  crossSameSide,
  joinByOverlap,
  moveBox,
  visibleShare,
  visibleShareOfRoom,
} from '../../src/video/boxes.ts';

const box = (xMin: number, yMin: number, xMax: number, yMax: number): RoiBox => ({ xMin, yMin, xMax, yMax });

describe('boxes', () => {
  test('a bounding box holds the points and no more', () => {
    expect(boundingBox(Float32Array.of(3, 4, 100, -1, 8, -100, 2, 5, 0))).toEqual(box(-1, 4, 3, 8));
  });

  test('overlap is intersection over union', () => {
    expect(intersectionOverUnion(box(0, 0, 10, 10), box(0, 0, 10, 10))).toBe(1);
    expect(intersectionOverUnion(box(0, 0, 10, 10), box(5, 0, 15, 10))).toBeCloseTo(1 / 3);
    expect(intersectionOverUnion(box(0, 0, 10, 10), box(10, 0, 20, 10))).toBe(0);
    expect(intersectionOverUnion(box(0, 0, 10, 10), box(50, 50, 60, 60))).toBe(0);
  });

  test('a moved box keeps its size', () => {
    expect(moveBox(box(1, 2, 11, 32), 5, -7)).toEqual(box(6, -5, 16, 25));
    expect(boxSize(box(1, 2, 11, 32))).toBe(20);
  });

  test('distance is that of the centres', () => {
    expect(centreDistance(box(0, 0, 10, 10), box(20, 30, 36, 60))).toBeCloseTo(Math.hypot(28 - 5, 45 - 5));
  });

  test('the visible share is what lies in the image', () => {
    const image = { width: 100, height: 50 };
    expect(visibleShare(box(10, 10, 20, 20), image)).toBe(1);
    expect(visibleShare(box(-10, 0, 10, 10), image)).toBe(0.5);
    expect(visibleShare(box(90, 40, 110, 60), image)).toBe(0.25);
    expect(visibleShare(box(100, 0, 110, 10), image)).toBe(0);
    // Less than a pixel.
    expect(visibleShare(box(99.5, 0, 109.5, 10), image)).toBeCloseTo(0.05, 12);
    expect(visibleShare(box(0, 49.5, 10, 59.5), image)).toBeCloseTo(0.05, 12);
  });

  test('of a box larger than the image as much is seen as there is room for', () => {
    const image = { width: 100, height: 50 };
    expect(visibleShareOfRoom(box(10, 10, 20, 20), image)).toBe(1);
    expect(visibleShareOfRoom(box(-10, 0, 10, 10), image)).toBe(0.5);
    expect(visibleShareOfRoom(box(20, -25, 70, 75), image)).toBe(1);
    expect(visibleShareOfRoom(box(-50, -25, 150, 75), image)).toBe(1);
    expect(visibleShareOfRoom(box(20, 25, 70, 125), image)).toBe(0.5);
  });

  test('boxes cross the same side of an image', () => {
    const image = { width: 100, height: 50 };
    const left = box(-5, 10, 5, 20);
    expect(crossSameSide(left, box(-1, 40, 9, 50), image)).toBe(true);
    expect(crossSameSide(left, box(95, 10, 105, 20), image)).toBe(false);
    expect(crossSameSide(left, box(0, 10, 10, 20), image)).toBe(false);
    expect(crossSameSide(box(10, 45, 20, 55), box(60, 49, 70, 59), image)).toBe(true);
    expect(crossSameSide(box(10, -5, 20, 5), box(-5, -5, 20, 5), image)).toBe(true);
  });

  test('each side of an image by itself', () => {
    const image = { width: 100, height: 50 };
    const inside = box(10, 10, 20, 20);
    const beyond = [box(-1, 10, 9, 20), box(10, -1, 20, 9), box(91, 10, 101, 20), box(10, 41, 20, 51)];
    const touching = [box(0, 10, 10, 20), box(10, 0, 20, 10), box(90, 10, 100, 20), box(10, 40, 20, 50)];
    for (const [i, one] of beyond.entries()) {
      for (const [j, other] of beyond.entries()) expect(crossSameSide(one, other, image)).toBe(i === j);
      for (const other of [inside, ...touching]) {
        expect(crossSameSide(one, other, image)).toBe(false);
        expect(crossSameSide(other, one, image)).toBe(false);
      }
      expect(visibleShare(one, image)).toBeCloseTo(0.9, 12);
      expect(visibleShare(touching[i], image)).toBe(1);
    }
    for (const away of [box(-10, 10, 0, 20), box(10, -20, 20, -5), box(100, 10, 110, 20), box(10, 60, 20, 70)]) {
      expect(visibleShare(away, image)).toBe(0);
    }
    // Beyond two sides, both shares are negative and their product is not.
    expect(visibleShare(box(-20, -20, -10, -10), image)).toBe(0);
  });

  test('joins the most overlapping pairs first, each box once', () => {
    const left = [box(0, 0, 10, 10), box(4, 0, 14, 10)];
    const right = [box(5, 0, 15, 10), box(100, 0, 110, 10)];
    expect(joinByOverlap(left, right, 0.3)).toEqual([-1, 0]);
    expect(joinByOverlap(left, [box(1, 0, 11, 10), ...right], 0.3)).toEqual([0, 1]);
    expect(joinByOverlap(left, right, 0.9)).toEqual([-1, -1]);
    expect(joinByOverlap([], right, 0)).toEqual([]);
    // Boxes that do not touch are never joined.
    expect(joinByOverlap([box(0, 0, 1, 1)], [box(5, 5, 6, 6)], 0)).toEqual([-1]);
  });
});
