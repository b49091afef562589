/**
 * One shape for one face. The regressor estimates the shape afresh in each frame, so a mesh pulsates although bones do
 * not move. Here a face gets the mean of the estimates in its first frames, and the camera is refitted to the landmarks
 * of the frame: shape and camera were estimated together, and changing only one would move the mesh off the face.
 */
import { actingOfShape } from '../geometry/acting.ts';
import { type PackedModel, packLandmarks, packModel, reconstruct } from '../geometry/morphable-model.ts';
import { CAMERA_PARAM_COUNT } from '../geometry/params.ts';
import { cropToImage } from '../geometry/similarity-transform.ts';
import type { AlignedFace, MorphableModel } from '../types.ts';

/** The shape is averaged over this many frames, then fixed. */
const LOCK_AFTER_FRAMES = 50;

/** Keeps the shape of one face constant. */
export interface IdentityLock {
  /** The frame's face with the locked shape; its landmarks stay where they were, as far as that shape permits. */
  next(face: AlignedFace): AlignedFace;
  /**
   * Dense vertices from the camera and the expression alone, once the shape is fixed; undefined before that, and for a
   * face with another shape.
   * @param dst - `[vertexCount x 3]`; a new array if absent.
   * @returns `dst`, as from `FaceAligner.reconstruct`.
   */
  reconstructDense(face: AlignedFace, dst?: Float32Array): Float32Array | undefined;
}

/** Creates the lock for one face. */
export function createIdentityLock(model: MorphableModel): IdentityLock {
  const { shapeCount } = model;
  const landmarkModel = packLandmarks(model);
  const shapeEnd = CAMERA_PARAM_COUNT + shapeCount;
  const sums = new Float64Array(shapeCount);
  const shape = new Float32Array(shapeCount);
  let frameCount = 0;
  let denseModel: PackedModel | undefined;

  return {
    next({ roiBox, params }) {
      if (frameCount < LOCK_AFTER_FRAMES) {
        frameCount++;
        for (let i = 0; i < shapeCount; i++) {
          sums[i] = sums[i] + params[CAMERA_PARAM_COUNT + i];
          shape[i] = sums[i] / frameCount;
        }
      }
      const locked = params.slice();
      locked.set(shape, CAMERA_PARAM_COUNT);
      const target = reconstruct(landmarkModel, params);
      const upright = locked.slice();
      upright.set(NO_CAMERA);
      fitCamera(reconstruct(landmarkModel, upright), target, locked);
      return { roiBox, params: locked };
    },

    reconstructDense({ roiBox, params }, dst) {
      if (frameCount < LOCK_AFTER_FRAMES) return undefined;
      for (let i = 0; i < shapeCount; i++) if (params[CAMERA_PARAM_COUNT + i] !== shape[i]) return undefined;
      denseModel ??= packModel(withShape(model, shape));
      const short = new Float32Array(params.length - shapeCount);
      short.set(params.subarray(0, CAMERA_PARAM_COUNT));
      short.set(params.subarray(shapeEnd), CAMERA_PARAM_COUNT);
      const vertices = reconstruct(denseModel, short, dst);
      return cropToImage(vertices, roiBox, vertices);
    },
  };
}

/** The camera that leaves the model unchanged. */
const NO_CAMERA = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** The model of one face: its shape becomes the mean shape, without any shape basis. */
function withShape(model: MorphableModel, shape: Float32Array): MorphableModel {
  const { meanShape, shapeBasis, shapeCount, expressionCount, acting } = model;
  const own = new Float32Array(meanShape.length);
  for (let row = 0; row < own.length; row++) {
    let value = meanShape[row];
    for (let i = 0; i < shapeCount; i++) value += shape[i] * shapeBasis[row * shapeCount + i];
    own[row] = value;
  }
  return {
    ...model,
    meanShape: own,
    shapeCount: 0,
    shapeBasis: new Float32Array(0),
    ...(acting && { acting: actingOfShape(acting, shape, expressionCount) }),
  };
}

/**
 * Writes the least-squares camera that maps one set of points onto another into the first 12 of `params`. Leaves them
 * unchanged if the points lie in a plane.
 */
function fitCamera(from: Float32Array, to: Float32Array, params: Float32Array): void {
  // Normal equations of [x y z 1] · row = target. Coordinates are first scaled to at most 1, for precision.
  let scale = 0;
  for (const value of from) scale = Math.max(scale, Math.abs(value));
  const normal = new Float64Array(16);
  const right = new Float64Array(12);
  for (let i = 0; i < from.length; i += 3) {
    const point = [from[i] / scale, from[i + 1] / scale, from[i + 2] / scale, 1];
    for (let a = 0; a < 4; a++) {
      for (let b = 0; b < 4; b++) normal[4 * a + b] = normal[4 * a + b] + point[a] * point[b];
      for (let row = 0; row < 3; row++) {
        right[4 * row + a] = right[4 * row + a] + point[a] * to[i + row];
      }
    }
  }
  const solved = solve(normal, right);
  if (solved === undefined) return;
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) params[4 * row + column] = solved[4 * row + column] / scale;
    params[4 * row + 3] = solved[4 * row + 3];
  }
}

/** Smallest pivot, as a fraction of the number of points, for which the equations are still solved. */
const SMALLEST_PIVOT = 1e-10;

/**
 * Solves a symmetric positive definite 4x4 system for three right-hand sides at once, by Cholesky.
 * @param right - `[3 x 4]`: one right-hand side per row.
 * @returns `[3 x 4]`; undefined if the system is singular.
 */
function solve(matrix: Float64Array, right: Float64Array): Float64Array | undefined {
  const lower = new Float64Array(16);
  // The last element is the sum of the ones, one per point; no other is larger.
  const smallest = matrix[15] * SMALLEST_PIVOT;
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[4 * row + column];
      for (let k = 0; k < column; k++) sum -= lower[4 * row + k] * lower[4 * column + k];
      if (row === column) {
        // NaN if all points are 0.
        if (!(sum > smallest)) return undefined;
        lower[5 * row] = Math.sqrt(sum);
      } else {
        lower[4 * row + column] = sum / lower[5 * column];
      }
    }
  }
  const solved = right.slice();
  for (let start = 0; start < 12; start += 4) {
    for (let i = 0; i < 4; i++) {
      let sum = solved[start + i];
      for (let k = 0; k < i; k++) sum -= lower[4 * i + k] * solved[start + k];
      solved[start + i] = sum / lower[5 * i];
    }
    for (let i = 3; i >= 0; i--) {
      let sum = solved[start + i];
      for (let k = i + 1; k < 4; k++) sum -= lower[4 * k + i] * solved[start + k];
      solved[start + i] = sum / lower[5 * i];
    }
  }
  return solved;
}
