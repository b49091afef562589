import { checkOptionNames } from '../check-arguments.ts';

/** Options of `suppressOverlaps`. */
export interface NmsOptions {
  /** A box is dropped when it overlaps a better one by at least this intersection over union, 0..1. */
  readonly threshold?: number;
  /** At most this many of the best boxes take part. */
  readonly maxCandidates?: number;
  /** At most this many of the best boxes are kept. */
  readonly maxKept?: number;
}

/** What 3DDFA_V2's FaceBoxes uses. */
export const NMS_DEFAULTS: Required<NmsOptions> = { threshold: 0.3, maxCandidates: 5000, maxKept: 750 };

/**
 * Non-maximum suppression: goes through the boxes from the best score to the worst and drops each that overlaps a kept
 * one too much.
 *
 * It is Fast R-CNN's rule, in float32: corners are pixels, so a box is `xMax - xMin + 1` wide, and a box is also
 * dropped when the overlap is EQUAL to the threshold. Of boxes with the same score the earlier one comes first.
 * @param boxes - `[n x 4]`: xMin, yMin, xMax, yMax, px.
 * @param scores - `[n]`.
 * @returns indices of the boxes kept, best first.
 * @throws RangeError if the lengths disagree.
 * @see FaceBoxes/utils/nms/cpu_nms.pyx `cpu_nms` (3DDFA_V2 1b6c676)
 */
export function suppressOverlaps(boxes: Float32Array, scores: Float32Array, options: NmsOptions = {}): number[] {
  checkOptionNames(options, NMS_DEFAULTS);
  const { threshold, maxCandidates, maxKept } = { ...NMS_DEFAULTS, ...options };
  const count = scores.length;
  if (boxes.length !== 4 * count) {
    throw new RangeError(`boxes: expected 4 numbers for each of the ${count} scores, got ${boxes.length}`);
  }
  const order = Array.from({ length: count }, (_, index) => index)
    .sort((a, b) => scores[b] - scores[a] || a - b)
    .slice(0, maxCandidates);
  const fround = Math.fround;
  const areas = new Float32Array(count);
  for (const index of order) {
    const width = fround(fround(boxes[4 * index + 2] - boxes[4 * index]) + 1);
    const height = fround(fround(boxes[4 * index + 3] - boxes[4 * index + 1]) + 1);
    areas[index] = width * height;
  }
  const suppressed = new Uint8Array(count);
  const kept: number[] = [];
  for (let i = 0; i < order.length && kept.length < maxKept; i++) {
    const best = order[i];
    if (suppressed[best] === 1) continue;
    kept.push(best);
    const xMin = boxes[4 * best];
    const yMin = boxes[4 * best + 1];
    const xMax = boxes[4 * best + 2];
    const yMax = boxes[4 * best + 3];
    const area = areas[best];
    for (let j = i + 1; j < order.length; j++) {
      const other = order[j];
      if (suppressed[other] === 1) continue;
      const left = Math.max(xMin, boxes[4 * other]);
      const top = Math.max(yMin, boxes[4 * other + 1]);
      const right = Math.min(xMax, boxes[4 * other + 2]);
      const bottom = Math.min(yMax, boxes[4 * other + 3]);
      const width = Math.max(0, fround(fround(right - left) + 1));
      const height = Math.max(0, fround(fround(bottom - top) + 1));
      const intersection = fround(width * height);
      const union = fround(fround(area + areas[other]) - intersection);
      if (fround(intersection / union) >= threshold) suppressed[other] = 1;
    }
  }
  return kept;
}
