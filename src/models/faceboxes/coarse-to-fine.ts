/**
 * Detection at half the size first. If that pass finds doubtful boxes, which may be small faces, a second pass follows
 * at the full size: on the half or the quarter of the image that contains all of them, or on the whole.
 */
import type { PictureKernel } from '../../engine/image/picture-kernel.ts';
import type { PixelRegion } from '../../engine/image/resize.ts';
import type { FaceBox, RgbaImage, RgbImage } from '../../types.ts';

/** The detector's input for an image. */
export interface DetectorInput {
  /** Px. */
  readonly width: number;
  /** Px. */
  readonly height: number;
  /** Relative to the image. Truncating to whole pixels shrinks the true ratios by up to a pixel; boxes ignore that. */
  readonly scale: number;
}

/** Those of a detector's options that differ between the passes. */
interface LookOptions {
  readonly confidenceThreshold: number;
  readonly minScore: number;
  readonly keepTopK: number;
}

/** Finds the faces in a region of an image; px of the region, divided by the input's scale. */
type Look<Options> = (
  image: RgbaImage | RgbImage,
  region: PixelRegion,
  input: DetectorInput,
  options: Options,
) => Promise<FaceBox[]>;

/** A small box that scores higher than this in the first pass may be a face at the full size. */
const DOUBT_SCORE = 0.01;
/** A box at least this wide in the first pass scores no better at the full size, px. */
const LARGE_WIDTH = 48;
/** Large faces that score higher than this are certain, … */
const SURE_SCORE = 0.5;
/** … and large ones that score between this and that are worth a second pass. */
const UNSURE_SCORE = 0.4;
/** Margin around a doubtful box in the second pass, in addition to half of its own size, px of the full size. */
const MARGIN = 32;

/**
 * Finds faces in an image.
 * @param size - the largest possible input of the second pass.
 * @returns as `FaceDetector.detect`.
 */
export async function detectCoarseToFine<Options extends LookOptions>(
  image: RgbaImage | RgbImage,
  size: DetectorInput,
  options: Options,
  picture: PictureKernel,
  look: Look<Options>,
): Promise<FaceBox[]> {
  const { width, height, scale } = size;
  const resized = (): RgbImage => picture.resize(image, wholeOf(image), width, height);
  // A large image is shrunk as for the full size, and then again, which skips fewer of its pixels than a single step.
  const first = scale < 1 ? resized() : image;
  const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2), scale: scale / 2 };
  const lowered = { ...options, confidenceThreshold: DOUBT_SCORE, minScore: DOUBT_SCORE };
  const seen = await look(first, wholeOf(first), half, lowered);
  const isLarge = ({ xMin, xMax }: FaceBox): boolean => (xMax - xMin) * half.scale >= LARGE_WIDTH;
  const sure = seen.filter((box) => isLarge(box) && box.score > Math.max(SURE_SCORE, options.minScore));
  const isApart = (box: FaceBox): boolean => !sure.some((face) => isCentredIn(face, box));
  const doubtful = seen.filter(
    (box) => (!isLarge(box) || box.score > Math.min(UNSURE_SCORE, options.minScore)) && isApart(box),
  );
  if (doubtful.length === 0) return sure;

  const [left, partWidth] = partAround(doubtful, 'xMin', 'xMax', width, scale);
  const [top, partHeight] = partAround(doubtful, 'yMin', 'yMax', height, scale);
  const part = { left, top, width: partWidth, height: partHeight };
  const faces = await look(scale > 1 ? resized() : first, part, { ...part, scale }, options);
  if (partWidth === width && partHeight === height) return faces;
  const x = left / scale;
  const y = top / scale;
  const moved = faces.map(({ xMin, yMin, xMax, yMax, score }) => ({
    xMin: xMin + x,
    yMin: yMin + y,
    xMax: xMax + x,
    yMax: yMax + y,
    score,
  }));
  // A face that the part's border cuts was certain already.
  return [...sure, ...moved.filter(isApart)].sort((a, b) => b.score - a.score).slice(0, options.keepTopK);
}

function wholeOf({ width, height }: RgbaImage | RgbImage): PixelRegion {
  return { left: 0, top: 0, width, height };
}

/** Whether a box is centred inside the box of a face: it is then of this face, or of a part of it. */
function isCentredIn(face: FaceBox, box: FaceBox): boolean {
  const x = (box.xMin + box.xMax) / 2;
  const y = (box.yMin + box.yMax) / 2;
  return x > face.xMin && x < face.xMax && y > face.yMin && y < face.yMax;
}

/**
 * Along one axis, the start and the length, in px, of the part for the second pass: half or all of the px, so that the
 * network, which is compiled for each size, gets four sizes.
 */
function partAround(
  boxes: readonly FaceBox[],
  min: 'xMin' | 'yMin',
  max: 'xMax' | 'yMax',
  extent: number,
  scale: number,
): [start: number, length: number] {
  const reachOf = (box: FaceBox): number => (box[max] - box[min]) / 2 + MARGIN / scale;
  const from = Math.max(0, scale * Math.min(...boxes.map((box) => box[min] - reachOf(box))));
  const to = Math.min(extent, scale * Math.max(...boxes.map((box) => box[max] + reachOf(box))));
  const half = Math.ceil(extent / 2);
  if (to - from > half) return [0, extent];
  return [Math.min(Math.max(0, Math.round((from + to - half) / 2)), extent - half), half];
}
