/** What all pictures share: the canvas, the background, and the checks of what they are drawn from. */

import { checkImageArgument, describeValue, type OptionNames } from '../check-arguments.ts';
import type { RgbaImage } from '../types.ts';
import { checkVerticesArgument } from './check-surface-arguments.ts';

/** Red, green, blue, 0..255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** `image`: on the photo; `black`: the photo is left out. */
export type Background = 'image' | 'black';

/** `upstream` reproduces the Python original to the pixel, quirks included; `none` is this package's corrected rule. */
export type Compatibility = 'none' | 'upstream';

/** Options common to all pictures. */
export interface PictureOptions {
  /** Default `image`. */
  readonly background?: Background;
}

/** For checks of names. */
export const PICTURE_OPTION_NAMES: OptionNames<PictureOptions> = { background: true };

/** A picture of our own: opaque, in a clamped array so that it fits `ImageData`. */
export interface Picture extends RgbaImage {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** A texture, v upwards: its bottom row is v = 0. */
export interface UvTexture extends Picture {
  /** `[height x width]`, 0..255: how well the photo shows each texel's skin; 0 outside the mesh. */
  readonly visibility: Uint8Array;
}

/**
 * Checks that an image's size and data agree.
 * @throws RangeError if they do not; TypeError for anything other than an image.
 */
export function checkImage(image: RgbaImage): void {
  checkImageArgument(image);
  const { width, height, data } = image;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`image: expected a positive whole width and height, got ${width} x ${height}`);
  }
  if (data.byteLength === 0) {
    const advice = "an aligner in a worker takes them, unless it is made with 'keepPixels: true'";
    throw new RangeError(`image.data: expected ${width * height * 4} bytes, got none: ${advice}`);
  }
  if (data.length !== width * height * 4) {
    throw new RangeError(
      `image.data: expected ${width * height * 4} bytes (${width} x ${height} x 4), got ${data.length}`,
    );
  }
}

/** A new opaque canvas of the image's size, holding the image or black. */
export function newCanvas(image: RgbaImage, background: Background = 'image'): Picture {
  checkImage(image);
  const { width, height } = image;
  const isBlack = background === 'black';
  if (!isBlack && background !== 'image') {
    throw new TypeError(`background: expected 'image' or 'black', got '${String(background)}'`);
  }
  const data = isBlack ? new Uint8ClampedArray(width * height * 4) : new Uint8ClampedArray(image.data);
  const pixels = new Uint32Array(data.buffer);
  if (isBlack) pixels.fill(OPAQUE_BLACK);
  else if (!isOpaque(pixels)) for (let i = 0; i < pixels.length; i++) pixels[i] = pixels[i] | OPAQUE_BLACK;
  return { data, width, height };
}

/** A black pixel as a 32-bit word, in the order of this machine. */
const OPAQUE_BLACK = new Uint32Array(Uint8Array.of(0, 0, 0, 255).buffer)[0];

/**
 * Whether all alphas are 255: checking costs half as much as setting them, and photos nearly always are opaque. Sixteen
 * pixels per round, in four sums that do not wait for each other, take 0.50 ms per megapixel; four pixels in one sum
 * 0.74.
 */
function isOpaque(pixels: Uint32Array): boolean {
  const words = new Int32Array(pixels.buffer, pixels.byteOffset, pixels.length);
  const end = words.length - (words.length % 16);
  let a = OPAQUE_BLACK;
  let b = OPAQUE_BLACK;
  let c = OPAQUE_BLACK;
  let d = OPAQUE_BLACK;
  for (let i = 0; i < end; i += 16) {
    a &= words[i] & words[i + 1] & words[i + 2] & words[i + 3];
    b &= words[i + 4] & words[i + 5] & words[i + 6] & words[i + 7];
    c &= words[i + 8] & words[i + 9] & words[i + 10] & words[i + 11];
    d &= words[i + 12] & words[i + 13] & words[i + 14] & words[i + 15];
  }
  for (let i = end; i < words.length; i++) a &= words[i];
  return (a & b & c & d) >>> 0 === OPAQUE_BLACK;
}

/**
 * Checks an array of xyz coordinates.
 * @param name - the caller's name for it, for the message.
 * @param count - how many points are expected; any number if absent.
 * @throws RangeError for a wrong length or a coordinate that is not finite; TypeError for anything other than
 *   coordinates.
 */
export function checkVertices(vertices: Float32Array | Float64Array, name: string, count?: number): void {
  checkVerticesArgument(vertices, name);
  const { length } = vertices;
  if (count !== undefined ? length !== count * 3 : length % 3 !== 0) {
    throw new RangeError(`${name}: expected ${count ?? 'n'} x 3 coordinates, got ${length}`);
  }
  for (let i = 0; i < length; i++) {
    const value = vertices[i];
    // A difference with itself is 0 for finite numbers and NaN for the others.
    if (value - value !== 0) {
      throw new RangeError(`${name}: expected finite coordinates, got ${value} in point ${Math.floor(i / 3)}`);
    }
  }
}

/** Maximum index of each checked array: a mesh's triangles are the same for every face and every frame. */
const greatestIndices = new WeakMap<Uint32Array, number>();

/**
 * Checks an array of triangles. Scans each array only once; it must not be written to afterwards.
 * @param count - number of vertices that they may use.
 * @throws RangeError for an index that is not below `count`, or a number of indices that is not a multiple of 3.
 */
export function checkIndices(triangles: Uint32Array, count: number, name: string): void {
  if (!ArrayBuffer.isView(triangles))
    throw new TypeError(`${name}: expected a Uint32Array of m x 3 indices, got ${describeValue(triangles)}`);
  const { length } = triangles;
  if (length % 3 !== 0) throw new RangeError(`${name}: expected m x 3 indices, got ${length}`);
  let greatest = greatestIndices.get(triangles);
  if (greatest === undefined) {
    greatest = -1;
    for (let i = 0; i < length; i++) {
      const index = triangles[i];
      if (index > greatest) greatest = index;
    }
    greatestIndices.set(triangles, greatest);
  }
  if (greatest >= count) throw new RangeError(`${name}: expected indices below ${count}, got ${greatest}`);
}
