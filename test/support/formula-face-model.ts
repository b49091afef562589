import type { MorphableModel } from '../../src/types.ts';
import { formulaValues } from './small-pack.ts';

const VERTEX_COUNT = 90;
const RADIUS = 60_000;

/** A morphable model of the usual layout, 40 + 10, whose mean is 90 points on a bulge about as large as a head. */
export function formulaFaceModel(): MorphableModel {
  const rows = 3 * VERTEX_COUNT;
  const meanShape = new Float32Array(rows);
  for (let vertex = 0; vertex < VERTEX_COUNT; vertex++) {
    // A spiral, so that points lie all over.
    const distance = Math.sqrt((vertex + 0.5) / VERTEX_COUNT);
    const x = distance * Math.cos(vertex * 2.4);
    const y = distance * Math.sin(vertex * 2.4);
    meanShape.set([x * RADIUS, y * RADIUS, (1 - x * x - y * y) * RADIUS], 3 * vertex);
  }
  return {
    vertexCount: VERTEX_COUNT,
    shapeCount: 40,
    expressionCount: 10,
    meanShape,
    shapeBasis: formulaValues(rows * 40, 5).map((value) => value * 0.02),
    expressionBasis: formulaValues(rows * 10, 6).map((value) => value * 2000),
    keypointIndices: Uint32Array.from({ length: 204 }, (_, i) => i),
  };
}

/** Parameters of a face that fills its crop and looks aside. */
export function formulaParams(): Float32Array {
  const params = new Float32Array(62);
  const scale = 5e-4;
  const cos = Math.cos(0.4) * scale;
  const sin = Math.sin(0.4) * scale;
  params.set([cos, 0, sin, 62, 0, scale, 0, 70, -sin, 0, cos, -60]);
  for (let i = 12; i < 52; i++) params[i] = 40_000 * Math.sin(i);
  for (let i = 52; i < 62; i++) params[i] = Math.sin(i);
  return params;
}
