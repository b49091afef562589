import { checkNumber, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { ImageDecodeError } from '../errors.ts';
import { HEIC_ADVICE, HEIF_BEGINNING_BYTES, heifKind } from '../heif-kind.ts';
import type { RgbaImage } from '../types.ts';

/**
 * Anything in a browser that has pixels. A `Blob` or `File` holds a picture file in any format that the browser
 * decodes.
 */
export type PixelSource =
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageBitmap
  | VideoFrame
  | Blob
  | RgbaImage;

/** Options of {@link readPixels}. */
export interface ReadPixelsOptions {
  /** Maximum length of a side, px: larger pictures are scaled down. By default the picture keeps its size. */
  readonly maxSide?: number;
}

const READ_PIXELS_OPTION_NAMES: OptionNames<ReadPixelsOptions> = { maxSide: true };

interface PixelClasses {
  readonly Blob: Blob;
  readonly File: File;
  readonly HTMLCanvasElement: HTMLCanvasElement;
  readonly HTMLImageElement: HTMLImageElement;
  readonly HTMLVideoElement: HTMLVideoElement;
  readonly ImageBitmap: ImageBitmap;
  readonly OffscreenCanvas: OffscreenCanvas;
  readonly VideoFrame: VideoFrame;
}

/** `instanceof` for classes that some browsers, all workers or all servers lack. */
function isA<Name extends keyof PixelClasses>(value: unknown, name: Name): value is PixelClasses[Name] {
  const expected: unknown = globalThis[name];
  return typeof expected === 'function' && value instanceof expected;
}

/**
 * Reads the pixels of a picture, of a video's current frame or of a canvas.
 *
 * Files are turned upright according to their EXIF data, and so are `<img>` elements. The colours of files are used as
 * stored, without colour management, as `readImage` does in Node; `<img>`, video and canvas give what is shown on the
 * screen.
 * @param source - stays open and unchanged; an image or video element from another site needs its `crossorigin`
 *   attribute.
 * @returns RGBA bytes in a new array; an `RgbaImage`, such as `ImageData`, is returned as it is unless `maxSide` scales
 *   it down.
 * @throws ImageDecodeError if the file is not a picture, the video has no frame yet, or the browser forbids reading the
 *   pixels; TypeError for anything other than the above.
 */
export async function readPixels(source: PixelSource, options: ReadPixelsOptions = {}): Promise<RgbaImage> {
  checkOptionNames(options, READ_PIXELS_OPTION_NAMES);
  const { maxSide = Number.POSITIVE_INFINITY } = options;
  checkNumber('maxSide', maxSide, 1);
  if (isA(source, 'Blob')) return readBlob(source, maxSide);
  if (isA(source, 'HTMLImageElement')) {
    await decodeElement(source);
    return draw(source, source.naturalWidth, source.naturalHeight, maxSide);
  }
  if (isA(source, 'HTMLVideoElement')) {
    const hasFrame = source.readyState >= HAVE_CURRENT_DATA;
    return draw(source, hasFrame ? source.videoWidth : 0, source.videoHeight, maxSide);
  }
  if (isA(source, 'VideoFrame')) return draw(source, source.displayWidth, source.displayHeight, maxSide);
  if (isA(source, 'HTMLCanvasElement') || isA(source, 'OffscreenCanvas') || isA(source, 'ImageBitmap')) {
    return draw(source, source.width, source.height, maxSide);
  }
  if (isRgbaImage(source)) {
    return Math.max(source.width, source.height) <= maxSide ? source : shrink(source, maxSide);
  }
  const found = Object.prototype.toString.call(source);
  throw new TypeError(`source: expected an image, video, canvas, bitmap, frame, file or RGBA pixels, got ${found}`);
}

/** `HTMLMediaElement.HAVE_CURRENT_DATA`. */
const HAVE_CURRENT_DATA = 2;

function isRgbaImage(source: unknown): source is RgbaImage {
  if (typeof source !== 'object' || source === null) return false;
  const { data, width, height } = source as Partial<RgbaImage>;
  const isBytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  return isBytes && Number.isInteger(width) && Number.isInteger(height);
}

async function decodeElement(image: HTMLImageElement): Promise<void> {
  try {
    await image.decode();
  } catch (cause) {
    throw new ImageDecodeError(image.currentSrc || image.src || 'image', 'the browser cannot show it', { cause });
  }
}

async function readBlob(blob: Blob | File, maxSide: number): Promise<RgbaImage> {
  const name = isA(blob, 'File') ? blob.name : 'image';
  if (blob.size === 0) throw new ImageDecodeError(name, 'the file is empty');
  let bitmap: ImageBitmap;
  try {
    bitmap = await decodeBlob(blob);
  } catch (cause) {
    const beginning = await blob.slice(0, HEIF_BEGINNING_BYTES).arrayBuffer();
    const isHeic = heifKind(new Uint8Array(beginning)) === 'HEIC';
    const reason = 'this is not a picture that the browser can read';
    throw new ImageDecodeError(name, isHeic ? `${reason}; ${HEIC_ADVICE}` : reason, { cause });
  }
  try {
    return draw(bitmap, bitmap.width, bitmap.height, maxSide);
  } finally {
    bitmap.close();
  }
}

async function decodeBlob(blob: Blob): Promise<ImageBitmap> {
  const options = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;
  try {
    return await createImageBitmap(blob, { ...options, imageOrientation: 'from-image' });
  } catch (error) {
    // Older browsers reject the value with a TypeError, unlike a broken picture, and turn files upright without it.
    if (!(error instanceof TypeError)) throw error;
    return createImageBitmap(blob, options);
  }
}

async function shrink(image: RgbaImage, maxSide: number): Promise<RgbaImage> {
  const pixels = new ImageData(new Uint8ClampedArray(image.data), image.width, image.height);
  const bitmap = await createImageBitmap(pixels, { premultiplyAlpha: 'none' });
  try {
    return draw(bitmap, image.width, image.height, maxSide);
  } finally {
    bitmap.close();
  }
}

type Context = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

/** Its canvas is kept from frame to frame, as creating one takes longer than drawing; large pictures get their own. */
let shared: Context | undefined;
const MAX_SHARED_PIXELS = 1920 * 1080;

function draw(source: CanvasImageSource, width: number, height: number, maxSide: number): RgbaImage {
  if (!(width >= 1 && height >= 1)) throw new ImageDecodeError(nameOf(source), 'there is no picture to read yet');
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const targetWidth = Math.max(1, Math.round(width * scale));
  const targetHeight = Math.max(1, Math.round(height * scale));
  const isShared = targetWidth * targetHeight <= MAX_SHARED_PIXELS;
  const context = (isShared && shared) || createContext(targetWidth, targetHeight);
  if (context === null) throw new ImageDecodeError(nameOf(source), `the browser has no canvas of ${width} x ${height}`);
  if (isShared) shared = context;
  const { canvas } = context;
  if (canvas.width !== targetWidth) canvas.width = targetWidth;
  if (canvas.height !== targetHeight) canvas.height = targetHeight;
  context.globalCompositeOperation = 'copy';
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, targetWidth, targetHeight);
  try {
    return context.getImageData(0, 0, targetWidth, targetHeight);
  } catch (cause) {
    if (isShared) shared = undefined; // It is tainted: nothing that it draws later could be read.
    throw new ImageDecodeError(nameOf(source), "it is from another site: set its attribute crossorigin='anonymous'", {
      cause,
    });
  }
}

function createContext(width: number, height: number): Context | null {
  const settings: CanvasRenderingContext2DSettings = { willReadFrequently: true };
  if (typeof OffscreenCanvas === 'function') return new OffscreenCanvas(width, height).getContext('2d', settings);
  return Object.assign(document.createElement('canvas'), { width, height }).getContext('2d', settings);
}

function nameOf(source: CanvasImageSource): string {
  const address = 'currentSrc' in source ? source.currentSrc : '';
  if (address) return address;
  if (isA(source, 'HTMLVideoElement')) return 'video';
  return isA(source, 'HTMLImageElement') || isA(source, 'ImageBitmap') ? 'image' : 'picture';
}
