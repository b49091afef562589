import type { RoiBox } from '../types.ts';

/**
 * The box around points in x and y; inside out, from infinity to minus infinity, if there are none. Coordinates that
 * are not numbers are skipped.
 * @param points - `[n x 3]`, xyz interleaved.
 */
export function boundingBox(points: Float32Array): RoiBox {
  let xMin = Infinity;
  let yMin = Infinity;
  let xMax = -Infinity;
  let yMax = -Infinity;
  for (let i = 0; i + 2 < points.length; i += 3) {
    const x = points[i];
    const y = points[i + 1];
    if (x < xMin) xMin = x;
    if (x > xMax) xMax = x;
    if (y < yMin) yMin = y;
    if (y > yMax) yMax = y;
  }
  return { xMin, yMin, xMax, yMax };
}

/** Intersection over union, 0..1. */
export function intersectionOverUnion(a: RoiBox, b: RoiBox): number {
  const width = Math.min(a.xMax, b.xMax) - Math.max(a.xMin, b.xMin);
  const height = Math.min(a.yMax, b.yMax) - Math.max(a.yMin, b.yMin);
  if (!(width > 0 && height > 0)) return 0;
  const intersection = width * height;
  return intersection / (boxArea(a) + boxArea(b) - intersection);
}

/** Width times height. */
export function boxArea({ xMin, yMin, xMax, yMax }: RoiBox): number {
  return (xMax - xMin) * (yMax - yMin);
}
