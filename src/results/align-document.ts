import * as v from 'valibot';
import { expressions } from '../geometry/expressions.ts';
import { type EyeGaze, gaze } from '../geometry/gaze.ts';
import type { AlignedFace, HeadAngles, MorphableModel } from '../types.ts';
import type { FoundFace } from './found-face.ts';

/** The JSON document written by `tddfa align --json`. Its JSON schema is `schemas/align.schema.json`. */
const corner = v.pipe(v.number(), v.description('px of the image'));
const roiBoxSchema = v.object({ xMin: corner, yMin: corner, xMax: corner, yMax: corner });
const boxSchema = v.object({
  ...roiBoxSchema.entries,
  score: v.pipe(v.number(), v.minValue(0), v.maxValue(1), v.description('confidence of the detector')),
});
const angle = v.pipe(v.number(), v.description('degrees'));

const eyeSchema = v.object({ yawDegrees: angle, pitchDegrees: angle });

/** What every document contains about an aligned face. */
export const alignedFaceSchema = v.object({
  roiBox: v.pipe(roiBoxSchema, v.description("the regressor's square crop; may extend beyond the image")),
  params: v.pipe(
    v.array(v.number()),
    v.minLength(12),
    v.description('12 camera (3x4 row-major), then shape, then expression coefficients, then gaze if the model has it'),
  ),
  pose: v.pipe(
    v.object({ yawDegrees: angle, pitchDegrees: angle, rollDegrees: angle }),
    v.description("head pose in the original's convention; docs/coordinates.md"),
  ),
  expressions: v.optional(
    v.pipe(
      v.record(v.string(), v.number()),
      v.description("coefficients by their names in the pack's model: 0 is none, 1 is full"),
    ),
  ),
  gaze: v.optional(
    v.pipe(
      v.object({ left: eyeSchema, right: eyeSchema }),
      v.description("direction of the person's left and right eye in the head, with the signs of the pose"),
    ),
  ),
  landmarks: v.optional(
    v.pipe(
      v.array(v.strictTuple([v.number(), v.number(), v.number()])),
      v.length(68),
      v.description('iBUG order; x and y in px of the image, z in the same unit, larger is nearer to the viewer'),
    ),
  ),
});

const faceSchema = v.object({
  box: v.pipe(boxSchema, v.description('box from the detector or from --boxes')),
  ...alignedFaceSchema.entries,
});

/** What is known about a picture that could be read. */
export const alignedImageEntries = {
  width: v.pipe(v.number(), v.integer(), v.minValue(1)),
  height: v.pipe(v.number(), v.integer(), v.minValue(1)),
  faces: v.pipe(v.array(faceSchema), v.description('best score first; empty if there is no face')),
};

const imageSchema = v.object({
  file: v.pipe(v.string(), v.description('as given on the command line')),
  ...alignedImageEntries,
});

export const alignDocumentSchema = v.pipe(
  v.object({ images: v.array(imageSchema) }),
  v.title('tddfa align'),
  v.description('Written by `tddfa align --json`: one entry per picture that could be read, in order.'),
);

export type AlignDocument = v.InferOutput<typeof alignDocumentSchema>;
export type AlignDocumentImage = v.InferOutput<typeof imageSchema>;
export type AlignDocumentFace = v.InferOutput<typeof faceSchema>;
export type AlignedFaceEntry = v.InferOutput<typeof alignedFaceSchema>;

/**
 * One face as it appears in the document. A tracked face was found by its landmarks: its box is the crop, its score 1.
 */
export function describeFace(face: FoundFace): AlignDocumentFace {
  const { aligned, detected = { ...aligned.roiBox, score: 1 }, pose, model } = face;
  return { box: detected, ...describeAlignedFace(aligned, pose, model && face.landmarks, model) };
}

/** What every document contains about an aligned face. */
export function describeAlignedFace(
  { roiBox, params }: AlignedFace,
  { yawDegrees, pitchDegrees, rollDegrees }: HeadAngles,
  landmarks: Float32Array | undefined,
  model: MorphableModel | undefined,
): AlignedFaceEntry {
  const face: AlignedFaceEntry = {
    roiBox,
    params: Array.from(params, shortest),
    pose: { yawDegrees, pitchDegrees, rollDegrees },
  };
  // Columns without names add nothing to the parameters.
  if (model?.expressionNames !== undefined) {
    const named = Object.entries(expressions({ params }, model));
    face.expressions = Object.fromEntries(named.map(([name, value]) => [name, shortest(value)]));
    const looks = gaze({ params }, model);
    const rounded = (eye: EyeGaze): EyeGaze => ({
      yawDegrees: shortest(eye.yawDegrees),
      pitchDegrees: shortest(eye.pitchDegrees),
    });
    if (looks !== undefined) face.gaze = { left: rounded(looks.left), right: rounded(looks.right) };
  }
  if (landmarks !== undefined) {
    const coordinate = (index: number): number => shortest(landmarks[index]);
    face.landmarks = Array.from({ length: landmarks.length / 3 }, (_, point) => [
      coordinate(3 * point),
      coordinate(3 * point + 1),
      coordinate(3 * point + 2),
    ]);
  }
  return face;
}

/** Nine digits restore a float32 exactly; the other eight that JSON would print are noise. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}
