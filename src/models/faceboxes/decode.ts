import { VARIANCES } from './constants.ts';

/** Boxes that may be faces, before overlaps are suppressed. */
export interface Candidates {
  /** `[n x 4]`: xMin, yMin, xMax, yMax. */
  readonly boxes: Float32Array;
  /** `[n]`, above the threshold. */
  readonly scores: Float32Array;
}

/**
 * Indices of the prior boxes whose face score is above a threshold, in order.
 * @param conf - `[priors x 2]`: probability of background, of a face.
 */
export function selectConfident(conf: Float32Array, threshold: number): number[] {
  const indices: number[] = [];
  for (let i = 1; i < conf.length; i += 2) {
    if (conf[i] > threshold) indices.push((i - 1) / 2);
  }
  return indices;
}

/**
 * Turns the detector's outputs into boxes, in float32 as the original does.
 * @param loc - `[priors x 4]`: offsets of the centre and logarithms of the size, relative to the prior and scaled by
 *   the variances.
 * @param priors - `[priors x 4]` from `priorBoxes`.
 * @param indices - of the priors to decode.
 * @param width - factor for x: that of the detector's input, px.
 * @param height - factor for y.
 * @param scale - divisor of the result: the detector's input relative to the image.
 * @returns `[indices x 4]`: xMin, yMin, xMax, yMax, px of the image, not clipped to it.
 * @see FaceBoxes/utils/box_utils.py `decode`, FaceBoxes/FaceBoxes.py `__call__` (3DDFA_V2 1b6c676)
 */
export function decodeBoxes(
  loc: Float32Array,
  priors: Float32Array,
  indices: readonly number[],
  width: number,
  height: number,
  scale: number,
): Float32Array {
  const { fround, exp } = Math;
  const centreVariance = fround(VARIANCES[0]);
  const sizeVariance = fround(VARIANCES[1]);
  const divisor = fround(scale);
  const boxes = new Float32Array(indices.length * 4);
  for (let i = 0; i < indices.length; i++) {
    const prior = indices[i] * 4;
    for (let axis = 0; axis < 2; axis++) {
      const priorCentre = priors[prior + axis];
      const priorSize = priors[prior + 2 + axis];
      const shift = fround(fround(loc[prior + axis] * centreVariance) * priorSize);
      const growth = fround(exp(fround(loc[prior + 2 + axis] * sizeVariance)));
      const size = fround(priorSize * growth);
      const low = fround(fround(priorCentre + shift) - size / 2);
      const high = fround(low + size);
      const extent = axis === 0 ? width : height;
      boxes[4 * i + axis] = fround(low * extent) / divisor;
      boxes[4 * i + 2 + axis] = fround(high * extent) / divisor;
    }
  }
  return boxes;
}
