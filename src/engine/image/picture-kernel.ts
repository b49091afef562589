import type { RgbImage } from '../../types.ts';
import { type PixelNormalisation, toNetworkInput } from './network-input.ts';
import type { PixelImage } from './pixels.ts';
import { type PixelRegion, resizeRegion } from './resize.ts';

/** Resizes pictures to a network's input size. Every engine has one; all produce the same bytes and numbers. */
export interface PictureKernel {
  /**
   * Crops a region of a picture and resizes it, to the same bytes as `resizeRegion`.
   * @param image - RGBA or RGB bytes; alpha is ignored.
   * @param region - whole px of the picture; black where it extends beyond the picture.
   * @param dst - at least `[height x width x 3]` bytes; a new array if absent.
   * @throws RangeError as `resizeRegion` does.
   */
  resize(image: PixelImage, region: PixelRegion, width: number, height: number, dst?: Uint8Array): RgbImage;
  /**
   * The same, and then `(value - mean) * scale` in the order B, G, R: what `toNetworkInput` makes of the resized
   * region.
   * @param dst - at least `[height x width x 3]`; a new array if absent.
   * @throws RangeError as `resizeRegion` and `toNetworkInput` do.
   */
  toNetworkInput(
    image: PixelImage,
    region: PixelRegion,
    width: number,
    height: number,
    normalisation: PixelNormalisation,
    dst?: Float32Array,
  ): Float32Array;
}

/** In plain JavaScript: the reference, also used by engines without their own WebAssembly. */
export const plainPictureKernel: PictureKernel = {
  resize: resizeRegion,
  toNetworkInput(image, region, width, height, normalisation, dst) {
    const isWhole = region.left === 0 && region.top === 0 && width === image.width && height === image.height;
    const isAsItIs = isWhole && region.width === width && region.height === height;
    return toNetworkInput(isAsItIs ? image : resizeRegion(image, region, width, height), normalisation, dst);
  },
};
