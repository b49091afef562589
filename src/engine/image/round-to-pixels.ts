import type { RoiBox } from '../../types.ts';
import type { PixelRegion } from './resize.ts';
import { roundHalfToEven } from './round.ts';

/** Corners further out than this are a mistake, not a picture. */
const FARTHEST_CORNER = 2 ** 24;

/**
 * Rounds a region of interest to whole pixels: each corner separately, halves to even. The result can therefore be a
 * pixel wider or taller than the box, and a square box need not stay square.
 * @param roiBox - px of the image; may extend beyond it.
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
      `roiBox: expected xMin < xMax and yMin < yMax by at least a pixel, got [${xMin}, ${yMin}, ${xMax}, ${yMax}]`,
    );
  }
  return { left, top, width, height };
}
