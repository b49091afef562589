import { describe, expect, test } from '@jest/globals';
import { CENTRED, MEAN_SUBTRACTED, toNetworkInput } from '../../../src/engine/image/network-input.ts';
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
    const input = kernel.toNetworkInput(image, region, width, height, normalisation);
    expect(Buffer.compare(Buffer.from(input.buffer), Buffer.from(toNetworkInput(expected, normalisation).buffer))).toBe(
      0,
    );
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

  test('writes rows apart, and nothing between them', () => {
    const image = noisePicture(9, 9, 4);
    const region = { left: 1, top: 1, width: 5, height: 5 };
    const dst = new Float32Array(4 + 3 * 20).fill(7);
    kernel.toNetworkInput(image, region, 3, 3, CENTRED, dst, 4, 20);
    const dense = kernel.toNetworkInput(image, region, 3, 3, CENTRED);
    for (let i = 0; i < dst.length; i++) {
      const [row, column] = [Math.floor((i - 4) / 20), (i - 4) % 20];
      expect(dst[i]).toBe(i >= 4 && column < 9 ? dense[row * 9 + column] : 7);
    }
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
    expect(() => kernel.toNetworkInput(image, region, 3, 3, CENTRED, new Float32Array(90), 0, 8)).toThrow(/8 apart/);
  });
});
