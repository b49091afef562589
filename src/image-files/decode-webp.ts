import type { RgbaImage } from '../types.ts';
import type { CheckSize, DecodedPicture } from './decoded-picture.ts';
import { createWasmDecoder } from './wasm-codec.ts';
import { readWebpStructure, type WebpFrame } from './webp-structure.ts';

const decodeByLibwebp = createWasmDecoder(
  () => import('@jsquash/webp/decode.js'),
  '@jsquash/webp/codec/dec/webp_dec.wasm',
  'the WebP data is damaged',
);

/**
 * Decodes a WebP, lossy or lossless; of an animated one the first frame.
 * @throws Error naming what is damaged.
 */
export async function decodeWebp(bytes: Uint8Array, checkSize: CheckSize): Promise<DecodedPicture> {
  const { width, height, frames, orientation } = readWebpStructure(bytes);
  checkSize(width, height);
  const [first] = frames;
  const image = await decodeWebpFrame(first);
  if (image.width === width && image.height === height) return { image, orientation };
  const canvas: RgbaImage = { data: new Uint8Array(width * height * 4), width, height };
  drawWebpFrame(canvas.data as Uint8Array, width, first, image);
  return { image: canvas, orientation };
}

/** Decodes a frame by itself. @throws Error if libwebp refuses it. */
export async function decodeWebpFrame(frame: WebpFrame): Promise<RgbaImage> {
  const image = await decodeByLibwebp(frame.file);
  if (image.width !== frame.width || image.height !== frame.height) throw new Error('the WebP data is damaged');
  return image;
}

/** Draws a frame onto its canvas, RGBA. */
export function drawWebpFrame(canvas: Uint8Array, canvasWidth: number, frame: WebpFrame, { data }: RgbaImage): void {
  for (let row = 0; row < frame.height; row++) {
    for (let column = 0; column < frame.width; column++) {
      const from = (row * frame.width + column) * 4;
      const to = ((frame.y + row) * canvasWidth + frame.x + column) * 4;
      const alpha = data[from + 3] / 255;
      if (frame.isReplacing || alpha === 1) {
        for (let i = 0; i < 4; i++) canvas[to + i] = data[from + i];
        continue;
      }
      const under = (canvas[to + 3] / 255) * (1 - alpha);
      const both = alpha + under;
      if (both === 0) continue;
      for (let i = 0; i < 3; i++) canvas[to + i] = Math.round((data[from + i] * alpha + canvas[to + i] * under) / both);
      canvas[to + 3] = Math.round(both * 255);
    }
  }
}
