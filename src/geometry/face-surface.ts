import { checkChoice, checkFaceArgument, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { WeightFormatError } from '../errors.ts';
import type { AlignedFace, FaceMaps, MorphableModel } from '../types.ts';
import { contourVertices } from './contour.ts';
import { type PackedModel, packLandmarks, packModel, reconstruct } from './morphable-model.ts';
import { cropToImage } from './similarity-transform.ts';

/** Options of `FaceAligner.reconstruct`. */
export interface ReconstructOptions {
  /** All vertices of the model instead of the 68 landmarks. Default false. */
  readonly dense?: boolean;
  /**
   * Which 68 landmarks: `3d` are fixed places on the face, like 3DDFA's; `contour` has the visible outline instead of
   * the jaw's 17, as photographs are annotated, if the model supports it (the open pack's does; others return the fixed
   * ones). Default `3d`.
   */
  readonly landmarks?: LandmarkSet;
  /** `[n x 3]`, written to and returned; a new array if absent. */
  readonly dst?: Float32Array;
}

const NO_MODEL = 'this pack has no morphable model';
const RECONSTRUCT_OPTION_NAMES: OptionNames<ReconstructOptions> = { dense: true, landmarks: true, dst: true };

/** Where the first 17 landmarks lie. */
export type LandmarkSet = '3d' | 'contour';

/** An aligned face's vertices on the image. */
export type SurfaceReconstructor = (face: AlignedFace, options?: ReconstructOptions) => Float32Array;

/** A source of face surfaces: an aligner, or anything else with a morphable model. */
export interface SurfaceSource {
  /** Name of the pack, for messages. */
  readonly packName: string;
  readonly morphableModel?: MorphableModel;
  readonly faceMaps?: FaceMaps;
  readonly reconstruct: SurfaceReconstructor;
}

/** Vertices in crop space from parameters, as `reconstruct` of a packed model returns them. */
export type DenseEvaluator = (params: Float32Array, dst?: Float32Array) => Float32Array;

/** What is available to reconstruct with. */
export interface SurfaceParts {
  /** Packed at once by default. */
  readonly landmarks?: PackedModel;
  /** Creates the evaluator of all vertices on first use; by default it packs the model. */
  readonly createDense?: (model: MorphableModel) => DenseEvaluator;
}

/**
 * `[68 x 3]` landmarks of an aligned face on the image, as `reconstruct` returns them by default.
 * @param packName - for the message.
 * @param landmarks - of the model, if there is one; without it this throws WeightFormatError.
 */
export function landmarksOnImage(
  face: AlignedFace,
  packName: string,
  landmarks: PackedModel | undefined,
): Float32Array {
  if (landmarks === undefined) throw new WeightFormatError(packName, NO_MODEL);
  const points = reconstruct(landmarks, face.params);
  return cropToImage(points, face.roiBox, points);
}

/**
 * Makes the function that maps an aligned face to its vertices on the image: `FaceAligner.reconstruct`.
 * @param packName - for the message.
 * @param model - if the pack has one; without it the function throws WeightFormatError.
 */
export function createSurfaceReconstructor(
  packName: string,
  model: MorphableModel | undefined,
  { landmarks = model && packLandmarks(model), createDense = denseOfPacked }: SurfaceParts = {},
): SurfaceReconstructor {
  let evaluateDense: DenseEvaluator | undefined;
  return (face, options) => {
    checkFaceArgument(face);
    checkOptionNames(options, RECONSTRUCT_OPTION_NAMES);
    const { dense = false, landmarks: set = '3d', dst } = options ?? {};
    if (model === undefined || landmarks === undefined) {
      throw new WeightFormatError(packName, NO_MODEL);
    }
    checkChoice('landmarks', set, LANDMARK_SETS);
    const onContour = !dense && set === 'contour' && model.contour !== undefined;
    if (dense || onContour) evaluateDense ??= createDense(model);
    const vertices =
      dense && evaluateDense ? evaluateDense(face.params, dst) : reconstruct(landmarks, face.params, dst);
    if (onContour && evaluateDense) moveToContour(vertices, evaluateDense(face.params), face, model);
    return cropToImage(vertices, face.roiBox, vertices);
  };
}

const LANDMARK_SETS: readonly LandmarkSet[] = ['3d', 'contour'];

/** Moves the jaw's landmarks onto the visible outline, in crop space and in place. */
function moveToContour(landmarks: Float32Array, dense: Float32Array, face: AlignedFace, model: MorphableModel): void {
  const outline = contourVertices(dense, face, model) ?? [];
  for (const [i, vertex] of outline.entries()) landmarks.set(dense.subarray(3 * vertex, 3 * vertex + 3), 3 * i);
}

function denseOfPacked(model: MorphableModel): DenseEvaluator {
  return evaluatorOf(packModel(model));
}

/** The evaluator of a packed model. */
export function evaluatorOf(packed: PackedModel): DenseEvaluator {
  return (params, dst) => reconstruct(packed, params, dst);
}
