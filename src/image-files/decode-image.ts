import { checkOptionNames, describeValue, type OptionNames } from '../check-arguments.ts';
import { ImageDecodeError } from '../errors.ts';
import type { RgbaImage } from '../types.ts';
import { decodeAvif } from './decode-avif.ts';
import { decodeBmp } from './decode-bmp.ts';
import { decodeGif } from './decode-gif.ts';
import { decodeHeic } from './decode-heic.ts';
import { decodeJpeg } from './decode-jpeg.ts';
import { decodePng } from './decode-png.ts';
import { decodeWebp } from './decode-webp.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { detectImageFormat, type ImageFormat } from './image-format.ts';
import { decodeTiff } from './tiff/decode-tiff.ts';
import { turnUpright } from './turn-upright.ts';

/** Options of {@link decodeImage} and `readImage`. */
export interface DecodeImageOptions {
  /** Largest picture to decode, in pixels; checked before any are allocated. Default 100 million. */
  readonly maxPixels?: number;
  /** Name of the picture in errors; default `image`. */
  readonly path?: string;
}

/** For checking option names. */
export const DECODE_OPTION_NAMES: OptionNames<DecodeImageOptions> = { maxPixels: true, path: true };

/** Default of {@link DecodeImageOptions.maxPixels}. */
export const MAX_IMAGE_PIXELS = 100_000_000;

type Decode = (bytes: Uint8Array, checkSize: CheckSize) => DecodedPicture | Promise<DecodedPicture>;

const DECODERS: Readonly<Record<ImageFormat, Decode>> = {
  JPEG: decodeJpeg,
  PNG: decodePng,
  BMP: decodeBmp,
  GIF: decodeGif,
  TIFF: decodeTiff,
  WebP: decodeWebp,
  AVIF: decodeAvif,
  HEIC: decodeHeic,
};

const SUPPORTED = 'JPEG, PNG, WebP, AVIF, TIFF, BMP or GIF';

/** Checks that an argument is the bytes of a file. @throws TypeError explaining what to do. */
export function checkBytesArgument(bytes: unknown): void {
  if (bytes instanceof Uint8Array) return;
  const advice =
    bytes instanceof ArrayBuffer ? 'new Uint8Array(buffer)' : 'await readFile(path), or readImage(path) in one';
  throw new TypeError(`bytes: expected a Uint8Array with a whole file, got ${describeValue(bytes)}; ${advice}`);
}

/**
 * Decodes a picture file: JPEG, PNG, WebP, AVIF, BMP, GIF or TIFF, recognised by content, not by name; if it has
 * several pictures, the first. HEIC requires the optional package `libheif-js`.
 *
 * Pictures of any depth and colour type become 8-bit RGBA: other bit depths are scaled, colours under a transparent
 * alpha are kept, as in OpenCV, and embedded colour profiles are ignored. JPEG pixels equal libjpeg-turbo's. The
 * orientation given by EXIF or the container is applied. Only header features that have been compared with other
 * decoders are accepted; the rest is refused by name. `docs/formats.md` lists both.
 * @param bytes - the whole file; not changed. Anything after its end marker is ignored.
 * @throws ImageDecodeError if the bytes are not a picture, are truncated or damaged, are stored in an unsupported way,
 *   or have more than `maxPixels` pixels.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeImageOptions = {}): Promise<RgbaImage> {
  checkOptionNames(options, DECODE_OPTION_NAMES);
  checkBytesArgument(bytes);
  const { maxPixels = MAX_IMAGE_PIXELS, path = 'image' } = options;
  if (bytes.length === 0) throw new ImageDecodeError(path, 'the file is empty');
  const { format, otherName, noPicture } = detectImageFormat(bytes);
  if (otherName !== undefined) {
    throw new ImageDecodeError(path, `${otherName} pictures are not supported; use ${SUPPORTED}`);
  }
  if (noPicture !== undefined) throw new ImageDecodeError(path, `this is ${noPicture}, not a picture`);
  if (format === undefined) throw new ImageDecodeError(path, 'this is not a picture that can be read');
  const checkSize: CheckSize = (width, height) => {
    if (!(width >= 1 && height >= 1)) throw new ImageDecodeError(path, `the picture is ${width}x${height} pixels`);
    if (!(width * height <= maxPixels)) {
      throw new ImageDecodeError(path, `${width}x${height} pixels are more than the limit of ${maxPixels}`);
    }
  };
  try {
    const { image, orientation } = await DECODERS[format](bytes, checkSize);
    // Third-party decoders may arrive at a size other than that in the header that was checked.
    checkSize(image.width, image.height);
    if (image.data.length !== image.width * image.height * 4) throw new Error('the decoder returned a different size');
    return turnUpright(image, orientation);
  } catch (cause) {
    if (cause instanceof ImageDecodeError) throw cause;
    throw new ImageDecodeError(path, `cannot be decoded as ${format}: ${reasonOf(cause)}`, { cause });
  }
}

/** One line, whatever was thrown: some decoders throw strings or several lines. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n', 1)[0] ?? 'unknown error';
}
