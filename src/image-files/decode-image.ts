import { imageSize } from 'image-size';
import { ImageDecodeError } from '../errors.ts';
import type { RgbaImage } from '../types.ts';
import { decodeJpeg } from './decode-jpeg.ts';
import { decodeCmykJpeg, decodeWithJimp, type JimpFormat } from './decode-with-jimp.ts';
import { readJpegStructure } from './jpeg-structure.ts';

/** Options of {@link decodeImage} and `readImage`. */
export interface DecodeImageOptions {
  /** Largest picture that is decoded, in pixels; checked before any of them is allocated. Default 100 million. */
  readonly maxPixels?: number;
  /** What errors call the picture; default `image`. */
  readonly path?: string;
}

/** Default of {@link DecodeImageOptions.maxPixels}. */
export const MAX_IMAGE_PIXELS = 100_000_000;

const JIMP_FORMATS: readonly JimpFormat[] = ['png', 'bmp', 'gif', 'tiff'];
const CMYK_COMPONENTS = 4;

/**
 * Decodes a picture file: JPEG, PNG, BMP, GIF (first frame) or TIFF (first page), told by content, not by name.
 *
 * Grey, palette and 16-bit pictures become 8-bit RGBA; colours under a transparent alpha stay as they are, as OpenCV leaves
 * them. JPEG pixels equal libjpeg-turbo's. EXIF orientation of a JPEG is applied.
 * @param bytes - the whole file; not changed.
 * @throws ImageDecodeError when the bytes are no picture, are truncated or damaged, or have more than `maxPixels` pixels.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeImageOptions = {}): Promise<RgbaImage> {
  const { maxPixels = MAX_IMAGE_PIXELS, path = 'image' } = options;
  if (bytes.length === 0) throw new ImageDecodeError(path, 'the file is empty');
  const { type, width, height } = readHeader(bytes, path);
  const jimpFormat = JIMP_FORMATS.find((format) => format === type);
  if (type !== 'jpg' && jimpFormat === undefined) {
    throw new ImageDecodeError(path, `${type} pictures are not supported; use JPEG, PNG, BMP, GIF or TIFF`);
  }
  if (!(width >= 1 && height >= 1)) throw new ImageDecodeError(path, `the picture is ${width}x${height} pixels`);
  if (width * height > maxPixels) {
    throw new ImageDecodeError(path, `${width}x${height} pixels are more than the limit of ${maxPixels}`);
  }
  try {
    return await (jimpFormat === undefined ? decodeAnyJpeg(bytes) : decodeWithJimp(bytes, jimpFormat));
  } catch (cause) {
    throw new ImageDecodeError(path, `cannot be decoded as ${type}: ${reasonOf(cause)}`, { cause });
  }
}

function readHeader(bytes: Uint8Array, path: string): { type: string; width: number; height: number } {
  try {
    const { type = 'unknown', width, height } = imageSize(bytes);
    return { type, width, height };
  } catch (cause) {
    throw new ImageDecodeError(path, 'this is not a picture that can be read', { cause });
  }
}

async function decodeAnyJpeg(bytes: Uint8Array): Promise<RgbaImage> {
  const { componentCount, isComplete } = readJpegStructure(bytes);
  if (!isComplete) throw new Error('the file is truncated');
  return componentCount === CMYK_COMPONENTS ? decodeCmykJpeg(bytes) : decodeJpeg(bytes);
}

/** One line, whatever was thrown: some decoders throw strings or many lines. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n', 1)[0] ?? 'unknown error';
}
