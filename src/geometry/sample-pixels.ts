import type { RgbaImage } from '../types.ts';

/** Pixels as words of four bytes; a copy only if the bytes do not start at a multiple of 4. */
export function pixelWords({ data }: RgbaImage): Uint32Array {
  const { buffer, byteOffset, length } = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(buffer, byteOffset, length / 4);
}

/** Every second channel of a pixel: two sums at once fit into a word if the weights add up to 256. */
const CHANNELS = 0x00ff00ff;
const HALVES = 0x00800080;

/**
 * The photo at a place, interpolated bilinearly with 8 bits of position; beyond its border, that of the border. Returns
 * a word of four channels.
 */
export function samplePixels(
  pixels: Uint32Array,
  width: number,
  right: number,
  bottom: number,
  x: number,
  y: number,
): number {
  const fixedX = (Math.min(Math.max(x, 0), right) * 256 + 0.5) | 0;
  const fixedY = (Math.min(Math.max(y, 0), bottom) * 256 + 0.5) | 0;
  const left = fixedX >> 8;
  const top = fixedY >> 8;
  const fx = fixedX & 255;
  const fy = fixedY & 255;
  const corner = top * width + left;
  const across = left < right ? 1 : 0;
  const down = top < bottom ? width : 0;
  const p00 = pixels[corner];
  const p10 = pixels[corner + across];
  const p01 = pixels[corner + down];
  const p11 = pixels[corner + down + across];
  const w11 = (fx * fy + 128) >> 8;
  const w10 = fx - w11;
  const w01 = fy - w11;
  const w00 = 256 - fx - fy + w11;
  const even =
    Math.imul(p00 & CHANNELS, w00) +
    Math.imul(p10 & CHANNELS, w10) +
    Math.imul(p01 & CHANNELS, w01) +
    Math.imul(p11 & CHANNELS, w11) +
    HALVES;
  const odd =
    Math.imul((p00 >>> 8) & CHANNELS, w00) +
    Math.imul((p10 >>> 8) & CHANNELS, w10) +
    Math.imul((p01 >>> 8) & CHANNELS, w01) +
    Math.imul((p11 >>> 8) & CHANNELS, w11) +
    HALVES;
  return ((even >>> 8) & CHANNELS) | (odd & ~CHANNELS);
}

/** Two words of four channels mixed; `share` of the second, 0..1. */
export function mixPixels(first: number, second: number, share: number): number {
  const w1 = (share * 256 + 0.5) | 0;
  const w0 = 256 - w1;
  const even = Math.imul(first & CHANNELS, w0) + Math.imul(second & CHANNELS, w1) + HALVES;
  const odd = Math.imul((first >>> 8) & CHANNELS, w0) + Math.imul((second >>> 8) & CHANNELS, w1) + HALVES;
  return ((even >>> 8) & CHANNELS) | (odd & ~CHANNELS);
}
