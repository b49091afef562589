/**
 * The appearance of a face, as a few hundred grey values sampled at its landmarks and half-way between them: the same
 * places on the face whatever its pose. A regressor returns a face whatever it is shown, so its result alone cannot
 * tell whether the same face, or any, is still there.
 *
 * Tried on a talking head of 55 frames and five portraits. Minimum similarity of the same person in consecutive frames,
 * minimum of the same person 2 s apart, and maximum of two different people:
 *
 *   16 x 16 grey cells of the landmarks' box     0.72   0.23   0.61
 *   colours at the landmarks and between         0.98   0.81   0.83
 *   grey values at the landmarks and between     0.97   0.74   0.55   <- this file
 */

import { boundingBox } from '../geometry/box.ts';
import type { RgbaImage } from '../types.ts';
import { boxSize } from './boxes.ts';

/** Corners of eyes and lips, nose, brows, jaw: the values half-way between any two of them are used. */
const CORNERS = [36, 39, 42, 45, 27, 30, 33, 48, 54, 51, 57, 8, 4, 12, 2, 14, 19, 24, 6, 10];
/** First landmark after the jaw line; from here on landmarks are sampled themselves. */
const INNER_START = 17;
const INNER_END = 68;

/** Pairs of landmarks; a landmark paired with itself is sampled directly. */
const PLACES: readonly (readonly [number, number])[] = [
  ...CORNERS.flatMap((from, i) => CORNERS.slice(i + 1).map((to) => [from, to] as const)),
  ...Array.from({ length: INNER_END - INNER_START }, (_, i) => [INNER_START + i, INNER_START + i] as const),
];

/** Each value is the mean of 3 x 3 pixels this far apart, as a fraction of the face's size. */
const PIXEL_DISTANCE = 0.02;

/** A face whose grey values vary less than this is a uniform surface without any appearance. */
const FLAT_GREY_LEVELS = 2;

/** Two faces with less than this share of all places in common cannot be compared. */
const LEAST_COMMON_SHARE = 0.3;

/**
 * Grey values with mean 0 and variance 1; all 0 if the picture is uniform. NaN for a place outside the picture: half a
 * face is compared by its visible half.
 */
export type FaceAppearance = Float32Array;

/**
 * Samples the appearance of a face.
 * @param landmarks - `[68 x 3]`, image px.
 */
export function faceAppearance({ data, width, height }: RgbaImage, landmarks: Float32Array): FaceAppearance {
  const distance = boxSize(boundingBox(landmarks)) * PIXEL_DISTANCE;
  const values = new Float32Array(PLACES.length);
  for (let place = 0; place < PLACES.length; place++) {
    const [from, to] = PLACES[place];
    const centreX = (landmarks[3 * from] + landmarks[3 * to]) / 2;
    const centreY = (landmarks[3 * from + 1] + landmarks[3 * to + 1]) / 2;
    let sum = 0;
    let count = 0;
    for (let row = -1; row <= 1; row++) {
      const y = Math.floor(centreY + row * distance);
      if (!(y >= 0 && y < height)) continue;
      for (let column = -1; column <= 1; column++) {
        const x = Math.floor(centreX + column * distance);
        if (!(x >= 0 && x < width)) continue;
        const i = (y * width + x) * 4;
        sum += data[i] + 2 * data[i + 1] + data[i + 2];
        count++;
      }
    }
    values[place] = count === 0 ? Number.NaN : sum / (4 * count);
  }
  return normalise(values, FLAT_GREY_LEVELS);
}

/** Similarity of two faces, -1..1; 0 if one is uniform, NaN if too few places are visible in both. */
export function similarity(a: FaceAppearance, b: FaceAppearance): number {
  let count = 0;
  let sumA = 0;
  let sumB = 0;
  let squaresA = 0;
  let squaresB = 0;
  let products = 0;
  for (let i = 0; i < a.length; i++) {
    if (Number.isNaN(a[i]) || Number.isNaN(b[i])) continue;
    count++;
    sumA += a[i];
    sumB += b[i];
    squaresA += a[i] * a[i];
    squaresB += b[i] * b[i];
    products += a[i] * b[i];
  }
  if (count < a.length * LEAST_COMMON_SHARE) return Number.NaN;
  const spread = (squaresA - (sumA * sumA) / count) * (squaresB - (sumB * sumB) / count);
  if (!(spread > 0)) return 0;
  return (products - (sumA * sumB) / count) / Math.sqrt(spread);
}

/**
 * Blends a share, 0..1, of a recent appearance into the old one; places visible in only one are taken from that one.
 */
export function blendAppearances(old: FaceAppearance, recent: FaceAppearance, share: number): FaceAppearance {
  const blend = old.map((value, i) => {
    if (Number.isNaN(value)) return recent[i];
    return Number.isNaN(recent[i]) ? value : value + share * (recent[i] - value);
  });
  return normalise(blend, 0);
}

/** @param leastDeviation - standard deviation below which there is no appearance. */
function normalise(values: Float32Array, leastDeviation: number): FaceAppearance {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    count++;
    sum += value;
  }
  const mean = sum / count;
  for (const value of values) if (!Number.isNaN(value)) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / count);
  const isFlat = !(deviation > leastDeviation);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i])) values[i] = isFlat ? 0 : (values[i] - mean) / deviation;
  }
  return values;
}
