import type { RgbaImage, RgbImage } from '../../types.ts';

/** Pixels that the image functions accept: 4 or 3 bytes each, recognised by the length of `data`. */
export type PixelImage = RgbaImage | RgbImage;

/**
 * Counts the bytes per pixel of `image`, which also checks that its size and data agree.
 * @returns 4 (RGBA) or 3 (RGB).
 * @throws RangeError if a size is not a positive integer or `data` has neither 3 nor 4 bytes per pixel.
 */
export function channelCount(image: PixelImage): 3 | 4 {
  const { data, width, height } = image;
  checkSize('image', width, height);
  const channels = data.length / (width * height);
  if (channels !== 3 && channels !== 4) {
    throw new RangeError(
      `image: expected ${width} x ${height} pixels of 3 or 4 bytes (${width * height * 3} or ${width * height * 4}), got ${data.length} bytes`,
    );
  }
  return channels;
}

/** @throws RangeError that names `what` if a size is not a positive integer. */
export function checkSize(what: string, width: number, height: number): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`${what}: expected a width and a height of at least 1 px, got ${width} x ${height}`);
  }
}

/**
 * Where to put RGB bytes: the start of `dst`, or a new array.
 * @throws RangeError if `dst` is too short.
 */
export function rgbDestination(width: number, height: number, dst?: Uint8Array): Uint8Array {
  const length = width * height * 3;
  if (dst === undefined) return new Uint8Array(length);
  if (dst.length < length) {
    throw new RangeError(`dst: expected at least ${length} bytes (${width} x ${height} RGB), got ${dst.length}`);
  }
  return dst.length === length ? dst : dst.subarray(0, length);
}
