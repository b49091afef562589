import { GAZE_COUNT } from '../../src/geometry/acting.ts';
import type { MorphableModel } from '../../src/types.ts';
import { formulaFaceModel, formulaParams } from './formula-face-model.ts';
import { formulaValues } from './small-pack.ts';

const LEFT_LID = { upper: 43, lower: 47 };
const RIGHT_LID = { upper: 37, lower: 41 };
const BALL_RADIUS = 12_000;
/** Vertices of each ball, after the 90 of the face. */
const BALL_VERTICES = 8;
const SHAPES = 40;

/** ARKit's names. */
// biome-ignore format: a table
export const ARKIT_NAMES = [
  'eyeBlinkLeft', 'eyeLookDownLeft', 'eyeLookInLeft', 'eyeLookOutLeft', 'eyeLookUpLeft', 'eyeSquintLeft', 'eyeWideLeft',
  'eyeBlinkRight', 'eyeLookDownRight', 'eyeLookInRight', 'eyeLookOutRight', 'eyeLookUpRight', 'eyeSquintRight', 'eyeWideRight',
  'jawForward', 'jawLeft', 'jawRight', 'jawOpen', 'mouthClose', 'mouthFunnel', 'mouthPucker', 'mouthLeft', 'mouthRight',
  'mouthSmileLeft', 'mouthSmileRight', 'mouthFrownLeft', 'mouthFrownRight', 'mouthDimpleLeft', 'mouthDimpleRight',
  'mouthStretchLeft', 'mouthStretchRight', 'mouthRollLower', 'mouthRollUpper', 'mouthShrugLower', 'mouthShrugUpper',
  'mouthPressLeft', 'mouthPressRight', 'mouthLowerDownLeft', 'mouthLowerDownRight', 'mouthUpperUpLeft', 'mouthUpperUpRight',
  'browDownLeft', 'browDownRight', 'browInnerUp', 'browOuterUpLeft', 'browOuterUpRight', 'cheekPuff', 'cheekSquintLeft',
  'cheekSquintRight', 'noseSneerLeft', 'noseSneerRight', 'tongueOut',
] as const;

/** The balls' vertices: the person's left, then the right one. */
export function eyeVerticesOf(): readonly [Uint32Array, Uint32Array] {
  const first = formulaFaceModel().vertexCount;
  const run = (from: number): Uint32Array => Uint32Array.from({ length: BALL_VERTICES }, (_, i) => from + i);
  return [run(first), run(first + BALL_VERTICES)];
}

/**
 * `formulaFaceModel` with 52 expressions, two balls and the tables of an acting model. Lids are landmarks 43 and 47, 37 and 41;
 * balls move with the first shape coefficient only.
 */
export function formulaActingModel(): MorphableModel {
  const plain = formulaFaceModel();
  const vertexCount = plain.vertexCount + 2 * BALL_VERTICES;
  const rows = 3 * vertexCount;
  const faceRows = 3 * plain.vertexCount;
  const meanShape = new Float32Array(rows);
  meanShape.set(plain.meanShape);
  const shapeBasis = new Float32Array(rows * SHAPES);
  shapeBasis.set(plain.shapeBasis);
  const expressionBasis = new Float32Array(rows * 52);
  expressionBasis.set(formulaValues(faceRows * 52, 21).map((value) => value * 800));
  const eyeCentres = new Float32Array(6 * (1 + SHAPES));
  for (const [eye, vertices] of eyeVerticesOf().entries()) {
    const centre = [eye === 0 ? 20_000 : -20_000, 25_000, 40_000];
    for (const [axis, value] of centre.entries()) {
      eyeCentres[(3 * eye + axis) * (1 + SHAPES)] = value;
      eyeCentres[(3 * eye + axis) * (1 + SHAPES) + 1] = 0.01 * (axis + 1);
    }
    for (const [i, vertex] of vertices.entries()) {
      // The first looks straight ahead.
      const [angle, turn] = [(i === 0 ? 0 : 0.5) * 1, i * 0.9];
      const direction = [Math.sin(angle) * Math.cos(turn), Math.sin(angle) * Math.sin(turn), Math.cos(angle)];
      for (const axis of [0, 1, 2]) {
        meanShape[3 * vertex + axis] = centre[axis] + BALL_RADIUS * direction[axis];
        shapeBasis[(3 * vertex + axis) * SHAPES] = 0.01 * (axis + 1);
      }
    }
  }
  // Lids that are apart, and blinks that bring them together.
  const columnOf = (name: string): number => (ARKIT_NAMES as readonly string[]).indexOf(name);
  const blinkColumns = [columnOf('eyeBlinkLeft'), columnOf('eyeBlinkRight')] as const;
  const lidGaps = new Float32Array(2 * (1 + SHAPES + 52));
  for (const [eye, { upper, lower }] of [LEFT_LID, RIGHT_LID].entries()) {
    meanShape[3 * upper + 1] = 30_000;
    meanShape[3 * lower + 1] = 22_000;
    for (const [other, column] of blinkColumns.entries()) {
      expressionBasis[(3 * upper + 1) * 52 + column] = eye === other ? -6000 : 0;
      expressionBasis[(3 * lower + 1) * 52 + column] = eye === other ? 1000 : 0;
    }
    const gap = (basis: Float32Array, columns: number, column: number): number =>
      basis[(3 * upper + 1) * columns + column] - basis[(3 * lower + 1) * columns + column];
    const row = eye * (1 + SHAPES + 52);
    lidGaps[row] = gap(meanShape, 1, 0);
    for (let i = 0; i < SHAPES; i++) lidGaps[row + 1 + i] = gap(shapeBasis, SHAPES, i);
    for (let i = 0; i < 52; i++) lidGaps[row + 1 + SHAPES + i] = gap(expressionBasis, 52, i);
  }
  return {
    vertexCount,
    shapeCount: SHAPES,
    expressionCount: 52,
    gazeCount: GAZE_COUNT,
    meanShape,
    shapeBasis,
    expressionBasis,
    keypointIndices: plain.keypointIndices,
    expressionNames: ARKIT_NAMES,
    acting: { lidGaps, blinkColumns, eyeCentres, eyeVertices: eyeVerticesOf() },
    contour: {
      vertices: Uint32Array.from({ length: 17 * 4 }, (_, i) => (i % 4 === 0 ? i / 4 : 68 + (i % 20))),
      outward: Float32Array.from({ length: 34 }, (_, i) => {
        const angle = Math.PI + (Math.PI * Math.floor(i / 2)) / 16;
        return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
      }),
    },
  };
}

/** Parameters of a face that fills its crop, looks aside and uses every coefficient. */
export function formulaActingParams(): Float32Array {
  const params = new Float32Array(12 + SHAPES + 52 + GAZE_COUNT);
  params.set(formulaParams().subarray(0, 12 + SHAPES));
  for (let i = 52; i < 104; i++) params[i] = 0.3 + 0.3 * Math.sin(i);
  params.set([20, -10, 15, 12], 104);
  return params;
}
