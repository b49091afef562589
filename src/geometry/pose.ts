import type { AlignedFace, Pose, RoiBox } from '../types.ts';
import { CAMERA_PARAM_COUNT } from './params.ts';
import { anglesFromRotation, quaternionFromRotation } from './rotation.ts';
import { CROP_SIZE, cropPlacement } from './similarity-transform.ts';

/**
 * Reads the head's pose from the parameters.
 *
 * The angles are the original's: those of the rows as regressed, each scaled to length 1. Those rows are not quite at
 * right angles; `rotation` and `quaternion` are of the nearest true rotation, so their angles differ a little.
 * @param params - `[62]` (or 72, 141), de-normalised; only the first 12 matter.
 * @throws RangeError if there are fewer than 12, or they hold no rotation.
 * @see utils/pose.py `calc_pose` (3DDFA_V2 1b6c676)
 */
export function poseFromParams(params: Float32Array): Pose {
  const camera = cameraRows(params);
  const { xRow, yRow } = camera;
  // Of all right-angled pairs of unit vectors the nearest to these two has the same bisector and the same plane.
  const sum = unit(add(xRow, yRow, 1));
  const difference = unit(add(xRow, yRow, -1));
  const right = unit(add(sum, difference, 1));
  const up = unit(add(sum, difference, -1));
  const rotation = Float32Array.of(...right, ...up, ...cross(right, up));
  return {
    ...anglesFromRotation([...xRow, ...yRow, ...cross(xRow, yRow)]),
    scale: camera.scale,
    translation: Float32Array.of(params[3], params[7], params[11]),
    rotation,
    quaternion: quaternionFromRotation(rotation),
  };
}

/**
 * The original's camera matrix: rotation without its scale, beside the translation.
 * @param params - as `poseFromParams` takes them.
 * @param dst - `[3 x 4]`; a new array if absent.
 * @returns `dst`, row-major: two unit rows and their cross product; the translation in px of the crop, 1-based, y up.
 * @throws RangeError as `poseFromParams` does.
 * @see utils/pose.py `calc_pose`, its `P` (3DDFA_V2 1b6c676)
 */
export function cameraMatrix(params: Float32Array, dst: Float32Array = new Float32Array(12)): Float32Array {
  const { xRow, yRow } = cameraRows(params);
  const rows = [xRow, yRow, cross(xRow, yRow)];
  for (let row = 0; row < 3; row++) {
    dst.set(rows[row], 4 * row);
    dst[4 * row + 3] = params[4 * row + 3];
  }
  return dst;
}

/**
 * A matrix that puts something made in the model's units, x to the right, y up and z towards the viewer, onto the
 * photo: `object.matrix.fromArray(…)` of three.js, under the `PhotoCamera` of `tddfa/three`.
 *
 * It turns, scales and moves, without shear or mirroring, so three.js can decompose it. Its frame is the image with y
 * turned up: a point of the photo at (x, y) is at (x, -y). z is in the same px; unlike in vertices its zero is that of
 * the regressor, not the farthest vertex.
 * @param pose - from `poseFromParams`.
 * @param roiBox - the crop that the parameters belong to, px of the image.
 * @param dst - `[4 x 4]`; a new array if absent.
 * @returns `dst`, column-major, as in three.js, glTF and WebGL.
 */
export function poseMatrix(pose: Pose, roiBox: RoiBox, dst: Float32Array = new Float32Array(16)): Float32Array {
  const { scaleX, scaleY, scaleZ, left, top } = cropPlacement(roiBox);
  const { rotation, translation, scale } = pose;
  const rowScales = [scale * scaleX, scale * scaleY, scale * scaleZ];
  for (let column = 0; column < 3; column++) {
    for (let row = 0; row < 3; row++) {
      dst[4 * column + row] = rotation[3 * row + column] * rowScales[row];
    }
    dst[4 * column + 3] = 0;
  }
  dst[12] = (translation[0] - 1) * scaleX + left;
  dst[13] = (translation[1] - CROP_SIZE) * scaleY - top;
  dst[14] = (translation[2] - 1) * scaleZ;
  dst[15] = 1;
  return dst;
}

/**
 * The matrix that maps the model's own vertices to where `reconstruct` puts them on the photo, in the frame of
 * `poseMatrix`.
 *
 * It is the regressor's matrix as it is: its rows are not quite at right angles and not quite of equal length. Use it
 * for what must lie on the reconstructed skin to the pixel; use `poseMatrix` for what must be turned without shear.
 * @param face - its parameters and the crop that they belong to.
 * @param dst - `[4 x 4]`; a new array if absent.
 * @returns `dst`, column-major. Here too, the zero of z is that of the regressor.
 * @throws RangeError if there are fewer than 12 parameters.
 */
export function surfaceMatrix({ params, roiBox }: AlignedFace, dst: Float32Array = new Float32Array(16)): Float32Array {
  if (params.length < CAMERA_PARAM_COUNT) {
    throw new RangeError(`params: expected at least ${CAMERA_PARAM_COUNT} parameters, got ${params.length}`);
  }
  const { scaleX, scaleY, scaleZ, left, top } = cropPlacement(roiBox);
  for (let column = 0; column < 3; column++) {
    dst[4 * column] = params[column] * scaleX;
    dst[4 * column + 1] = params[4 + column] * scaleY;
    dst[4 * column + 2] = params[8 + column] * scaleZ;
    dst[4 * column + 3] = 0;
  }
  dst[12] = (params[3] - 1) * scaleX + left;
  dst[13] = (params[7] - CROP_SIZE) * scaleY - top;
  dst[14] = (params[11] - 1) * scaleZ;
  dst[15] = 1;
  return dst;
}

type Vector = [x: number, y: number, z: number];

/** The two regressed rows, each scaled to length 1, and the mean of the lengths they had. */
function cameraRows(params: Float32Array): { xRow: Vector; yRow: Vector; scale: number } {
  const { length } = Object(params);
  if (!(length >= CAMERA_PARAM_COUNT)) {
    throw new RangeError(`params: expected at least ${CAMERA_PARAM_COUNT} parameters, got ${length}`);
  }
  const x: Vector = [params[0], params[1], params[2]];
  const y: Vector = [params[4], params[5], params[6]];
  const xLength = Math.hypot(...x);
  const yLength = Math.hypot(...y);
  const upright = Math.hypot(...cross(x, y));
  if (!(upright > 0 && xLength < Infinity && yLength < Infinity)) {
    throw new RangeError(`params: expected a rotation in the first 12 parameters, got rows [${x}] and [${y}]`);
  }
  return { xRow: unit(x), yRow: unit(y), scale: (xLength + yLength) / 2 };
}

function add(a: Vector, b: Vector, factor: number): Vector {
  return [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector);
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}
