import { channelCount, type PixelImage } from './pixels.ts';

/** How bytes become the numbers that a network was trained on: `(byte - mean) * scale`, per channel. */
export interface PixelNormalisation {
  /** Subtracted from blue, green and red. */
  readonly mean: readonly [blue: number, green: number, red: number];
  readonly scale: number;
}

/** The mean of each channel over ImageNet, subtracted. -123..151. */
export const MEAN_SUBTRACTED: PixelNormalisation = { mean: [104, 117, 123], scale: 1 };

/** `(byte - 127.5) / 128`: bytes centred and scaled to about one. -0.996..0.996. */
export const CENTRED: PixelNormalisation = { mean: [127.5, 127.5, 127.5], scale: 1 / 128 };

/**
 * Turns pixels into one image of a network's input batch: BGR, float32, NHWC. Both normalisations above are exact.
 * @param image - RGBA or RGB bytes, already of the network's size; alpha is ignored.
 * @param normalisation - `MEAN_SUBTRACTED`, `CENTRED` or your own.
 * @param dst - `[batch x height x width x 3]`, written from `offset` onwards; a new array for one image if absent.
 * @param offset - where in `dst` the image starts: `index * height * width * 3` for image `index` of a batch.
 * @returns `dst`.
 * @throws RangeError if the image's sizes and data disagree, or `dst` has no room at `offset`.
 */
export function toNetworkInput(
  image: PixelImage,
  normalisation: PixelNormalisation,
  dst: Float32Array = new Float32Array(image.width * image.height * 3),
  offset = 0,
): Float32Array {
  const channels = channelCount(image);
  const { data, width, height } = image;
  const end = offset + width * height * 3;
  if (!Number.isInteger(offset) || offset < 0 || dst.length < end) {
    throw new RangeError(
      `dst: expected room for ${width} x ${height} x 3 numbers at offset ${offset}, got ${dst.length} numbers in all`,
    );
  }
  const [blueMean, greenMean, redMean] = normalisation.mean;
  const scale = normalisation.scale;
  for (let from = 0, to = offset; to < end; from += channels, to += 3) {
    dst[to] = (data[from + 2] - blueMean) * scale;
    dst[to + 1] = (data[from + 1] - greenMean) * scale;
    dst[to + 2] = (data[from] - redMean) * scale;
  }
  return dst;
}
