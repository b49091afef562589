import type { RgbImage, RoiBox } from '../../types.ts';
import { channelCount, type PixelImage, rgbDestination } from './pixels.ts';
import { type PixelRegion, resizeRegion } from './resize.ts';
import { roundHalfToEven } from './round.ts';

/** Corners further out than this are a mistake, not a picture. */
const FARTHEST_CORNER = 2 ** 24;

/**
 * Rounds a region of interest to whole pixels: each corner by itself, halves to even. The result can therefore be a pixel
 * wider or higher than the box, and a square box need not stay square.
 * @param roiBox - px of the image; may reach beyond it.
 * @throws RangeError if a corner is not finite or absurdly far away, or the rounded box is empty or inverted.
 * @see utils/functions.py `crop_img` (3DDFA_V2 1b6c676)
 */
export function roundToPixels(roiBox: RoiBox): PixelRegion {
  const { xMin, yMin, xMax, yMax } = roiBox;
  for (const corner of [xMin, yMin, xMax, yMax]) {
    if (!(Math.abs(corner) <= FARTHEST_CORNER)) {
      throw new RangeError(
        `roiBox: expected corners within ${FARTHEST_CORNER} px of the image's origin, got [${xMin}, ${yMin}, ${xMax}, ${yMax}]`,
      );
    }
  }
  const left = roundHalfToEven(xMin);
  const top = roundHalfToEven(yMin);
  const width = roundHalfToEven(xMax) - left;
  const height = roundHalfToEven(yMax) - top;
  if (width < 1 || height < 1) {
    throw new RangeError(
      `roiBox: expected xMin < xMax and yMin < yMax by a pixel at least, got [${xMin}, ${yMin}, ${xMax}, ${yMax}]`,
    );
  }
  return { left, top, width, height };
}

/**
 * Copies a region of interest out of an image. What lies outside the image is black; a box wholly outside gives a black
 * crop, not an error.
 * @param image - RGBA or RGB bytes; alpha is ignored.
 * @param roiBox - px of the image, rounded by `roundToPixels`, which says how large the crop is.
 * @param dst - at least `[height x width x 3]` bytes, none of them shared with `image`; a new array if absent.
 * @returns RGB bytes in the front of `dst`.
 * @throws RangeError if the box is empty, inverted or not finite, or an array does not fit its size.
 * @see utils/functions.py `crop_img` (3DDFA_V2 1b6c676)
 */
export function cropImage(image: PixelImage, roiBox: RoiBox, dst?: Uint8Array): RgbImage {
  const channels = channelCount(image);
  const { left, top, width, height } = roundToPixels(roiBox);
  const data = rgbDestination(width, height, dst);
  data.fill(0);
  const firstColumn = Math.max(left, 0);
  const endColumn = Math.min(left + width, image.width);
  const firstRow = Math.max(top, 0);
  const endRow = Math.min(top + height, image.height);
  const source = image.data;
  for (let row = firstRow; row < endRow; row++) {
    let from = (row * image.width + firstColumn) * channels;
    let to = ((row - top) * width + firstColumn - left) * 3;
    for (let column = firstColumn; column < endColumn; column++, from += channels, to += 3) {
      data[to] = source[from];
      data[to + 1] = source[from + 1];
      data[to + 2] = source[from + 2];
    }
  }
  return { data, width, height };
}

/**
 * Cuts a region of interest out of an image and resizes it: the pixels of `resizeImage(cropImage(image, roiBox), …)`,
 * bit for bit, without the copy between.
 * @param image - RGBA or RGB bytes; alpha is ignored.
 * @param roiBox - px of the image; rounded by `roundToPixels`, black outside the image.
 * @param width - of the result, px.
 * @param height - of the result, px.
 * @param dst - at least `[height x width x 3]` bytes, none of them shared with `image`; a new array if absent.
 * @returns RGB bytes in the front of `dst`.
 * @throws RangeError as `cropImage` and `resizeImage` do.
 */
export function cropAndResize(
  image: PixelImage,
  roiBox: RoiBox,
  width: number,
  height: number,
  dst?: Uint8Array,
): RgbImage {
  return resizeRegion(image, roundToPixels(roiBox), width, height, dst);
}
