/** Faces for the 3D view and for files, with the sliders where they are. */
import { type FaceMesh, faceMesh, frontalFace, splitParams } from '../../src/geometry.ts';
import type { AlignedFace, FaceAligner, MorphableModel, RgbaImage } from '../../src/index.ts';
import { SHAPE_SLIDERS } from './coefficients.ts';
import type { FaceEdit } from './studio-protocol.ts';

const CAMERA_PARAM_COUNT = 12;

/** A face of the photo, and what the sliders make of it. */
export interface EditedFace {
  readonly photo: RgbaImage;
  readonly face: AlignedFace;
  readonly edit: FaceEdit;
}

/** What the sliders show for a face as it was found: expressions, then gaze if the model has it. */
export function coefficientsIn(
  { params }: AlignedFace,
  { morphableModel }: FaceAligner,
): { readonly expression: readonly number[]; readonly shape: readonly number[] } {
  if (morphableModel === undefined) return { expression: [], shape: [] };
  const { expression, gaze, shape } = splitParams(params, morphableModel);
  return { expression: [...expression, ...gaze], shape: [...shape.subarray(0, SHAPE_SLIDERS)] };
}

/** Parameters with the sliders' coefficients in place of their own. */
export function withCoefficients(
  params: Float32Array,
  { expression, shape }: Pick<FaceEdit, 'expression' | 'shape'>,
  { shapeCount }: MorphableModel,
): Float32Array {
  const changed = params.slice();
  changed.set(shape, CAMERA_PARAM_COUNT);
  changed.set(expression, CAMERA_PARAM_COUNT + shapeCount);
  return changed;
}

/** The edited face as a mesh in millimetres; its colours are the photo's. */
export function meshOf(
  { photo, face, edit }: EditedFace,
  aligner: FaceAligner,
  options: { readonly texture?: false; readonly expression?: boolean } = {},
): FaceMesh {
  return faceMesh(photo, face, aligner, { ...options, edited: applyEdit(face, edit, aligner) });
}

/** The face with the coefficients and the pose of an edit. */
export function applyEdit(face: AlignedFace, edit: FaceEdit, { morphableModel }: FaceAligner): AlignedFace {
  if (morphableModel === undefined) return face;
  const edited = { roiBox: face.roiBox, params: withCoefficients(face.params, edit, morphableModel) };
  return edit.frontal ? frontalFace(edited, morphableModel) : edited;
}
