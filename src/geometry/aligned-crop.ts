/** A face turned upright and scaled so that its eyes, nose and mouth are where face recognisers expect them. */
import { checkImageArgument, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { RgbaImage } from '../types.ts';
import { type FaceLandmarks, landmarkCentre, landmarksOf } from './face-landmarks.ts';
import { LANDMARK_REGIONS } from './landmark-regions.ts';
import { checkImage, type Picture } from './picture.ts';

/** Options of {@link alignedCrop}. */
export interface AlignedCropOptions {
  /** Width and height of the crop, px: 112, the default, is what ArcFace and most others expect. */
  readonly size?: number;
}

const OPTION_NAMES: OptionNames<AlignedCropOptions> = { size: true };

/** Size of the crop that the five points refer to. */
const TEMPLATE_SIZE = 112;

/**
 * ArcFace's five points in a crop of 112 x 112 px: the person's right eye, left eye, tip of the nose, right and left corner of
 * the mouth; x, y.
 * @see insightface `src/face_align.py`, `arcface_dst`
 */
export const ARCFACE_TEMPLATE: readonly (readonly [x: number, y: number])[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

/** Largest side of a crop, px. */
const MAX_SIZE = 4096;
/** Landmarks of the nose's tip and the corners of the mouth. */
const NOSE_TIP = 30;
const MOUTH_CORNERS = [48, 54] as const;

/**
 * Cuts a face out for a recogniser: the similarity transform (turned, scaled and moved, nothing else) that brings its
 * five points closest to ArcFace's, sampled bilinearly; black outside the photo.
 * @param image - the photo.
 * @param face - landmarks `[68 x 3]`, image px, as `aligner.reconstruct(face)` gives them, or a tracked face.
 * @returns a new picture, `size` x `size`.
 * @throws TypeError for anything else; RangeError for an image whose size and data disagree, an invalid size, or
 *   landmarks all in one place.
 */
export function alignedCrop(image: RgbaImage, face: FaceLandmarks, options: AlignedCropOptions = {}): Picture {
  checkImageArgument(image);
  checkImage(image);
  checkOptionNames(options, OPTION_NAMES);
  const { size = TEMPLATE_SIZE } = options;
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    throw new RangeError(`size: expected a whole number from 1 to ${MAX_SIZE}, got ${size}`);
  }
  const { a, b, x: tx, y: ty } = cropToPhoto(fivePoints(face), size);
  const { data, width, height } = image;
  const crop = new Uint8ClampedArray(size * size * 4);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++, at += 4) {
      const x = a * column - b * row + tx;
      const y = b * column + a * row + ty;
      const left = Math.floor(x);
      const top = Math.floor(y);
      const rightShare = x - left;
      const bottomShare = y - top;
      for (let channel = 0; channel < 3; channel++) {
        let value = 0;
        for (let corner = 0; corner < 4; corner++) {
          const px = left + (corner & 1);
          const py = top + (corner >> 1);
          if (px < 0 || py < 0 || px >= width || py >= height) continue;
          const share = (corner & 1 ? rightShare : 1 - rightShare) * (corner >> 1 ? bottomShare : 1 - bottomShare);
          value += share * data[(py * width + px) * 4 + channel];
        }
        crop[at + channel] = value;
      }
      crop[at + 3] = 255;
    }
  }
  return { data: crop, width: size, height: size };
}

/**
 * The five points of a face that recognisers align by: centres of the person's right and left eye, tip of the nose,
 * right and left corner of the mouth.
 * @returns x, y of each, image px.
 * @throws TypeError for anything other than landmarks.
 */
export function fivePoints(face: FaceLandmarks): [x: number, y: number][] {
  const landmarks = landmarksOf(face);
  const point = (index: number): [number, number] => [landmarks[index * 3], landmarks[index * 3 + 1]];
  const eye = (indices: readonly number[]): [number, number] => {
    const [x, y] = landmarkCentre(landmarks, indices);
    return [x, y];
  };
  return [
    eye(LANDMARK_REGIONS.rightEye),
    eye(LANDMARK_REGIONS.leftEye),
    point(NOSE_TIP),
    point(MOUTH_CORNERS[0]),
    point(MOUTH_CORNERS[1]),
  ];
}

/** `x' = a x - b y + tx`, `y' = b x + a y + ty`: from px of the crop to px of the photo, least squares over the five points. */
function cropToPhoto(points: readonly (readonly [number, number])[], size: number) {
  const template = ARCFACE_TEMPLATE.map(([x, y]) => [(x * size) / TEMPLATE_SIZE, (y * size) / TEMPLATE_SIZE] as const);
  const mean = (values: readonly (readonly [number, number])[], axis: 0 | 1): number =>
    values.reduce((sum, value) => sum + value[axis] / values.length, 0);
  const [fromX, fromY, toX, toY] = [mean(template, 0), mean(template, 1), mean(points, 0), mean(points, 1)];
  let dot = 0;
  let cross = 0;
  let squares = 0;
  let spread = 0;
  for (const [i, [x, y]] of template.entries()) {
    const [u, v] = [x - fromX, y - fromY];
    const [p, q] = [points[i][0] - toX, points[i][1] - toY];
    dot += u * p + v * q;
    cross += u * q - v * p;
    squares += u * u + v * v;
    spread += p * p + q * q;
  }
  if (!(spread > 0 && spread < Infinity)) throw new RangeError('face: expected landmarks that are apart and finite');
  const [a, b] = [dot / squares, cross / squares];
  return { a, b, x: toX - (a * fromX - b * fromY), y: toY - (b * fromX + a * fromY) };
}
