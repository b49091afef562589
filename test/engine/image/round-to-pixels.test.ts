import { describe, expect, test } from '@jest/globals';
import { readPng } from '../../../development/read-png.ts';
import { readReference, referenceNames } from '../../../development/reference.ts';
import { resizeImage, resizeRegion } from '../../../src/engine/image/resize.ts';
import { roundToPixels } from '../../../src/engine/image/round-to-pixels.ts';
import type { RgbaImage, RgbImage, RoiBox } from '../../../src/types.ts';
import { noise } from '../../support/noise.ts';
import { describeWithShared, sharedPath } from '../../support/shared.ts';

const box = (xMin: number, yMin: number, xMax: number, yMax: number): RoiBox => ({ xMin, yMin, xMax, yMax });

describe('roundToPixels', () => {
  test('rounds each corner by itself, halves to even', () => {
    expect(roundToPixels(box(0.5, 1.5, 4.5, 5.5))).toEqual({ left: 0, top: 2, width: 4, height: 4 });
    expect(roundToPixels(box(-0.5, -1.5, 3.5, 2.5))).toEqual({ left: 0, top: -2, width: 4, height: 4 });
    expect(roundToPixels(box(2.5, 3.5, 10.5, 11.5))).toEqual({ left: 2, top: 4, width: 8, height: 8 });
    expect(roundToPixels(box(0.4, 0.6, 10.4, 10.6))).toEqual({ left: 0, top: 1, width: 10, height: 10 });
    // A box of 3 x 3 whose crop is 4 wide and 2 high.
    expect(roundToPixels(box(0.5, 1.5, 3.5, 4.5))).toEqual({ left: 0, top: 2, width: 4, height: 2 });
  });

  test.each([
    ['inverted', box(10, 0, 5, 5)],
    ['inverted', box(0, 10, 5, 5)],
    ['empty after rounding', box(1.5, 0, 2.4, 9)],
    ['NaN', box(Number.NaN, 0, 5, 5)],
    ['infinite', box(0, 0, Number.POSITIVE_INFINITY, 5)],
    ['absurdly far away', box(0, 0, 1e12, 5)],
  ])('refuses a box that is %s', (_, bad) => {
    expect(() => roundToPixels(bad)).toThrow(RangeError);
    expect(() => roundToPixels(bad)).toThrow(/^roiBox: expected .*, got \[/);
  });
});

/** Pixel by pixel what is inside the image, and black elsewhere. */
function cropOf({ data, width, height }: RgbaImage, roiBox: RoiBox): RgbImage {
  const region = roundToPixels(roiBox);
  const pixels = new Uint8Array(region.width * region.height * 3);
  for (let y = 0; y < region.height; y++) {
    for (let x = 0; x < region.width; x++) {
      const [column, row] = [region.left + x, region.top + y];
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      const from = (row * width + column) * 4;
      pixels.set(data.subarray(from, from + 3), (y * region.width + x) * 3);
    }
  }
  return { data: pixels, width: region.width, height: region.height };
}

describe('a region of rounded corners', () => {
  const image = noise(320, 240, 4, 3);

  test.each([
    box(10.5, 20.5, 200.5, 210.5),
    box(-40.3, -60.2, 150, 130),
    box(200, 100, 440, 340),
    box(300.7, 220.1, 330.2, 249.6),
    box(-100, -100, 500, 500),
  ])('is resized as its crop is: %j', (roiBox) => {
    const expected = resizeImage(cropOf(image, roiBox), 120, 120);
    const dst = new Uint8Array(120 * 120 * 3).fill(5);
    expect(resizeRegion(image, roundToPixels(roiBox), 120, 120, dst).data).toBe(dst);
    expect(Buffer.compare(dst, expected.data)).toBe(0);
  });

  test('is black wholly outside the image', () => {
    for (const outside of [box(-50, 0, -40, 10), box(320, 0, 330, 10), box(0, 240, 10, 250), box(0, -10, 10, 0)]) {
      expect(resizeRegion(image, roundToPixels(outside), 4, 4).data).toEqual(new Uint8Array(48));
    }
  });
});

describeWithShared('crops of the reference', () => {
  test.each(referenceNames)('%s: every byte', (name) => {
    const image = readPng(sharedPath('reference', name, 'input.png'));
    const { faces } = readReference(name);
    expect(faces.length).toBeGreaterThan(0);
    faces.forEach((face, index) => {
      const expected = readPng(sharedPath('reference', name, `crop_${index}.png`));
      const crop = resizeRegion(image, roundToPixels(box(...face.roiBox)), 120, 120);
      expect(Buffer.compare(crop.data, expected.data)).toBe(0);
    });
  });
});
