import { CROP_SIZE, cropPlacement } from '../../geometry/similarity-transform.ts';
import type { AlignedFace, RgbaImage } from '../../types.ts';
import { REFINE_SIZE } from './refine-network.ts';

/** A point of the model, in its units. */
export type ModelPoint = readonly [x: number, y: number, z: number];

/** Where a crop is cut. */
export interface RefineCrop {
  /** The point at its centre. */
  readonly centre: ModelPoint;
  /** Length of its side, model units. */
  readonly span: number;
  /** Whether left and right are swapped. */
  readonly mirrored?: boolean;
}

/** Blue, green, red. */
export const REFINE_COLOURS = 3;
/** From bytes to the network's numbers, as for the regressor. */
const [BYTE_MEAN, BYTE_SCALE] = [127.5, 1 / 128];
/** Maximum samples per px of the crop along each axis. */
const MOST_SAMPLES = 8;

/**
 * `[64 x 64 x 3]` BGR, as the networks expect it: `(v - 127.5) / 128`. Black beyond the image. The model's up is up; if
 * a px of the crop is larger than one of the image, several samples of it are averaged.
 * @see training/tddfa_training/refine_crops.py
 */
export function cutRefineCrop(
  image: RgbaImage,
  face: AlignedFace,
  { centre, span, mirrored = false }: RefineCrop,
): Float32Array {
  const { params: p } = face;
  const { scaleX, scaleY, left, top } = cropPlacement(face.roiBox);
  const [x, y, z] = centre;
  // Px from the image's corner, not from the middle of its first pixel.
  const midX = (p[0] * x + p[1] * y + p[2] * z + p[3] - 0.5) * scaleX + left;
  const midY = (CROP_SIZE + 0.5 - (p[4] * x + p[5] * y + p[6] * z + p[7])) * scaleY + top;
  const pxPerUnit = Math.hypot(p[0], p[1], p[2]) * scaleX;
  /** Px of the image per px of the crop. */
  const step = (span / REFINE_SIZE) * pxPerUnit;
  const angle = Math.atan2(-p[1] * scaleX, p[5] * scaleY);
  const [c, s] = [Math.cos(angle) * step, Math.sin(angle) * step];
  const across = mirrored ? -1 : 1;
  const samples = Math.min(Math.max(Math.ceil(step - 0.25), 1), MOST_SAMPLES);
  const crop = new Float32Array(REFINE_SIZE * REFINE_SIZE * REFINE_COLOURS);
  const weight = BYTE_SCALE / (samples * samples);
  for (let row = 0; row < REFINE_SIZE; row++) {
    for (let column = 0; column < REFINE_SIZE; column++) {
      const at = (row * REFINE_SIZE + column) * REFINE_COLOURS;
      for (let j = 0; j < samples; j++) {
        const v = row + (j + 0.5) / samples - REFINE_SIZE / 2;
        for (let i = 0; i < samples; i++) {
          const u = (column + (i + 0.5) / samples - REFINE_SIZE / 2) * across;
          addPixel(image, midX + c * u + s * v - 0.5, midY - s * u + c * v - 0.5, weight, crop, at);
        }
      }
      for (let k = 0; k < REFINE_COLOURS; k++) crop[at + k] -= BYTE_MEAN * BYTE_SCALE;
    }
  }
  return crop;
}

/** Adds the colour at a position between pixels, as blue, green, red. */
function addPixel(
  { data, width, height }: RgbaImage,
  x: number,
  y: number,
  weight: number,
  dst: Float32Array,
  at: number,
) {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  for (const [px, wx] of [
    [x0, x0 + 1 - x],
    [x0 + 1, x - x0],
  ] as const) {
    for (const [py, wy] of [
      [y0, y0 + 1 - y],
      [y0 + 1, y - y0],
    ] as const) {
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const from = (py * width + px) * 4;
      const share = wx * wy * weight;
      dst[at] += data[from + 2] * share;
      dst[at + 1] += data[from + 1] * share;
      dst[at + 2] += data[from] * share;
    }
  }
}
