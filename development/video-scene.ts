/** Films made from photos: cut-out portraits that move over a plain background. */
import { resizeRegion } from '../src/engine/image/resize.ts';
import { roundToPixels } from '../src/engine/image/round-to-pixels.ts';
import type { RgbaImage, RoiBox } from '../src/types.ts';
import { randomNumbers } from './random.ts';

/** A cut-out portrait. */
export interface Portrait {
  /** RGB, `size x size`. */
  readonly data: Uint8Array;
  readonly size: number;
}

/** A portrait in one frame. */
export interface Placement {
  readonly portrait: Portrait;
  /** Its centre, px. */
  readonly x: number;
  readonly y: number;
}

/** How much of the photo around a face box is cut out, in box sizes. */
const CUT_SIZE = 1.7;

/** Cuts the portrait around a face box out of a photo and scales it to `size` px. */
export function cutPortrait(photo: RgbaImage, box: RoiBox, size: number): Portrait {
  const half = (CUT_SIZE * Math.max(box.xMax - box.xMin, box.yMax - box.yMin)) / 2;
  const x = (box.xMin + box.xMax) / 2;
  const y = (box.yMin + box.yMax) / 2;
  const region = { xMin: x - half, yMin: y - half, xMax: x + half, yMax: y + half };
  return { data: resizeRegion(photo, roundToPixels(region), size, size).data, size };
}

/** One frame: portraits over a grey background, later ones in front. Beyond the frame they are cut off. */
export function scene(width: number, height: number, placements: readonly Placement[]): RgbaImage {
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0, i = 0; y < height; y++) {
    const grey = 100 + (40 * y) / height;
    for (const end = i + width * 4; i < end; i += 4) {
      data[i] = grey;
      data[i + 1] = grey;
      data[i + 2] = grey;
    }
  }
  for (const { portrait, x, y } of placements) {
    const left = Math.round(x - portrait.size / 2);
    const top = Math.round(y - portrait.size / 2);
    for (let row = Math.max(0, -top); row < Math.min(portrait.size, height - top); row++) {
      for (let column = Math.max(0, -left); column < Math.min(portrait.size, width - left); column++) {
        const from = (row * portrait.size + column) * 3;
        const to = ((top + row) * width + left + column) * 4;
        for (let channel = 0; channel < 3; channel++) data[to + channel] = portrait.data[from + channel];
      }
    }
  }
  return { data, width, height };
}

/** A black frame. */
export function blackFrame(width: number, height: number): RgbaImage {
  const data = new Uint8Array(width * height * 4);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { data, width, height };
}

/** The frame with noise on every byte, as a camera adds it. */
export function withNoise({ data, width, height }: RgbaImage, deviation: number, seed: number): RgbaImage {
  const next = randomNumbers(seed);
  const noisy = new Uint8ClampedArray(data);
  for (let i = 0; i < noisy.length; i++) {
    // The sum of three is close enough to a normal distribution; its variance is 1/4.
    if (i % 4 !== 3) noisy[i] = data[i] + (next() + next() + next() - 1.5) * 2 * deviation;
  }
  return { data: noisy, width, height };
}
