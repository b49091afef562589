/** Crops of eyes and mouths against places that are projected one by one, in pictures whose colours are places. */
import { describe, expect, test } from '@jest/globals';
import { cropPlacement } from '../../../src/geometry/similarity-transform.ts';
import { cutRefineCrop, type ModelPoint, type RefineCrop } from '../../../src/models/tddfa/refine-crop.ts';
import type { AlignedFace, RgbaImage } from '../../../src/types.ts';

const SIZE = 64;
const [WIDTH, HEIGHT] = [250, 240];
/** Grey levels: colours are rounded to whole ones in the picture. */
const MAX_DIFFERENCE = 0.6;

function picture(colour: (x: number, y: number) => readonly [number, number, number]): RgbaImage {
  const data = new Uint8Array(WIDTH * HEIGHT * 4);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) data.set([...colour(x, y), 255], 4 * (y * WIDTH + x));
  }
  return { data, width: WIDTH, height: HEIGHT };
}

/** Red is x, green is y, blue falls along the diagonal. */
const places = picture((x, y) => [x, y, 250 - (x + y) / 2]);

/** A face without yaw and pitch. @param pxPerUnit - of the crop of 120 px. */
function faceWith(rollDegrees: number, pxPerUnit: number, side: number): AlignedFace {
  const roll = (rollDegrees * Math.PI) / 180;
  const [c, s] = [Math.cos(roll) * pxPerUnit, Math.sin(roll) * pxPerUnit];
  const params = Float32Array.of(c, -s, 0, 62, s, c, 0, 57, 0, 0, pxPerUnit, -60);
  return { params, roiBox: { xMin: 20, yMin: 10, xMax: 20 + side, yMax: 10 + side } };
}

/** Where a point of the model is, in px of the image whose first pixel has its middle at 0. */
function project({ params: p, roiBox }: AlignedFace, [x, y, z]: ModelPoint): readonly [number, number] {
  const { scaleX, scaleY, left, top } = cropPlacement(roiBox);
  const [u, v] = [p[0] * x + p[1] * y + p[2] * z + p[3], p[4] * x + p[5] * y + p[6] * z + p[7]];
  return [(u - 0.5) * scaleX + left - 0.5, (120.5 - v) * scaleY + top - 0.5];
}

function byteOf(crop: Float32Array, row: number, column: number, channel: number): number {
  return crop[(row * SIZE + column) * 3 + channel] * 128 + 127.5;
}

describe.each([
  ['upright', 0, 1e-3, 120],
  ['rolled to the left', 25, 1e-3, 120],
  ['rolled to the right, larger than the crop has pixels', -70, 1.1e-3, 190],
  ['far smaller', 10, 2e-4, 120],
  ['upside down', 180, 8e-4, 150],
])('a crop of a face %s', (_, roll, pxPerUnit, side) => {
  const face = faceWith(roll, pxPerUnit, side);
  const crop: RefineCrop = { centre: [-7_000, 9_000, 11_000], span: 60_000 };

  test.each([false, true])('shows what is there; mirrored: %s', (mirrored) => {
    const cut = cutRefineCrop(places, face, { ...crop, mirrored });
    expect(cut).toHaveLength(SIZE * SIZE * 3);
    let count = 0;
    for (let row = 0; row < SIZE; row++) {
      for (let column = 0; column < SIZE; column++) {
        const along = (((mirrored ? -1 : 1) * (column + 0.5 - SIZE / 2)) / SIZE) * crop.span;
        const up = ((SIZE / 2 - row - 0.5) / SIZE) * crop.span;
        const [x, y] = project(face, [crop.centre[0] + along, crop.centre[1] + up, crop.centre[2]]);
        // A px of the crop spans a few of the image.
        if (x < 4 || y < 4 || x > WIDTH - 5 || y > HEIGHT - 5) continue;
        count++;
        expect(Math.abs(byteOf(cut, row, column, 2) - x)).toBeLessThan(MAX_DIFFERENCE);
        expect(Math.abs(byteOf(cut, row, column, 1) - y)).toBeLessThan(MAX_DIFFERENCE);
        expect(Math.abs(byteOf(cut, row, column, 0) - (250 - (x + y) / 2))).toBeLessThan(MAX_DIFFERENCE);
      }
    }
    expect(count).toBeGreaterThan(2000);
  });
});

test('is black beyond the picture, and takes its last row and column', () => {
  const white = picture(() => [255, 255, 255]);
  const face = faceWith(0, 1e-3, 120);
  const [x, y] = project(face, [0, 0, 0]);
  // One px of the crop is one of the picture; the picture's last pixel is left of the middle and above it.
  const shift = (to: number, from: number): number => (to - from + 0.5) * 1000;
  const cut = cutRefineCrop(white, face, {
    centre: [shift(WIDTH - 1, x), -shift(HEIGHT - 1, y), 0],
    span: SIZE * 1000,
  });
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      const expected = row < SIZE / 2 && column < SIZE / 2 ? 255 : 0;
      for (let k = 0; k < 3; k++) expect(byteOf(cut, row, column, k)).toBeCloseTo(expected, 1);
    }
  }
  const first = cutRefineCrop(white, face, {
    centre: [shift(-1, x), -shift(-1, y), 0],
    span: SIZE * 1000,
  });
  expect(byteOf(first, SIZE / 2, SIZE / 2, 0)).toBeCloseTo(255, 1);
  expect(byteOf(first, SIZE / 2 - 1, SIZE / 2, 0)).toBeCloseTo(0, 1);
  expect(byteOf(first, SIZE / 2, SIZE / 2 - 1, 0)).toBeCloseTo(0, 1);
});

test('averages what is finer than its own pixels', () => {
  const stripes = picture((x) => [x % 2 === 0 ? 0 : 255, 0, 0]);
  const cut = cutRefineCrop(stripes, faceWith(0, 1e-3, 120), { centre: [20_000, 0, 0], span: 4 * SIZE * 500 });
  for (let column = 10; column < SIZE - 10; column++) {
    expect(Math.abs(byteOf(cut, SIZE / 2, column, 2) - 127.5)).toBeLessThan(1);
  }
});
