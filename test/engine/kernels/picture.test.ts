import { describe, expect, test } from '@jest/globals';
import { CENTRED, MEAN_SUBTRACTED, toNetworkInput } from '../../../src/engine/image/network-input.ts';
import { plainPictureKernel } from '../../../src/engine/image/picture-kernel.ts';
import type { PixelImage } from '../../../src/engine/image/pixels.ts';
import { type PixelRegion, resizeRegion } from '../../../src/engine/image/resize.ts';
import { createPictureKernel } from '../../../src/engine/kernels/picture.ts';
import fc from '../../support/property.ts';

function noisePicture(width: number, height: number, channels: number): PixelImage {
  let state = width * 31 + height;
  const data = Uint8Array.from({ length: width * height * channels }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { data, width, height };
}

const kernel = createPictureKernel();

function expectSamePixels(image: PixelImage, region: PixelRegion, width: number, height: number): void {
  const expected = resizeRegion(image, region, width, height);
  const actual = kernel.resize(image, region, width, height);
  expect([actual.width, actual.height]).toEqual([width, height]);
  const first = actual.data.findIndex((value, i) => value !== expected.data[i]);
  if (first >= 0) throw new Error(`byte ${first}: ${actual.data[first]}, expected ${expected.data[first]}`);
  for (const normalisation of [CENTRED, MEAN_SUBTRACTED]) {
    const numbers = Buffer.from(toNetworkInput(expected, normalisation).buffer);
    for (const each of [kernel, plainPictureKernel]) {
      const input = each.toNetworkInput(image, region, width, height, normalisation);
      expect(Buffer.compare(Buffer.from(input.buffer), numbers)).toBe(0);
    }
  }
}

describe('picture kernel', () => {
  test.each([
    [1280, 720, 1080, 607],
    [640, 480, 641, 479],
    [240, 240, 120, 120],
    [1, 1, 120, 120],
    [300, 2, 7, 5],
  ])('%i x %i to %i x %i: the pixels of the plain one', (fromWidth, fromHeight, width, height) => {
    for (const channels of [3, 4]) {
      const image = noisePicture(fromWidth, fromHeight, channels);
      expectSamePixels(image, { left: 0, top: 0, width: fromWidth, height: fromHeight }, width, height);
    }
  });

  test('any region of any picture, also beyond it', () => {
    const size = fc.integer({ min: 1, max: 40 });
    const start = fc.integer({ min: -50, max: 50 });
    const region = fc.record({ left: start, top: start, width: size, height: size });
    fc.assert(
      fc.property(
        size,
        size,
        fc.constantFrom(3, 4),
        region,
        size,
        size,
        fc.boolean(),
        (w, h, channels, area, x, y, half) => {
          const cut = half ? { ...area, width: 2 * x, height: 2 * y } : area;
          expectSamePixels(noisePicture(w, h, channels), cut, x, y);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('refuses what does not fit', () => {
    const image = noisePicture(9, 9, 4);
    const region = { left: 0, top: 0, width: 9, height: 9 };
    expect(() => kernel.resize(image, region, 0, 3)).toThrow(RangeError);
    expect(() => kernel.resize({ ...image, width: 8 }, region, 3, 3)).toThrow(RangeError);
    expect(() => kernel.resize(image, region, 3, 3, new Uint8Array(26))).toThrow(RangeError);
    expect(() => kernel.toNetworkInput(image, region, 3, 3, CENTRED, new Float32Array(26))).toThrow(
      /dst: expected room/,
    );
  });
});
