import { describe, expect, test } from '@jest/globals';
import { cropToImage } from '../../src/geometry/similarity-transform.ts';

const roiBox = { xMin: 100, yMin: 200, xMax: 340, yMax: 440 };

describe('cropToImage', () => {
  test('turns y down, counts px from 0, scales by the box, and puts the farthest vertex at z = 0', () => {
    const vertices = Float32Array.of(1, 120, -5, 121, 0, 7, 61, 60, 0);
    expect([...cropToImage(vertices, roiBox)]).toEqual([100, 200, 0, 340, 440, 24, 220, 320, 10]);
    expect([...vertices]).toEqual([1, 120, -5, 121, 0, 7, 61, 60, 0]);
  });

  test('scales z by the mean where the box is not square', () => {
    const vertices = Float32Array.of(1, 120, 0, 2, 119, 1);
    const wide = { xMin: 0, yMin: 0, xMax: 240, yMax: 120 };
    expect([...cropToImage(vertices, wide)]).toEqual([0, 0, 0, 2, 1, 1.5]);
  });

  test('with dst, which may be the vertices themselves', () => {
    const vertices = Float32Array.of(1, 120, -5, 121, 0, 7);
    const expected = cropToImage(vertices, roiBox);
    const dst = new Float32Array(6);
    expect(cropToImage(vertices, roiBox, dst)).toBe(dst);
    expect(dst).toEqual(expected);
    expect(cropToImage(vertices, roiBox, vertices)).toBe(vertices);
    expect(vertices).toEqual(expected);
    expect(() => cropToImage(vertices, roiBox, new Float32Array(5))).toThrow(
      new RangeError('dst: expected 6 numbers, got 5'),
    );
  });
});
