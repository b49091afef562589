import { encode } from 'fast-png';
import { checkImageArgument, checkNumber, checkOptionNames } from '../check-arguments.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import type { RgbaImage, RgbImage } from '../types.ts';
import { channelCount } from './channel-count.ts';
import { ENCODE_JPEG_DEFAULTS, ENCODE_JPEG_OPTION_NAMES, type EncodeJpegOptions, encodeJpeg } from './encode-jpeg.ts';

/**
 * Writes a PNG or a JPEG, by file extension; the file appears whole or not at all.
 * @param path - output path ending in `.png`, `.jpg` or `.jpeg`; an existing file is replaced.
 * @param image - RGBA or RGB bytes; a JPEG has no alpha.
 * @param options - for JPEG only; PNG is lossless.
 * @throws RangeError for another extension or data that does not match the size; TddfaError naming the path if it
 *   cannot be written.
 */
export async function writeImage(
  path: string,
  image: RgbaImage | RgbImage,
  options: EncodeJpegOptions = {},
): Promise<void> {
  checkOptionNames(options, ENCODE_JPEG_OPTION_NAMES);
  checkNumber('quality', options.quality ?? ENCODE_JPEG_DEFAULTS.quality, 1, 100);
  checkImageArgument(image);
  const isJpeg = /\.jpe?g$/i.test(path);
  if (!isJpeg && !/\.png$/i.test(path)) {
    throw new RangeError(`path: expected a name that ends in .png, .jpg or .jpeg, got '${path}'`);
  }
  await writeFileAtomically(path, isJpeg ? await encodeJpeg(image, options) : encodePng(image));
}

/** Encodes 8-bit RGBA or RGB bytes as PNG. */
export function encodePng(image: RgbaImage | RgbImage): Uint8Array {
  const channels = channelCount(image);
  const { data, width, height } = image;
  return encode({ width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length), channels, depth: 8 });
}

/** Encodes RGBA bytes as PNG without alpha: a quarter less to compress and to decode. */
export function encodeOpaquePng({ data, width, height }: RgbaImage): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    rgb[j] = data[i];
    rgb[j + 1] = data[i + 1];
    rgb[j + 2] = data[i + 2];
  }
  return encodePng({ data: rgb, width, height });
}

/** Encodes 16-bit grey values, `[height x width]`, as PNG. */
export function encodeGrey16Png(image: {
  readonly data: Uint16Array;
  readonly width: number;
  readonly height: number;
}): Uint8Array {
  const { data, width, height } = image;
  return encode({ width, height, data, channels: 1, depth: 16 });
}
