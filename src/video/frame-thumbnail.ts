import type { RgbaImage } from '../types.ts';

const COLUMNS = 16;
const ROWS = 9;
/** Pixels sampled along each side of a cell. */
const SAMPLES = 4;

/** `[9 x 16]` grey values, 0..255. */
export type FrameThumbnail = Float32Array;

/** A frame in 144 grey values: enough to distinguish a cut from any motion. */
export function frameThumbnail({ data, width, height }: RgbaImage): FrameThumbnail {
  const thumbnail = new Float32Array(COLUMNS * ROWS);
  const columns = COLUMNS * SAMPLES;
  const rows = ROWS * SAMPLES;
  for (let row = 0; row < rows; row++) {
    const y = Math.floor(((row + 0.5) * height) / rows);
    for (let column = 0; column < columns; column++) {
      const i = (y * width + Math.floor(((column + 0.5) * width) / columns)) * 4;
      const sum = data[i] + 2 * data[i + 1] + data[i + 2];
      const cell = Math.floor(row / SAMPLES) * COLUMNS + Math.floor(column / SAMPLES);
      thumbnail[cell] = thumbnail[cell] + sum / (4 * SAMPLES * SAMPLES);
    }
  }
  return thumbnail;
}

/** Difference of two frames: the mean difference of their grey values, 0..255. */
export function thumbnailDifference(a: FrameThumbnail, b: FrameThumbnail): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}
