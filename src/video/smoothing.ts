/**
 * Smooths faces over time in two ways: low-pass filters on the parameters, which need no look-ahead
 * (`createParamSmoother`), and the original's mean of vertices over neighbouring frames, which does
 * (`createMeanSmoother`).
 */
import { checkNumber, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { CAMERA_PARAM_COUNT, checkParamCount } from '../geometry/params.ts';
import { CROP_SIZE, cropPlacement } from '../geometry/similarity-transform.ts';
import type { AlignedFace, MorphableModel, RoiBox } from '../types.ts';
import { OffsetFilter, type OffsetFilterOptions } from './offset-filter.ts';

/**
 * Parameter smoothing. Sizes are fractions of the face's size: the root mean square distance of landmarks from their
 * centre.
 */
export interface ParamSmoothingOptions {
  /** Position, size and direction of the head. */
  readonly camera: OffsetFilterOptions;
  /** Shape of the face, which does not change. */
  readonly shape: OffsetFilterOptions;
  /** Mouth, brows, eyes. */
  readonly expression: OffsetFilterOptions;
  /** For a model with `acting`: `eyeBlinkLeft` and `eyeBlinkRight`, each by itself; sizes are fractions of a blink. */
  readonly blink?: OffsetFilterOptions;
  /** For a model with `acting`: where the eyes look; sizes are degrees. */
  readonly gaze?: OffsetFilterOptions;
}

/** For checking option names. */
export const PARAM_SMOOTHING_OPTION_NAMES: OptionNames<ParamSmoothingOptions> = {
  camera: true,
  shape: true,
  expression: true,
  blink: true,
  gaze: true,
};

/** How strongly a tracker smooths: `calm` for people who sit still, `quick` for games and masks. */
export type SmoothingPreset = 'calm' | 'balanced' | 'quick';

const SHAPE: OffsetFilterOptions = { minCutoffHz: 0.3, stepSize: Infinity, driftSize: Infinity, driftCutoffHz: 1 };
const EXPRESSION: OffsetFilterOptions = { minCutoffHz: 1, stepSize: 0.02, driftSize: 0.004, driftCutoffHz: 3 };

/**
 * A blink lasts three frames and is over before the smoothed face catches up, and eyes jump: both have their own
 * filters, which the rest of the face does not slow down.
 */
const BLINK: OffsetFilterOptions = { minCutoffHz: 2, stepSize: 0.08, driftSize: 0.05, driftCutoffHz: 3 };
const GAZE: OffsetFilterOptions = { minCutoffHz: 1, stepSize: 3, driftSize: 0.8, driftCutoffHz: 3 };

/** The presets, from least jitter to least lag. `npm run bench:video` measures and plots both. */
export const SMOOTHING_PRESETS: Readonly<Record<SmoothingPreset, ParamSmoothingOptions>> = {
  calm: {
    camera: { minCutoffHz: 0.2, stepSize: 0.1, driftSize: 0.01, driftCutoffHz: 1 },
    shape: SHAPE,
    expression: { ...EXPRESSION, stepSize: 0.04, driftSize: 0.01 },
  },
  balanced: {
    camera: { minCutoffHz: 0.2, stepSize: 0.05, driftSize: 0.004, driftCutoffHz: 1.5 },
    shape: SHAPE,
    expression: EXPRESSION,
  },
  quick: {
    camera: { minCutoffHz: 0.5, stepSize: 0.03, driftSize: 0.002, driftCutoffHz: 3 },
    shape: SHAPE,
    expression: { ...EXPRESSION, minCutoffHz: 2, stepSize: 0.01 },
  },
};

/** Smooths one face from frame to frame. */
export interface ParamSmoother {
  /**
   * Smooths the face in the next frame.
   * @returns the face in the same crop, with parameters that move its vertices smoothly in the IMAGE: jumps of the crop
   *   itself are compensated for.
   */
  next(face: AlignedFace, timeMs: number): AlignedFace;
}

/**
 * Creates a smoother for one face.
 *
 * The camera is filtered in image coordinates, px; crops move from frame to frame, and parameters with them. Shape and
 * expression are weighted by how far they move landmarks.
 * @param model - the model that the parameters belong to.
 */
export function createParamSmoother(
  model: MorphableModel,
  options: ParamSmoothingOptions = SMOOTHING_PRESETS.balanced,
): ParamSmoother {
  checkOptionNames(options, PARAM_SMOOTHING_OPTION_NAMES);
  const { shapeCount, expressionCount, acting, gazeCount = 0 } = model;
  const radius = landmarkRadius(model);
  const weights = coefficientWeights(model, radius);
  const camera = new OffsetFilter(CAMERA_PARAM_COUNT, options.camera, movedInImage);
  const shape = new OffsetFilter(shapeCount, options.shape);
  const expression = new OffsetFilter(expressionCount, options.expression);
  const cameraInImage = new Float64Array(CAMERA_PARAM_COUNT);
  const weightedShape = new Float64Array(shapeCount);
  const weightedExpression = new Float64Array(expressionCount);
  const expressionStart = CAMERA_PARAM_COUNT + shapeCount;
  const gazeStart = expressionStart + expressionCount;
  const blinks = (acting?.blinkColumns ?? []).map((column) => ({
    at: expressionStart + column,
    filter: new OffsetFilter(1, options.blink ?? BLINK),
    value: new Float64Array(1),
  }));
  const gaze = new OffsetFilter(gazeCount, options.gaze ?? GAZE);
  const gazeValues = new Float64Array(gazeCount);
  // Blinks do not affect the speed of the rest of the face.
  for (const { at } of blinks) weights[at] = Number.EPSILON;

  return {
    next({ roiBox, params }, timeMs) {
      checkParamCount(params, model);
      const smooth = new Float32Array(params.length);
      const faceSize = toImage(params, roiBox, radius, cameraInImage);
      toCrop(camera.next(cameraInImage, timeMs, faceSize), roiBox, radius, smooth);

      const smoothWeighted = (filter: OffsetFilter, values: Float64Array, start: number): void => {
        for (let i = 0; i < values.length; i++) values[i] = params[start + i] * weights[start + i];
        const result = filter.next(values, timeMs, 1);
        for (let i = 0; i < values.length; i++) smooth[start + i] = result[i] / weights[start + i];
      };
      smoothWeighted(shape, weightedShape, CAMERA_PARAM_COUNT);
      smoothWeighted(expression, weightedExpression, expressionStart);
      for (const { at, filter, value } of blinks) {
        value[0] = params[at];
        smooth[at] = filter.next(value, timeMs, 1)[0];
      }
      if (gazeCount > 0) {
        for (let i = 0; i < gazeCount; i++) gazeValues[i] = params[gazeStart + i];
        smooth.set(gaze.next(gazeValues, timeMs, 1), gazeStart);
      }
      return { roiBox, params: smooth };
    },
  };
}

/**
 * The camera in image coordinates: rows times the model's radius, so that all 12 numbers are px.
 * @returns the face's size, px: the length of the first row.
 */
function toImage(params: Float32Array, roiBox: RoiBox, radius: number, dst: Float64Array): number {
  const { scaleX, scaleY, scaleZ, left, top } = cropPlacement(roiBox);
  const scales = [scaleX, scaleY, scaleZ];
  for (let row = 0; row < 3; row++) {
    const factor = scales[row] * radius;
    for (let column = 0; column < 3; column++) dst[4 * row + column] = params[4 * row + column] * factor;
  }
  dst[3] = (params[3] - 1) * scaleX + left;
  dst[7] = (CROP_SIZE - params[7]) * scaleY + top;
  dst[11] = params[11] * scaleZ;
  return Math.hypot(dst[0], dst[1], dst[2]);
}

/**
 * How far landmarks move in the image, px, root mean square, when the camera changes by `offset`: by a third of the
 * square of each row's change, since landmarks spread alike in all directions, and by the translation. Depth is not
 * visible.
 */
function movedInImage(offset: Float64Array): number {
  let squares = 0;
  for (let row = 0; row < 8; row += 4) {
    squares += (offset[row] ** 2 + offset[row + 1] ** 2 + offset[row + 2] ** 2) / 3 + offset[row + 3] ** 2;
  }
  return Math.sqrt(squares);
}

/** The inverse of `toImage`. */
function toCrop(camera: Float64Array, roiBox: RoiBox, radius: number, params: Float32Array): void {
  const { scaleX, scaleY, scaleZ, left, top } = cropPlacement(roiBox);
  const scales = [scaleX, scaleY, scaleZ];
  for (let row = 0; row < 3; row++) {
    const factor = scales[row] * radius;
    for (let column = 0; column < 3; column++) params[4 * row + column] = camera[4 * row + column] / factor;
  }
  params[3] = (camera[3] - left) / scaleX + 1;
  params[7] = CROP_SIZE - (camera[7] - top) / scaleY;
  params[11] = camera[11] / scaleZ;
}

/** Root mean square distance of the mean face's landmarks from their centre, model units. */
function landmarkRadius({ meanShape, keypointIndices }: MorphableModel): number {
  const centre = [0, 0, 0];
  const count = keypointIndices.length / 3;
  keypointIndices.forEach((row, i) => {
    centre[i % 3] = centre[i % 3] + meanShape[row] / count;
  });
  let squares = 0;
  keypointIndices.forEach((row, i) => {
    squares += (meanShape[row] - centre[i % 3]) ** 2;
  });
  return Math.sqrt(squares / count);
}

/** How far one unit of each coefficient moves the landmarks, root mean square, in radii. The camera's are not used. */
function coefficientWeights(model: MorphableModel, radius: number): Float64Array {
  const { shapeCount, expressionCount, shapeBasis, expressionBasis, keypointIndices } = model;
  const weights = new Float64Array(CAMERA_PARAM_COUNT + shapeCount + expressionCount).fill(1);
  const measure = (basis: Float32Array, columns: number, start: number): void => {
    for (let column = 0; column < columns; column++) {
      let squares = 0;
      for (const row of keypointIndices) squares += basis[row * columns + column] ** 2;
      const distance = Math.sqrt(squares / (keypointIndices.length / 3)) / radius;
      // A column that moves no landmark is smoothed all the same; its effect on the speed does not matter.
      if (distance > 0) weights[start + column] = distance;
    }
  };
  measure(shapeBasis, shapeCount, CAMERA_PARAM_COUNT);
  measure(expressionBasis, expressionCount, CAMERA_PARAM_COUNT + shapeCount);
  return weights;
}

/** Number of frames averaged in addition to the current one. */
export interface MeanSmoothingOptions {
  /** Default 1. */
  readonly framesBefore?: number;
  /** Results are delayed by this many frames. Default 1. */
  readonly framesAfter?: number;
}

const MEAN_OPTION_NAMES: OptionNames<MeanSmoothingOptions> = { framesBefore: true, framesAfter: true };

/** A face with points; each frame has a list of them. */
export interface FacePoints {
  readonly id: number;
  /** `[n x 3]`, px of the image. */
  readonly points: Float32Array;
}

/** Averages points over neighbouring frames. */
export interface MeanSmoother {
  /**
   * Adds the faces in the next frame.
   * @returns the smoothed faces of the frame `framesAfter` frames ago; undefined while there is none yet.
   */
  push(faces: readonly FacePoints[]): FacePoints[] | undefined;
  /** Ends the video and returns the smoothed faces of the last frames. */
  flush(): FacePoints[][];
}

/**
 * The original's smoothing: each point is averaged over the frames around it; beyond a face's first and last frame,
 * that frame is repeated. Each face is averaged by itself, for as long as it is present without a gap.
 * @throws RangeError for a count that is not a whole number >= 0.
 * @see demo_video_smooth.py (3DDFA_V2 1b6c676)
 */
export function createMeanSmoother(options: MeanSmoothingOptions = {}): MeanSmoother {
  checkOptionNames(options, MEAN_OPTION_NAMES);
  const { framesBefore = 1, framesAfter = 1 } = options;
  for (const [name, value] of Object.entries({ framesBefore, framesAfter })) {
    checkNumber(name, value, 0, Infinity, true);
  }
  /** The last frames, starting `framesBefore` before the next one to be returned. */
  const frames: (readonly FacePoints[])[] = [];
  /** Index in `frames` of the next one to be returned. */
  let current = 0;

  function smoothCurrent(): FacePoints[] {
    const faces = (frames[current] ?? []).map(({ id, points }) => ({ id, points: meanAround(id, points) }));
    current++;
    if (current > framesBefore) {
      frames.shift();
      current--;
    }
    return faces;
  }

  function meanAround(id: number, points: Float32Array): Float32Array {
    const sums = Float64Array.from(points);
    for (const [direction, count] of [
      [-1, framesBefore],
      [1, framesAfter],
    ] as const) {
      let last = points;
      for (let step = 1; step <= count; step++) {
        const neighbour = frames[current + direction * step]?.find((face) => face.id === id)?.points;
        // Beyond a gap it may be anywhere.
        const isThere = neighbour !== undefined && neighbour.length === points.length;
        const repeated: Float32Array = isThere ? neighbour : last;
        for (let i = 0; i < sums.length; i++) sums[i] = sums[i] + repeated[i];
        if (!isThere) {
          for (let rest = step + 1; rest <= count; rest++) {
            for (let i = 0; i < sums.length; i++) sums[i] = sums[i] + last[i];
          }
          break;
        }
        last = repeated;
      }
    }
    return Float32Array.from(sums, (sum) => sum / (framesBefore + framesAfter + 1));
  }

  return {
    push(faces) {
      frames.push(faces);
      return frames.length - current > framesAfter ? smoothCurrent() : undefined;
    },
    flush() {
      const rest: FacePoints[][] = [];
      while (current < frames.length) rest.push(smoothCurrent());
      frames.length = 0;
      current = 0;
      return rest;
    },
  };
}
