/**
 * The parts of a face that are not linear in its coefficients: lids that meet at coefficient 1 whoever the face is and
 * wherever it looks, and eyeballs that turn about their centres. A model without these parts, such as upstream's,
 * remains a plain sum.
 */
import type { FaceActing, ParamLayout } from '../types.ts';
import { CAMERA_PARAM_COUNT } from './params.ts';

/** Gaze parameters: yaw and pitch of the person's left eye, then of the right one. */
export const GAZE_COUNT = 4;

/** How far an eye is turned, degrees, when the coefficient of its `eyeLook…` expression reaches 1. */
export const FULL_LOOK_DEGREES = { up: 25, down: 30, in: 35, out: 35 } as const;

const AXES = 3;

/**
 * Which way an `eyeLook…` expression looks: the eye (0 is the person's left), and its full turn in the model's frame.
 */
export interface Look {
  readonly eye: 0 | 1;
  readonly yawDegrees: number;
  readonly pitchDegrees: number;
}

/** The direction of an eye that an expression stands for; undefined for names that stand for none. */
export function lookOf(name: string): Look | undefined {
  const found = /^eyeLook(Up|Down|In|Out)(Left|Right)$/.exec(name);
  if (found === null) return undefined;
  const [, direction, side] = found;
  const eye = side === 'Left' ? 0 : 1;
  // Outwards is towards the person's left (+x) for the left eye.
  const outwards = eye === 0 ? 1 : -1;
  const { up, down, in: inwards, out } = FULL_LOOK_DEGREES;
  if (direction === 'Up') return { eye, yawDegrees: 0, pitchDegrees: up };
  if (direction === 'Down') return { eye, yawDegrees: 0, pitchDegrees: -down };
  return { eye, yawDegrees: direction === 'Out' ? out * outwards : -inwards * outwards, pitchDegrees: 0 };
}

/** How much of a look there is in an eye's gaze, 0..1. */
export function lookCoefficient({ eye, yawDegrees, pitchDegrees }: Look, gaze: ArrayLike<number>): number {
  const share = yawDegrees === 0 ? gaze[2 * eye + 1] / pitchDegrees : gaze[2 * eye] / yawDegrees;
  return Math.min(Math.max(share, 0), 1);
}

/**
 * The parameters as weights of the model's columns: a blink's coefficient becomes the weight that shuts that fraction
 * of the eye, and gaze, which moves no column, is omitted.
 * @param params - `[12 + shapeCount + expressionCount + 4]`.
 * @returns `[12 + shapeCount + expressionCount]`, a new array.
 */
export function columnWeights(
  params: Float32Array,
  { shapeCount, expressionCount }: ParamLayout,
  { lidGaps, blinkColumns }: FaceActing,
): Float32Array {
  const start = CAMERA_PARAM_COUNT;
  const columnCount = shapeCount + expressionCount;
  const weights = params.slice(0, start + columnCount);
  for (const [eye, blink] of blinkColumns.entries()) {
    const row = eye * (1 + columnCount);
    let gap = lidGaps[row];
    for (let i = 0; i < columnCount; i++) gap += params[start + i] * lidGaps[row + 1 + i];
    // Minus what the blinks themselves contribute.
    for (const other of blinkColumns) gap -= params[start + shapeCount + other] * lidGaps[row + 1 + shapeCount + other];
    const closing = -lidGaps[row + 1 + shapeCount + blink];
    const at = start + shapeCount + blink;
    weights[at] = closing > 0 ? params[at] * (Math.max(gap, 0) / closing) : params[at];
  }
  return weights;
}

/**
 * Turns the eyeballs of a face in crop space by its gaze, in place.
 * @param vertices - `[vertexCount x 3]`, as the camera of `params` left them.
 */
export function turnEyes(
  vertices: Float32Array,
  params: Float32Array,
  { shapeCount, expressionCount }: ParamLayout,
  { eyeCentres, eyeVertices }: FaceActing,
): void {
  const gazeStart = CAMERA_PARAM_COUNT + shapeCount + expressionCount;
  // The camera's matrix scales and may shear slightly, so the turn is converted to its frame.
  // biome-ignore format: a matrix
  const camera = [
    params[0], params[1], params[2],
    params[4], params[5], params[6],
    params[8], params[9], params[10],
  ];
  const inverse = invert(camera);
  if (inverse === undefined) return;
  for (const [eye, turned] of eyeVertices.entries()) {
    const [yaw, pitch] = [params[gazeStart + 2 * eye], params[gazeStart + 2 * eye + 1]];
    if (turned.length === 0 || (yaw === 0 && pitch === 0)) continue;
    const m = multiply(multiply(camera, gazeRotation(yaw, pitch)), inverse);
    const centre = eyeCentre(eyeCentres, eye, params, shapeCount);
    const [cx, cy, cz] = [0, 1, 2].map(
      (row) =>
        camera[3 * row] * centre[0] +
        camera[3 * row + 1] * centre[1] +
        camera[3 * row + 2] * centre[2] +
        params[4 * row + 3],
    );
    for (const vertex of turned) {
      const at = AXES * vertex;
      const x = vertices[at] - cx;
      const y = vertices[at + 1] - cy;
      const z = vertices[at + 2] - cz;
      vertices[at] = cx + m[0] * x + m[1] * y + m[2] * z;
      vertices[at + 1] = cy + m[3] * x + m[4] * y + m[5] * z;
      vertices[at + 2] = cz + m[6] * x + m[7] * y + m[8] * z;
    }
  }
}

/** `[3]` centre of an eyeball in model units. */
export function eyeCentre(
  eyeCentres: Float32Array,
  eye: number,
  params: Float32Array,
  shapeCount: number,
): [number, number, number] {
  const coordinate = (axis: number): number => {
    const row = (AXES * eye + axis) * (1 + shapeCount);
    let sum = eyeCentres[row];
    for (let i = 0; i < shapeCount; i++) sum += params[CAMERA_PARAM_COUNT + i] * eyeCentres[row + 1 + i];
    return sum;
  };
  return [coordinate(0), coordinate(1), coordinate(2)];
}

/**
 * The turn of an eye in the model's frame, y up, z towards the viewer.
 * @param yawDegrees - positive towards the person's left (+x).
 * @param pitchDegrees - positive upwards.
 * @returns `[3 x 3]`, row-major: yaw first, then pitch.
 */
export function gazeRotation(yawDegrees: number, pitchDegrees: number): number[] {
  const [yaw, pitch] = [(yawDegrees * Math.PI) / 180, (pitchDegrees * Math.PI) / 180];
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  // biome-ignore format: a matrix
  return [
    cy, 0, sy,
    -sp * sy, cp, sp * cy,
    -cp * sy, -sp, cp * cy,
  ];
}

/** The tables reduced to one identity, for a model whose shape is fixed and that has no shape columns. */
export function actingOfShape(acting: FaceActing, shape: Float32Array, expressionCount: number): FaceActing {
  const fold = (table: Float32Array, rows: number, kept: number): Float32Array => {
    const width = 1 + shape.length + kept;
    const folded = new Float32Array(rows * (1 + kept));
    for (let row = 0; row < rows; row++) {
      let sum = table[row * width];
      for (let i = 0; i < shape.length; i++) sum += shape[i] * table[row * width + 1 + i];
      folded[row * (1 + kept)] = sum;
      for (let i = 0; i < kept; i++) folded[row * (1 + kept) + 1 + i] = table[row * width + 1 + shape.length + i];
    }
    return folded;
  };
  return {
    ...acting,
    lidGaps: fold(acting.lidGaps, 2, expressionCount),
    eyeCentres: fold(acting.eyeCentres, 2 * AXES, 0),
  };
}

function multiply(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    return a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
  });
}

/** Undefined for a matrix that cannot be inverted. */
function invert(m: readonly number[]): number[] | undefined {
  const cofactor = (r0: number, c0: number, r1: number, c1: number): number =>
    m[3 * r0 + c0] * m[3 * r1 + c1] - m[3 * r0 + c1] * m[3 * r1 + c0];
  // biome-ignore format: a matrix
  const adjugate = [
    cofactor(1, 1, 2, 2), -cofactor(0, 1, 2, 2), cofactor(0, 1, 1, 2),
    -cofactor(1, 0, 2, 2), cofactor(0, 0, 2, 2), -cofactor(0, 0, 1, 2),
    cofactor(1, 0, 2, 1), -cofactor(0, 0, 2, 1), cofactor(0, 0, 1, 1),
  ];
  const determinant = m[0] * adjugate[0] + m[1] * adjugate[3] + m[2] * adjugate[6];
  const inverse = adjugate.map((value) => value / determinant);
  return inverse.every(Number.isFinite) ? inverse : undefined;
}
