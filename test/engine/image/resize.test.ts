import { describe, expect, test } from '@jest/globals';
import type { PixelImage } from '../../../src/engine/image/pixels.ts';
import { resizeImage, resizeRegion } from '../../../src/engine/image/resize.ts';
import { noise } from '../../support/noise.ts';

// Looked up once: globals are slow inside jest's sandbox.
const { abs, floor, fround, max, min, round } = Math;

/** The rule written as plainly as it can be: one sample at a time, from its definition, on RGB. */
function resizeByDefinition(image: PixelImage, width: number, height: number): Uint8Array {
  const sample = (x: number, y: number, channel: number) => image.data[(y * image.width + x) * 3 + channel];
  const result = new Uint8Array(width * height * 3);
  if (image.width === 2 * width && image.height === 2 * height) {
    for (let i = 0; i < result.length; i++) {
      const [channel, x, y] = [i % 3, floor(i / 3) % width, floor(i / 3 / width)];
      let sum = 2;
      for (const [dx, dy] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ] as const)
        sum += sample(2 * x + dx, 2 * y + dy, channel);
      result[i] = floor(sum / 4);
    }
    return result;
  }
  const columns = Array.from({ length: width }, (_, x) => tap(x, width, image.width, true));
  for (let y = 0; y < height; y++) {
    const [y0, b0, b1] = tap(y, height, image.height, false);
    const above = min(max(y0, 0), image.height - 1);
    const below = min(max(y0 + 1, 0), image.height - 1);
    for (let x = 0; x < width; x++) {
      const [x0, a0, a1] = columns[x];
      const x1 = min(x0 + 1, image.width - 1);
      for (let channel = 0; channel < 3; channel++) {
        const upper = floor((sample(x0, above, channel) * a0 + sample(x1, above, channel) * a1) / 16);
        const lower = floor((sample(x0, below, channel) * a0 + sample(x1, below, channel) * a1) / 16);
        const value = floor((floor((b0 * upper) / 65536) + floor((b1 * lower) / 65536) + 2) / 4);
        result[(y * width + x) * 3 + channel] = min(max(value, 0), 255);
      }
    }
  }
  return result;
}

type Tap = readonly [first: number, firstWeight: number, secondWeight: number];

function tap(position: number, size: number, sourceSize: number, clampFraction: boolean): Tap {
  let at = fround((position + 0.5) * (1 / (size / sourceSize)) - 0.5);
  let whole = floor(at);
  at = fround(at - whole);
  if (clampFraction && whole < 0) [whole, at] = [0, 0];
  if (clampFraction && whole >= sourceSize - 1) [whole, at] = [sourceSize - 1, 0];
  return [whole, halfEven(fround(1 - at) * 2048), halfEven(at * 2048)];
}

function halfEven(value: number): number {
  return abs(value % 1) === 0.5 ? 2 * round(value / 2) : round(value);
}

const sizes: readonly (readonly [width: number, height: number, toWidth: number, toHeight: number])[] = [
  [1280, 720, 1080, 607],
  [1201, 801, 1078, 719],
  [400, 400, 120, 120],
  [241, 239, 120, 120],
  [240, 241, 120, 120],
  [239, 240, 120, 120],
  [120, 120, 120, 120],
  [119, 121, 120, 120],
  [60, 60, 120, 120],
  [20, 21, 120, 120],
  [1, 1, 120, 120],
  [1, 9, 30, 1],
  [9, 1, 1, 30],
  [5, 3, 2, 7],
  [480, 240, 120, 120],
];

describe('resizeImage', () => {
  test.each(sizes)('%i x %i to %i x %i follows the rule exactly', (width, height, toWidth, toHeight) => {
    const image = noise(width, height, 3, width + height);
    const resized = resizeImage(image, toWidth, toHeight);
    expect(resized).toMatchObject({ width: toWidth, height: toHeight });
    expect(Buffer.compare(resized.data, resizeByDefinition(image, toWidth, toHeight))).toBe(0);
  });

  test.each([
    [240, 240, 120, 120],
    [6, 2, 3, 1],
  ] as const)('averages exactly twice the size: %i x %i to %i x %i', (...size) => {
    const [width, height, toWidth, toHeight] = size;
    const image = noise(width, height, 3, 7);
    expect(
      Buffer.compare(resizeImage(image, toWidth, toHeight).data, resizeByDefinition(image, toWidth, toHeight)),
    ).toBe(0);
  });

  test('keeps every pixel at the same size, and a flat colour at any size', () => {
    const image = noise(37, 23, 3, 3);
    expect(resizeImage(image, 37, 23).data).toEqual(image.data);
    const white = { data: new Uint8Array(50 * 41 * 3).fill(255), width: 50, height: 41 };
    expect(resizeImage(white, 120, 77).data.every((value) => value === 255)).toBe(true);
  });

  test('ignores alpha', () => {
    const rgba = noise(50, 40, 4, 5);
    const rgb = new Uint8Array(50 * 40 * 3).map((_, i) => rgba.data[floor(i / 3) * 4 + (i % 3)]);
    for (const [width, height] of [
      [33, 57],
      [25, 20],
    ] as const) {
      const fromRgb = resizeImage({ data: rgb, width: 50, height: 40 }, width, height);
      expect(resizeImage(rgba, width, height)).toEqual(fromRgb);
    }
  });

  test('writes into dst, whose rest it leaves alone', () => {
    const image = noise(20, 20, 3, 9);
    const expected = resizeImage(image, 7, 5);
    const before = image.data.slice();
    const dst = new Uint8Array(7 * 5 * 3 + 2).fill(9);
    const resized = resizeImage(image, 7, 5, dst);
    expect(resized).toEqual(expected);
    expect(resized.data.buffer).toBe(dst.buffer);
    expect([...dst.subarray(7 * 5 * 3)]).toEqual([9, 9]);
    expect(image.data).toEqual(before);
  });

  test('refuses sizes and arrays that do not fit, by name', () => {
    const image = noise(4, 4, 3, 1);
    expect(() => resizeImage(image, 0, 3)).toThrow(
      new RangeError('result: expected a width and a height of at least 1 px, got 0 x 3'),
    );
    expect(() => resizeImage(image, 2.5, 3)).toThrow(RangeError);
    expect(() => resizeImage({ ...image, width: 0 }, 2, 2)).toThrow('image: expected a width');
    expect(() => resizeImage({ ...image, width: 5 }, 2, 2)).toThrow(
      'image: expected 5 x 4 pixels of 3 or 4 bytes (60 or 80), got 48 bytes',
    );
    expect(() => resizeImage(image, 2, 2, new Uint8Array(11))).toThrow(
      'dst: expected at least 12 bytes (2 x 2 RGB), got 11',
    );
  });
});

describe('resizeRegion', () => {
  test.each([
    [-3, -5, 40, 30],
    [10, 12, 60, 70],
    [-200, 0, 20, 20],
    [-20, -20, 120, 160],
    [-7, -9, 60, 80],
  ])('at %i, %i, %i x %i equals a copy with a black border, resized', (left, top, width, height) => {
    const image = noise(48, 52, 3, 11);
    const copy = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [column, row] = [left + x, top + y];
        if (column < 0 || row < 0 || column >= 48 || row >= 52) continue;
        for (let c = 0; c < 3; c++) copy[(y * width + x) * 3 + c] = image.data[(row * 48 + column) * 3 + c];
      }
    }
    const expected = resizeByDefinition({ data: copy, width, height }, 30, 40);
    expect(resizeRegion(image, { left, top, width, height }, 30, 40).data).toEqual(expected);
  });
});
