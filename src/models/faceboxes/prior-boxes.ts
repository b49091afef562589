import { PRIOR_SCALES } from './constants.ts';

/**
 * The prior boxes of a detector input: where, and how large, a face is looked for.
 * @param width - of the detector's input, px.
 * @param height - of the detector's input, px.
 * @returns `[n x 4]`: centre x, centre y, width, height, as fractions of the input; in the order of the network's outputs:
 *   scale after scale, cells row by row, in a cell size after size, y outer. Centres of the last cells can lie beyond 1.
 * @throws RangeError if a size is not a positive integer.
 * @see FaceBoxes/utils/prior_box.py (3DDFA_V2 1b6c676)
 */
export function priorBoxes(width: number, height: number): Float32Array {
  const priors = new Float32Array(4 * priorCount(width, height));
  let offset = 0;
  for (const { step, boxes } of PRIOR_SCALES) {
    const rows = Math.ceil(height / step);
    const columns = Math.ceil(width / step);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (const { size, offsets } of boxes) {
          for (const offsetY of offsets) {
            for (const offsetX of offsets) {
              priors[offset] = ((column + offsetX) * step) / width;
              priors[offset + 1] = ((row + offsetY) * step) / height;
              priors[offset + 2] = size / width;
              priors[offset + 3] = size / height;
              offset += 4;
            }
          }
        }
      }
    }
  }
  return priors;
}

/** @throws RangeError if a size is not a positive integer. */
function priorCount(width: number, height: number): number {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`input: expected a width and a height of at least 1 px, got ${width} x ${height}`);
  }
  let count = 0;
  for (const { step, boxes } of PRIOR_SCALES) {
    const cells = Math.ceil(height / step) * Math.ceil(width / step);
    for (const { offsets } of boxes) count += cells * offsets.length ** 2;
  }
  return count;
}
