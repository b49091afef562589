import { boxArea, intersectionOverUnion } from '../geometry/box.ts';
import type { RoiBox } from '../types.ts';

/** The box moved. */
export function moveBox({ xMin, yMin, xMax, yMax }: RoiBox, x: number, y: number): RoiBox {
  return { xMin: xMin + x, yMin: yMin + y, xMax: xMax + x, yMax: yMax + y };
}

/** Mean of width and height. */
export function boxSize({ xMin, yMin, xMax, yMax }: RoiBox): number {
  return (xMax - xMin + yMax - yMin) / 2;
}

/** Distance of two boxes' centres. */
export function centreDistance(a: RoiBox, b: RoiBox): number {
  return Math.hypot(a.xMin + a.xMax - b.xMin - b.xMax, a.yMin + a.yMax - b.yMin - b.yMax) / 2;
}

/** The part of a box that lies within an image, 0..1. */
export function visibleShare(
  box: RoiBox,
  { width, height }: { readonly width: number; readonly height: number },
): number {
  const shownWidth = Math.min(box.xMax, width) - Math.max(box.xMin, 0);
  const shownHeight = Math.min(box.yMax, height) - Math.max(box.yMin, 0);
  return shownWidth > 0 && shownHeight > 0 ? (shownWidth * shownHeight) / boxArea(box) : 0;
}

/**
 * Joins boxes of two lists in pairs, the most overlapping first.
 * @param minOverlap - pairs below this intersection over union stay apart.
 * @returns for each of `left` the index of its partner in `right`, or -1.
 */
export function joinByOverlap(left: readonly RoiBox[], right: readonly RoiBox[], minOverlap: number): number[] {
  const pairs = left.flatMap((a, i) => right.map((b, j) => ({ i, j, iou: intersectionOverUnion(a, b) })));
  const partners = left.map(() => -1);
  const taken = right.map(() => false);
  const joinable = pairs.filter(({ iou }) => iou > 0 && iou >= minOverlap).sort((a, b) => b.iou - a.iou);
  for (const { i, j } of joinable) {
    if (partners[i] !== -1 || taken[j] === true) continue;
    partners[i] = j;
    taken[j] = true;
  }
  return partners;
}
