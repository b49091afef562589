import type { RoiBox } from '../types.ts';

/** Side of the regressor's input, px. */
export const CROP_SIZE = 120;

/** Where a crop lies on the image, and how large one of its px is there. */
export interface CropPlacement {
  /** Px of the image per px of the crop. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** The mean of both. */
  readonly scaleZ: number;
  /** Of the crop's first pixel, px of the image. */
  readonly left: number;
  readonly top: number;
}

/** How the crop lies on the image. The box is not rounded here, although the pixels of the crop were. */
export function cropPlacement(roiBox: RoiBox, cropSize: number = CROP_SIZE): CropPlacement {
  const scaleX = (roiBox.xMax - roiBox.xMin) / cropSize;
  const scaleY = (roiBox.yMax - roiBox.yMin) / cropSize;
  return { scaleX, scaleY, scaleZ: (scaleX + scaleY) / 2, left: roiBox.xMin, top: roiBox.yMin };
}

/**
 * Maps vertices from crop space to the image: y is turned downwards, x and y are scaled and moved by the crop's box, z
 * is scaled likewise and then moved so that the farthest of THESE vertices has z = 0. Landmarks and dense vertices of
 * the same face therefore have different zeros.
 * @param vertices - `[n x 3]`, xyz interleaved, px of the crop, 1-based, y up, from `reconstruct`.
 * @param roiBox - the crop, px of the image.
 * @param dst - `[n x 3]`; may be `vertices`; a new array if absent.
 * @returns `dst`: px of the image, y down, z >= 0, larger nearer to the viewer, in the same px.
 * @throws RangeError if the lengths disagree.
 * @see utils/tddfa_util.py `similar_transform` (3DDFA_V2 1b6c676)
 */
export function cropToImage(
  vertices: Float32Array,
  roiBox: RoiBox,
  dst: Float32Array = new Float32Array(vertices.length),
): Float32Array {
  const length = vertices.length;
  if (dst.length !== length) throw new RangeError(`dst: expected ${length} numbers, got ${dst.length}`);
  const { scaleX, scaleY, scaleZ, left, top } = cropPlacement(roiBox);
  let zMin = Infinity;
  for (let i = 2; i < length; i += 3) {
    const z = vertices[i];
    if (z < zMin) zMin = z;
  }
  for (let i = 0; i + 2 < length; i += 3) {
    // The model counts px from 1, as MATLAB does.
    dst[i] = (vertices[i] - 1) * scaleX + left;
    dst[i + 1] = (CROP_SIZE - vertices[i + 1]) * scaleY + top;
    dst[i + 2] = (vertices[i + 2] - zMin) * scaleZ;
  }
  return dst;
}
