import * as v from 'valibot';
import type { RoiBox } from '../types.ts';
import { CliError } from './cli-error.ts';
import { readJsonFile } from './read-json-file.ts';

const LANDMARKS = 68;

const row = v.pipe(v.array(v.pipe(v.number(), v.finite())), v.length(LANDMARKS));
/** Rows x, y and perhaps z of 68 numbers, as AFLW2000-3D's, or 68 points of 2 or 3 numbers. */
const landmarkRows = v.pipe(v.array(row), v.minLength(2), v.maxLength(3));
const landmarkPoints = v.pipe(
  v.array(v.pipe(v.array(v.pipe(v.number(), v.finite())), v.minLength(2), v.maxLength(3))),
  v.length(LANDMARKS),
);
const corners = v.pipe(
  v.tuple([v.number(), v.number(), v.number(), v.number()]),
  v.check(([xMin, yMin, xMax, yMax]) => xMin < xMax && yMin < yMax, 'xMin < xMax and yMin < yMax'),
);
const faceEntries = {
  landmarks: v.optional(v.union([landmarkRows, landmarkPoints], `${LANDMARKS} landmarks`)),
  roiBox: v.optional(corners),
  box: v.optional(corners),
  ignore: v.optional(v.boolean(), false),
  yawDegrees: v.optional(v.number()),
  pitchDegrees: v.optional(v.number()),
  rollDegrees: v.optional(v.number()),
};
const pictureSchema = v.union(
  [
    v.object({ image: v.string(), faces: v.array(v.object(faceEntries)) }),
    v.object({ image: v.string(), ...faceEntries }),
  ],
  'expected {image, faces: […]} or {image, landmarks, …}',
);

/** One face marked by a person. Coordinates are px of the picture. */
export interface AnnotatedFace {
  /** `[68 x 2]`, iBUG order. */
  readonly landmarks?: Float64Array;
  /** The crop to align in, as it is. */
  readonly roiBox?: RoiBox;
  /** The face's box; without it, that of its landmarks. */
  readonly box?: RoiBox;
  /** Whether `box` was marked rather than derived from the landmarks. */
  readonly boxIsMarked: boolean;
  /** A face that a detector may find or not. */
  readonly ignore: boolean;
  readonly yawDegrees?: number;
  readonly pitchDegrees?: number;
  readonly rollDegrees?: number;
}

/** The faces of one picture. */
export interface AnnotatedPicture {
  /** File, relative to the folder of `--data`. */
  readonly image: string;
  readonly faces: readonly AnnotatedFace[];
}

/**
 * Reads the annotations of `tddfa eval`: a JSON list of pictures. A picture is `{image, faces: [face, …]}`, or
 * `{image, …}` with the entries of its one face. A face has `landmarks` (3 or 2 rows of 68, or 68 points), `box`,
 * `roiBox`, `yawDegrees`, `pitchDegrees`, `rollDegrees`, `ignore`; all of them are optional.
 * @throws CliError with what is wrong and where.
 */
export async function readAnnotations(path: string): Promise<AnnotatedPicture[]> {
  return parseAnnotations(path, await readJsonFile(path));
}

/** Like {@link readAnnotations}, from the content of the file. */
export function parseAnnotations(path: string, json: unknown): AnnotatedPicture[] {
  if (!Array.isArray(json) || json.length === 0) throw new CliError(`${path}: expected a list of pictures`);
  return json.map((entry, index) => {
    const result = v.safeParse(pictureSchema, entry);
    if (!result.success) {
      const [issue] = result.issues;
      throw new CliError(`${path}: picture ${index}: ${issue.message}`);
    }
    const { output } = result;
    const faces = 'faces' in output ? output.faces : [output];
    return { image: output.image, faces: faces.map(face) };
  });
}

type FaceEntries = v.InferOutput<v.ObjectSchema<typeof faceEntries, undefined>>;

function face({ landmarks, roiBox, box, ignore, yawDegrees, pitchDegrees, rollDegrees }: FaceEntries): AnnotatedFace {
  const points = landmarks && interleave(landmarks);
  const known = box ?? (points && extent(points));
  return {
    ...(points && { landmarks: points }),
    ...(roiBox && { roiBox: toBox(roiBox) }),
    ...(known && { box: toBox(known) }),
    boxIsMarked: box !== undefined,
    ignore,
    ...(yawDegrees !== undefined && { yawDegrees }),
    ...(pitchDegrees !== undefined && { pitchDegrees }),
    ...(rollDegrees !== undefined && { rollDegrees }),
  };
}

type Corners = readonly [number, number, number, number];

function toBox([xMin, yMin, xMax, yMax]: Corners): RoiBox {
  return { xMin, yMin, xMax, yMax };
}

function interleave(landmarks: readonly (readonly number[])[]): Float64Array {
  const points = new Float64Array(2 * LANDMARKS);
  const inRows = landmarks.length !== LANDMARKS;
  for (let i = 0; i < LANDMARKS; i++) {
    points[2 * i] = inRows ? landmarks[0]?.[i] : landmarks[i]?.[0];
    points[2 * i + 1] = inRows ? landmarks[1]?.[i] : landmarks[i]?.[1];
  }
  return points;
}

function extent(points: Float64Array): Corners {
  const xs = points.filter((_, i) => i % 2 === 0);
  const ys = points.filter((_, i) => i % 2 === 1);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
