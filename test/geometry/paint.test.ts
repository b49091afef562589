import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { paintSegments, type StrokeStyle } from '../../src/geometry/paint.ts';
import type { Picture } from '../../src/geometry/picture.ts';

const [WIDTH, HEIGHT] = [23, 17];
const random = randomNumbers(41);
const noise = Uint8ClampedArray.from({ length: WIDTH * HEIGHT * 4 }, () => Math.floor(256 * random()));

/** Distance of a pixel's centre from a segment. */
function distanceTo(x: number, y: number, [x0, y0, x1, y1]: readonly number[]): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = Math.hypot(dx, dy);
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length ** 2));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

/** Largest difference from strokes that are painted pixel by pixel: full within the radius less half a px, none half a px beyond. */
function worstDifference(segments: readonly (readonly number[])[], style: StrokeStyle): number {
  const canvas: Picture = { data: new Uint8ClampedArray(noise), width: WIDTH, height: HEIGHT };
  paintSegments(canvas, segments.flat(), style);
  const radius = Math.max(1, style.lineWidth) / 2;
  const strength = (style.opacity ?? 1) * Math.min(1, style.lineWidth);
  let worst = 0;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const nearest = Math.min(Infinity, ...segments.map((segment) => distanceTo(x, y, segment)));
      const alpha = strength * Math.min(1, Math.max(0, radius + 0.5 - nearest));
      for (let c = 0; c < 4; c++) {
        const at = (y * WIDTH + x) * 4 + c;
        const expected = c === 3 ? noise[at] : noise[at] + (style.colour[c] - noise[at]) * alpha;
        worst = Math.max(worst, Math.abs(canvas.data[at] - expected));
      }
    }
  }
  return worst;
}

// Coverage has 255 steps, and bytes are rounded.
const MAX_DIFFERENCE = 1.05;
const place = (most: number): number => random() * (most + 12) - 6;
const anySegment = (): number[] => [place(WIDTH), place(HEIGHT), place(WIDTH), place(HEIGHT)];

describe('strokes', () => {
  test.each([0.3, 1, 1.7, 3, 6.5])('of %f px cover what lies within half of that, wherever they run', (lineWidth) => {
    for (let round = 0; round < 40; round++) {
      const segments = Array.from({ length: 1 + (round % 3) }, anySegment);
      const style = { colour: [250, 20, 130], lineWidth, ...(round % 2 === 0 ? {} : { opacity: 0.6 }) } as const;
      expect(worstDifference(segments, style)).toBeLessThan(MAX_DIFFERENCE);
    }
  });

  test.each<[string, number[]]>([
    ['level', [3, 8, 18, 8]],
    ['upright', [11, 2, 11, 14]],
    ['backwards', [18.4, 12.2, 3.1, 4.7]],
    ['a dot', [7.3, 9.6, 7.3, 9.6]],
    ['a dot on a pixel', [7, 9, 7, 9]],
    ['along the borders', [0, 0, 22, 0]],
    ['at the last pixel', [22, 16, 22, 16]],
    ['beyond the right border', [23.4, -3, 23.4, 30]],
    ['beyond the left border', [-1.4, -3, -1.4, 30]],
    ['beyond the top', [-5, -1.4, 40, -1.4]],
    ['beyond the bottom', [-5, 17.4, 40, 17.4]],
    ['far away', [500, 500, 600, 500]],
  ])('are right where they are %s', (_name, segment) => {
    for (const lineWidth of [1, 2, 4]) {
      expect(worstDifference([segment], { colour: [0, 255, 0], lineWidth })).toBeLessThan(MAX_DIFFERENCE);
    }
  });

  test('are nothing where there are none, or less than one', () => {
    expect(worstDifference([], { colour: [1, 2, 3], lineWidth: 3 })).toBe(0);
    const canvas: Picture = { data: new Uint8ClampedArray(noise), width: WIDTH, height: HEIGHT };
    paintSegments(canvas, [5, 5, 9], { colour: [1, 2, 3], lineWidth: 3 });
    expect(canvas.data).toEqual(noise);
  });
});
