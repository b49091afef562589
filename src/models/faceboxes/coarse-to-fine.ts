/**
 * Detection at half the size first. Where that look is in doubt, which is where small faces may be, another follows at the full size: of
 * the half or the quarter of the image that all doubts are in, or of the whole.
 */
import type { PictureKernel } from '../../engine/image/picture-kernel.ts';
import type { PixelRegion } from '../../engine/image/resize.ts';
import type { FaceBox, RgbaImage, RgbImage } from '../../types.ts';

/** What the detector sees of an image. */
export interface DetectorInput {
  /** Px. */
  readonly width: number;
  /** Px. */
  readonly height: number;
  /** Relative to the image. Cutting to whole pixels makes the true ratios up to a pixel smaller; boxes ignore that. */
  readonly scale: number;
}

/** Of a detector's options, those that each look has its own values for. */
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

/** What scores higher than this in the first look, and is small, may be a face at the full size. */
const DOUBT_SCORE = 0.01;
/** What is at least this wide in the first look scores no better at the full size, px. */
const LARGE_WIDTH = 48;
/** Large faces that score higher than this are sure, … */
const SURE_SCORE = 0.5;
/** … and what is large and scores between this and that is worth another look. */
const UNSURE_SCORE = 0.4;
/** What is looked at again around a doubtful box, beside half of its own size, px of the full size. */
const MARGIN = 32;

/**
 * Finds faces in an image.
 * @param size - what the detector sees of the image in its second look, at most.
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
  // A large image is shrunk as for the full size, and then once more, which skips fewer of its pixels than a single step.
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
  // What the part's border cuts is a face that was sure.
  return [...sure, ...moved.filter(isApart)].sort((a, b) => b.score - a.score).slice(0, options.keepTopK);
}

function wholeOf({ width, height }: RgbaImage | RgbImage): PixelRegion {
  return { left: 0, top: 0, width, height };
}

/** Whether the centre of a box is in that of a face: then it is of this face, or of a part of it. */
function isCentredIn(face: FaceBox, box: FaceBox): boolean {
  const x = (box.xMin + box.xMax) / 2;
  const y = (box.yMin + box.yMax) / 2;
  return x > face.xMin && x < face.xMax && y > face.yMin && y < face.yMax;
}

/**
 * Along one axis, the first px of what is looked at again, and how many there are: half or all of them, so that the network, which is
 * compiled for each size, meets four.
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
