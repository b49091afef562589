/** Accuracy measures for landmarks and detectors. */
import { intersectionOverUnion } from '../geometry/box.ts';
import type { FaceBox, RoiBox } from '../types.ts';

/** Ranges of |yaw| in degrees by which AFLW2000-3D results are reported. */
export const YAW_BINS = [
  [0, 30],
  [30, 60],
  [60, 90],
] as const;

/**
 * Normalised mean error of landmarks as AFLW2000-3D reports it: the mean distance in the picture over the square root
 * of the area of the true landmarks' box, in per cent.
 * @param landmarks - `[68 x 3]` as returned by `reconstruct`; z is ignored.
 * @param truth - `[68 x 2]`.
 */
export function nmePercent(landmarks: Float32Array, truth: Float64Array): number {
  let sum = 0;
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const count = truth.length / 2;
  for (let i = 0; i < count; i++) {
    const x = truth[2 * i];
    const y = truth[2 * i + 1];
    sum += Math.hypot(landmarks[3 * i] - x, landmarks[3 * i + 1] - y);
    for (const [axis, value] of [x, y].entries()) {
      low[axis] = Math.min(low[axis], value);
      high[axis] = Math.max(high[axis], value);
    }
  }
  const width = high[0] - low[0];
  const height = high[1] - low[1];
  return (100 * sum) / count / Math.sqrt(width * height);
}

/** Means over faces: over all, per yaw bin that has any, and over the bins (equally weighted). */
export interface NmeSummary {
  readonly faces: number;
  readonly meanPercent: number;
  readonly medianPercent: number;
  readonly bins: readonly {
    readonly fromDegrees: number;
    readonly toDegrees: number;
    readonly faces: number;
    readonly meanPercent: number;
  }[];
  /** As reported in papers on AFLW2000-3D; absent unless every bin has faces. */
  readonly meanOfBinsPercent?: number;
}

/** @param errors - NME of each face and, if known, its yaw. */
export function summariseNme(errors: readonly { nmePercent: number; yawDegrees?: number | undefined }[]): NmeSummary {
  const values = errors.map(({ nmePercent: value }) => value);
  const bins = YAW_BINS.flatMap(([fromDegrees, toDegrees]) => {
    const inside = errors.filter(({ yawDegrees }) => {
      if (yawDegrees === undefined) return false;
      const yaw = Math.abs(yawDegrees);
      // The last bin also takes larger angles: a head turned by more than 90 degrees is still a profile.
      return yaw >= fromDegrees && (yaw < toDegrees || toDegrees === 90);
    });
    if (inside.length === 0) return [];
    const meanPercent = mean(inside.map(({ nmePercent: value }) => value));
    return [{ fromDegrees, toDegrees, faces: inside.length, meanPercent }];
  });
  return {
    faces: values.length,
    meanPercent: mean(values),
    medianPercent: median(values),
    bins,
    ...(bins.length === YAW_BINS.length && { meanOfBinsPercent: mean(bins.map(({ meanPercent }) => meanPercent)) }),
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Difference of two angles in degrees, 0..180. */
export function angleDifference(a: number, b: number): number {
  return Math.abs(((((a - b + 180) % 360) + 360) % 360) - 180);
}

/** A detector's boxes in one picture, and the true ones. */
export interface DetectedPicture {
  readonly boxes: readonly FaceBox[];
  readonly faces: readonly { readonly box: RoiBox; readonly ignore: boolean }[];
}

/** Verdict on one box: found a face, found nothing, or does not count. */
interface Judged {
  readonly score: number;
  readonly hit: boolean;
  readonly overlap: number;
}

/** Accuracy of a detector over a set of pictures. */
export interface DetectionSummary {
  readonly imageCount: number;
  readonly faces: number;
  readonly minOverlap: number;
  /** Area under the precision-recall curve with monotonic precision (all points, as in PASCAL VOC since 2010), 0..1. */
  readonly averagePrecision: number;
  /** Boxes below this score do not count in `found` and the figures up to `meanOverlap`. */
  readonly minScore: number;
  readonly found: number;
  readonly falseBoxes: number;
  readonly recall: number;
  readonly precision: number;
  readonly falseBoxesPerImage: number;
  /** Of the faces found; 0 if none is found. */
  readonly meanOverlap: number;
  /** `[recall, precision]` by descending score. */
  readonly curve: readonly (readonly [number, number])[];
}

/**
 * Evaluates a detector: takes the boxes of all pictures by descending score and assigns each to the face that it covers
 * best, if that face is still free and the overlap is sufficient. Boxes on faces that do not count are ignored.
 */
export function summariseDetection(
  pictures: readonly DetectedPicture[],
  { minOverlap, minScore }: { readonly minOverlap: number; readonly minScore: number },
): DetectionSummary {
  const judged = pictures.flatMap((picture) => judge(picture, minOverlap)).sort((a, b) => b.score - a.score);
  const faces = pictures.reduce((sum, picture) => sum + picture.faces.filter(({ ignore }) => !ignore).length, 0);
  const curve: [number, number][] = [];
  let hits = 0;
  for (const [index, { hit }] of judged.entries()) {
    if (hit) hits++;
    curve.push([faces === 0 ? 0 : hits / faces, hits / (index + 1)]);
  }
  let averagePrecision = 0;
  let best = 0;
  for (let i = curve.length - 1; i >= 0; i--) {
    const [recall, precision] = curve[i];
    best = Math.max(best, precision);
    averagePrecision += (recall - (curve[i - 1]?.[0] ?? 0)) * best;
  }
  const sure = judged.filter(({ score }) => score >= minScore);
  const found = sure.filter(({ hit }) => hit);
  const falseBoxes = sure.length - found.length;
  return {
    imageCount: pictures.length,
    faces,
    minOverlap,
    averagePrecision,
    minScore,
    found: found.length,
    falseBoxes,
    recall: faces === 0 ? 0 : found.length / faces,
    precision: sure.length === 0 ? 0 : found.length / sure.length,
    falseBoxesPerImage: pictures.length === 0 ? 0 : falseBoxes / pictures.length,
    meanOverlap: found.length === 0 ? 0 : mean(found.map(({ overlap }) => overlap)),
    curve,
  };
}

function judge({ boxes, faces }: DetectedPicture, minOverlap: number): Judged[] {
  const taken = new Set<number>();
  const judged: Judged[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    const best = bestOverlap(box, faces);
    if (best === undefined || best.overlap < minOverlap) {
      judged.push({ score: box.score, hit: false, overlap: 0 });
    } else if (!faces[best.index]?.ignore) {
      judged.push({ score: box.score, hit: !taken.has(best.index), overlap: best.overlap });
      taken.add(best.index);
    }
  }
  return judged;
}

/** The face that a box covers best. */
export function bestOverlap(
  box: RoiBox,
  faces: readonly { readonly box: RoiBox }[],
): { readonly index: number; readonly overlap: number } | undefined {
  let best: { index: number; overlap: number } | undefined;
  for (const [index, face] of faces.entries()) {
    const overlap = intersectionOverUnion(box, face.box);
    if (overlap > (best?.overlap ?? 0)) best = { index, overlap };
  }
  return best;
}
