import { boxArea, intersectionOverUnion } from '../geometry/box.ts';
import type { RoiBox } from '../types.ts';

/** Size of an image. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Moves a box. */
export function moveBox({ xMin, yMin, xMax, yMax }: RoiBox, x: number, y: number): RoiBox {
  return { xMin: xMin + x, yMin: yMin + y, xMax: xMax + x, yMax: yMax + y };
}

/** Mean of width and height. */
export function boxSize({ xMin, yMin, xMax, yMax }: RoiBox): number {
  return (xMax - xMin + yMax - yMin) / 2;
}

/** Distance between the centres of two boxes. */
export function centreDistance(a: RoiBox, b: RoiBox): number {
  return Math.hypot(a.xMin + a.xMax - b.xMin - b.xMax, a.yMin + a.yMax - b.yMin - b.yMax) / 2;
}

/** The part of a box that lies within an image, 0..1. */
export function visibleShare(box: RoiBox, { width, height }: Size): number {
  const shownWidth = Math.min(box.xMax, width) - Math.max(box.xMin, 0);
  const shownHeight = Math.min(box.yMax, height) - Math.max(box.yMin, 0);
  return shownWidth > 0 && shownHeight > 0 ? (shownWidth * shownHeight) / boxArea(box) : 0;
}

/**
 * As `visibleShare`, but relative to as much of the box as fits into the image: 1 for a box that exceeds it on all
 * sides.
 */
export function visibleShareOfRoom(box: RoiBox, { width, height }: Size): number {
  const room = Math.min(box.xMax - box.xMin, width) * Math.min(box.yMax - box.yMin, height);
  return (visibleShare(box, { width, height }) * boxArea(box)) / room;
}

/** Whether two boxes extend beyond the same side of an image. */
export function crossSameSide(a: RoiBox, b: RoiBox, { width, height }: Size): boolean {
  return (
    (a.xMin < 0 && b.xMin < 0) ||
    (a.yMin < 0 && b.yMin < 0) ||
    (a.xMax > width && b.xMax > width) ||
    (a.yMax > height && b.yMax > height)
  );
}

/**
 * Pairs the boxes of two lists, those with most overlap first.
 * @param minOverlap - boxes below this intersection over union are not paired.
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
