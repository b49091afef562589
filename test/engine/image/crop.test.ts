import { describe, expect, test } from '@jest/globals';
import { readPng } from '../../../development/read-png.ts';
import { readReference, referenceNames } from '../../../development/reference.ts';
import { cropAndResize, cropImage, roundToPixels } from '../../../src/engine/image/crop.ts';
import { resizeImage } from '../../../src/engine/image/resize.ts';
import type { RoiBox } from '../../../src/types.ts';
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

describe('cropImage', () => {
  const image = noise(20, 16, 4, 2);
  const pixel = (x: number, y: number) => [...image.data.subarray((y * 20 + x) * 4, (y * 20 + x) * 4 + 3)];

  test.each([box(3, 4, 9, 12), box(-4, -2, 5, 6), box(12, 10, 30, 25), box(-3, -3, 25, 20)])(
    'copies what is inside and is black elsewhere: %j',
    (roiBox) => {
      const crop = cropImage(image, roiBox);
      expect(crop).toMatchObject({ width: roiBox.xMax - roiBox.xMin, height: roiBox.yMax - roiBox.yMin });
      for (let y = 0; y < crop.height; y++) {
        for (let x = 0; x < crop.width; x++) {
          const [column, row] = [roiBox.xMin + x, roiBox.yMin + y];
          const inside = column >= 0 && row >= 0 && column < 20 && row < 16;
          const at = (y * crop.width + x) * 3;
          expect([...crop.data.subarray(at, at + 3)]).toEqual(inside ? pixel(column, row) : [0, 0, 0]);
        }
      }
    },
  );

  test('is black for a box wholly outside', () => {
    for (const outside of [box(-50, 0, -40, 10), box(20, 0, 30, 10), box(0, 16, 10, 26), box(0, -10, 10, 0)]) {
      expect(cropImage(image, outside)).toEqual({ data: new Uint8Array(300), width: 10, height: 10 });
      expect(cropAndResize(image, outside, 4, 4).data).toEqual(new Uint8Array(48));
    }
  });

  test('clears a used dst', () => {
    const dst = new Uint8Array(10 * 10 * 3 + 1).fill(77);
    const crop = cropImage(image, box(-5, -5, 5, 5), dst);
    expect(crop).toEqual(cropImage(image, box(-5, -5, 5, 5)));
    expect(crop.data.buffer).toBe(dst.buffer);
    expect(dst[300]).toBe(77);
    expect(() => cropImage(image, box(0, 0, 10, 10), new Uint8Array(299))).toThrow('dst: expected at least 300 bytes');
  });
});

describe('cropAndResize', () => {
  test('equals resizing the crop', () => {
    const image = noise(320, 240, 4, 3);
    for (const roiBox of [
      box(10.5, 20.5, 200.5, 210.5),
      box(-40.3, -60.2, 150, 130),
      box(200, 100, 440, 340),
      box(300.7, 220.1, 330.2, 249.6),
      box(-100, -100, 500, 500),
    ]) {
      const expected = resizeImage(cropImage(image, roiBox), 120, 120);
      expect(Buffer.compare(cropAndResize(image, roiBox, 120, 120).data, expected.data)).toBe(0);
      const dst = new Uint8Array(120 * 120 * 3).fill(5);
      expect(cropAndResize(image, roiBox, 120, 120, dst).data).toBe(dst);
      expect(Buffer.compare(dst, expected.data)).toBe(0);
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
      const crop = cropAndResize(image, box(...face.roiBox), 120, 120);
      expect(Buffer.compare(crop.data, expected.data)).toBe(0);
    });
  });
});
