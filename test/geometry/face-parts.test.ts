import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ARCFACE_TEMPLATE, alignedCrop, fivePoints } from '../../src/geometry/aligned-crop.ts';
import { faceMask, hideFaces } from '../../src/geometry/face-mask.ts';
import { eyeOpenness, mouthOpenness } from '../../src/geometry/openness.ts';
import { createFaceAligner, readImage } from '../../src/node.ts';
import type { AlignedFace, FaceMaps, RgbaImage } from '../../src/types.ts';
import { repositoryRoot } from '../support/shared.ts';

let image: RgbaImage;
let face: AlignedFace;
let landmarks: Float32Array;
let dense: Float32Array;
let maps: FaceMaps;
beforeAll(async () => {
  const aligner = await createFaceAligner();
  image = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  [face] = await aligner.align(image, await aligner.detect(image));
  landmarks = aligner.reconstruct(face);
  dense = aligner.reconstruct(face, { dense: true });
  if (aligner.faceMaps === undefined) throw new Error('the open pack has no maps');
  maps = aligner.faceMaps;
  aligner.dispose();
}, 120_000);

/** Landmarks whose five points are those of ArcFace, turned by an angle, scaled and moved. */
function templateLandmarks(angle: number, scale: number, shift: number): Float32Array {
  const points = new Float32Array(68 * 3);
  const put = (index: number, [x, y]: readonly [number, number]): void => {
    const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
    points.set([cos * x - sin * y + shift, sin * x + cos * y + shift], index * 3);
  };
  for (let i = 36; i < 42; i++) put(i, ARCFACE_TEMPLATE[0]);
  for (let i = 42; i < 48; i++) put(i, ARCFACE_TEMPLATE[1]);
  for (const [i, index] of [30, 48, 54].entries()) put(index, ARCFACE_TEMPLATE[i + 2]);
  return points;
}

describe('alignedCrop', () => {
  test('of a face that stands as the template does is the photo itself', () => {
    const data = Uint8Array.from({ length: 112 * 112 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 251));
    const crop = alignedCrop({ data, width: 112, height: 112 }, templateLandmarks(0, 1, 0));
    // Landmarks are float32: a hundredth of a grey level.
    const differences = crop.data.map((value, i) => Math.abs(value - data[i]));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  });

  test('brings the five points to their places, at any size', () => {
    // A white spot at the left eye of a turned and enlarged face must be where the template has that eye.
    const [width, height] = [400, 400];
    const turned = templateLandmarks(0.5, 2.5, 90);
    const [, [x, y]] = fivePoints(turned);
    const data = new Uint8Array(width * height * 4);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        if (Math.hypot(column - x, row - y) < 6)
          data.fill(255, (row * width + column) * 4, (row * width + column) * 4 + 3);
      }
    }
    const crop = alignedCrop({ data, width, height }, turned, { size: 224 });
    let [sumX, sumY, sum] = [0, 0, 0];
    for (let i = 0; i < 224 * 224; i++) {
      const value = crop.data[i * 4];
      sumX += value * (i % 224);
      sumY += value * Math.floor(i / 224);
      sum += value;
    }
    expect(sumX / sum).toBeCloseTo(ARCFACE_TEMPLATE[1][0] * 2, 0);
    expect(sumY / sum).toBeCloseTo(ARCFACE_TEMPLATE[1][1] * 2, 0);
  });

  test('takes landmarks and whatever has them, and says so otherwise', () => {
    expect(alignedCrop(image, { landmarks })).toEqual(alignedCrop(image, landmarks));
    expect(alignedCrop(image, landmarks)).toMatchObject({ width: 112, height: 112 });
    const wrong = face as unknown as Float32Array;
    expect(() => alignedCrop(image, wrong)).toThrow('give aligner.reconstruct(face)');
    expect(() => alignedCrop(image, landmarks, { size: 0 })).toThrow(RangeError);
    expect(() => alignedCrop(image, new Float32Array(204))).toThrow('apart');
  });
});

test('eyes and a mouth are as open as their lids and lips are apart', () => {
  const points = new Float32Array(204);
  const put = (index: number, x: number, y: number): void => points.set([x, y], index * 3);
  for (const [first, opening] of [
    [36, 3],
    [42, 1],
  ] as const) {
    for (const [i, [x, y]] of [
      [0, 0],
      [4, -1],
      [8, -1],
      [12, 0],
      [8, 1],
      [4, 1],
    ].entries()) {
      put(first + i, x, (y * opening) / 2);
    }
  }
  for (const [i, [x, y]] of [
    [0, 0],
    [2, -1],
    [4, -1],
    [6, -1],
    [8, 0],
    [6, 1],
    [4, 1],
    [2, 1],
  ].entries())
    put(60 + i, x, y);
  expect(eyeOpenness(points)).toEqual({ right: 0.25, left: expect.closeTo(1 / 12, 6) });
  expect(mouthOpenness(points)).toBe(0.25);
  // The portrait smiles with open eyes.
  const { right, left } = eyeOpenness(landmarks);
  expect(Math.min(right, left)).toBeGreaterThan(0.15);
  expect(mouthOpenness({ landmarks })).toBeGreaterThan(0);
});

describe('a face is hidden', () => {
  test.each(['blur', 'pixelate', 'black'] as const)('by %s, in its own pixels alone', (how) => {
    const before = image.data.slice();
    const mask = faceMask(image, [dense], maps);
    const hidden = hideFaces(image, [dense], maps, { how });
    let [inside, changed] = [0, 0];
    for (let i = 0; i < mask.data.length; i++) {
      const same = [0, 1, 2].every((c) => hidden.data[i * 4 + c] === image.data[i * 4 + c]);
      if (mask.data[i] === 0) {
        if (!same) throw new Error(`pixel ${i} lies outside of the face`);
      } else {
        inside++;
        if (!same) changed++;
      }
    }
    expect(inside).toBeGreaterThan(3000);
    expect(changed / inside).toBeGreaterThan(0.95);
    expect(image.data).toEqual(before);
  });

  test('to the borders of the picture that it reaches beyond', () => {
    const { width, height } = image;
    const places = Array.from({ length: dense.length / 3 }, (_, i) => [dense[3 * i], dense[3 * i + 1]]);
    const [left, top] = [0, 1].map((axis) => Math.min(...places.map((place) => place[axis])));
    // Its middle comes to the picture's first corner.
    const moved = dense.map((value, i) => value - [left + 60, top + 60, 0][i % 3]);
    const mask = faceMask(image, [moved], maps);
    const hidden = hideFaces(image, [moved], maps, { how: 'black' });
    expect(mask.data[0]).not.toBe(0);
    const seen = Array.from({ length: width * height }, (_, i) => i).filter(
      (i) => mask.data[i] !== 0 && [0, 1, 2].some((c) => hidden.data[4 * i + c] !== 0),
    );
    expect(seen).toEqual([]);
  });

  test('and options that make no sense are refused', () => {
    expect(() => hideFaces(image, [dense], maps, { detail: 0 })).toThrow('detail: expected a number from 1 to 100');
    const wrong = { how: 'smear' } as unknown as { how: 'blur' };
    expect(() => hideFaces(image, [dense], maps, wrong)).toThrow("how: expected 'blur', 'pixelate' or 'black'");
    expect(hideFaces(image, [], maps).data).toEqual(new Uint8ClampedArray(image.data));
  });
});
