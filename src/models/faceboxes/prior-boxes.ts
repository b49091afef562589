import { PRIOR_SCALES } from './constants.ts';

/**
 * The prior boxes of a detector input: the places and sizes at which faces are looked for.
 * @param width - of the detector's input, px.
 * @param height - of the detector's input, px.
 * @returns `[n x 4]`: centre x, centre y, width, height, as fractions of the input; in the order of the network's
 *   outputs: scale after scale, cells row by row, in a cell size after size, y outer. Centres of the last cells can lie
 *   beyond 1.
 * @throws RangeError if a size is not a positive integer.
 * @see FaceBoxes/utils/prior_box.py (3DDFA_V2 1b6c676)
 */
export function priorBoxes(width: number, height: number): Float32Array {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`input: expected a width and a height of at least 1 px, got ${width} x ${height}`);
  }
  const priors: number[] = [];
  for (const { step, boxes } of PRIOR_SCALES) {
    const rows = Math.ceil(height / step);
    const columns = Math.ceil(width / step);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (const { size, offsets } of boxes) {
          for (const y of offsets) {
            for (const x of offsets) {
              priors.push(((column + x) * step) / width, ((row + y) * step) / height, size / width, size / height);
            }
          }
        }
      }
    }
  }
  return new Float32Array(priors);
}
