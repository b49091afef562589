import type { RoiBox } from '../types.ts';

/** The crop is this much larger than the box's mean side … */
const BOX_ENLARGEMENT = 1.58;
/** … and this part of the mean side further down, towards the chin. */
const BOX_DOWNWARD_SHIFT = 0.14;

/**
 * Makes the square crop for the regressor from a detector's box.
 *
 * Which digits come out depends on numpy's promotion rules, and the side, truncated to whole px, can differ by one.
 * This is the rule of numpy 1 on the detector's float32 boxes, which produced the published results: differences of
 * corners are rounded to float32, everything after them is float64.
 * @param box - px of the image; may reach beyond it.
 * @returns a square whose side is a whole number of px; 0 for a box smaller than a pixel.
 * @throws RangeError if a corner is not finite, or the box is empty or inverted.
 * @see utils/functions.py `parse_roi_box_from_bbox` (3DDFA_V2 1b6c676)
 */
export function roiBoxFromFaceBox(box: RoiBox): RoiBox {
  const { xMin, yMin, xMax, yMax } = box;
  if (![xMin, yMin, xMax, yMax].every(Number.isFinite) || xMax <= xMin || yMax <= yMin) {
    throw new RangeError(
      `box: expected finite corners with xMin < xMax and yMin < yMax, got [${xMin}, ${yMin}, ${xMax}, ${yMax}]`,
    );
  }
  const fround = Math.fround;
  const meanSide = fround(fround(fround(xMax - xMin) + yMax) - yMin) / 2;
  const centreX = xMax - fround(xMax - xMin) / 2;
  const centreY = yMax - fround(yMax - yMin) / 2 + meanSide * BOX_DOWNWARD_SHIFT;
  const side = Math.trunc(meanSide * BOX_ENLARGEMENT);
  const left = centreX - side / 2;
  const top = centreY - side / 2;
  return { xMin: left, yMin: top, xMax: left + side, yMax: top + side };
}

/**
 * Makes the square crop for the regressor from a face's points in the previous frame: the square around them, grown to
 * the length of its own diagonal.
 *
 * Dense vertices reach over the forehead and the ears, landmarks do not, so the two give different crops.
 * @param vertices - `[n x 3]` landmarks or dense vertices, xyz interleaved, px of the image.
 * @throws RangeError if there is no vertex or a coordinate is not finite.
 * @see utils/functions.py `parse_roi_box_from_landmark` (3DDFA_V2 1b6c676)
 */
export function roiBoxFromLandmarks(vertices: Float32Array): RoiBox {
  const { centreX, centreY, radius } = enclosingSquare(vertices);
  // Written out corner by corner, as the original does it, so that the last digits agree.
  const xMin = centreX - radius;
  const yMin = centreY - radius;
  const xMax = centreX + radius;
  const yMax = centreY + radius;
  const side = diagonal(xMax - xMin, yMax - yMin);
  const left = (xMax + xMin) / 2 - side / 2;
  const top = (yMax + yMin) / 2 - side / 2;
  return { xMin: left, yMin: top, xMax: left + side, yMax: top + side };
}

/**
 * A third of the diagonal of the square around a face's points: the size, px of the image, of the box that shows a pose.
 * @param vertices - `[n x 3]`, xyz interleaved, px of the image.
 * @throws RangeError if there is no vertex or a coordinate is not finite.
 * @see utils/pose.py `calc_hypotenuse` (3DDFA_V2 1b6c676)
 */
export function landmarksHypotenuse(vertices: Float32Array): number {
  const { centreX, centreY, radius } = enclosingSquare(vertices);
  const width = centreX + radius - (centreX - radius);
  const height = centreY + radius - (centreY - radius);
  return diagonal(width, height) / 3;
}

function diagonal(width: number, height: number): number {
  return Math.sqrt(width * width + height * height);
}

function enclosingSquare(vertices: Float32Array): { centreX: number; centreY: number; radius: number } {
  let xMin = Infinity;
  let yMin = Infinity;
  let xMax = -Infinity;
  let yMax = -Infinity;
  for (let i = 0; i + 2 < vertices.length; i += 3) {
    const x = vertices[i];
    const y = vertices[i + 1];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw new RangeError(`vertices: expected finite coordinates, got (${x}, ${y}) at vertex ${i / 3}`);
    }
    if (x < xMin) xMin = x;
    if (x > xMax) xMax = x;
    if (y < yMin) yMin = y;
    if (y > yMax) yMax = y;
  }
  if (xMax < xMin) throw new RangeError('vertices: expected at least one vertex, got none');
  // The sums and differences are float32 in the original, the halves float64.
  return {
    centreX: Math.fround(xMin + xMax) / 2,
    centreY: Math.fround(yMin + yMax) / 2,
    radius: Math.max(Math.fround(xMax - xMin), Math.fround(yMax - yMin)) / 2,
  };
}
