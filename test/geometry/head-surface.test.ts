/** A head in its own frame, in numbers; face-film.test.ts has the open pack's. */
import { expect, test } from '@jest/globals';
import { createSurfaceReconstructor, type SurfaceSource } from '../../src/geometry/face-surface.ts';
import { HeadSurface } from '../../src/geometry/head-surface.ts';
import type { MorphableModel } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import { formulaFaceModel, formulaParams } from '../support/formula-face-model.ts';

const model = formulaFaceModel();
const sourceOf = (morphableModel: MorphableModel): SurfaceSource => ({
  packName: 'formulas',
  morphableModel,
  reconstruct: createSurfaceReconstructor('formulas', morphableModel),
});

/** Where a row of the model is, in millimetres, whatever the camera. */
function placesOf({ meanShape, shapeBasis, expressionBasis }: MorphableModel, params: Float32Array, mmPerUnit: number) {
  return Array.from(meanShape, (mean, row) => {
    let sum = mean;
    for (let i = 0; i < 40; i++) sum += params[12 + i] * shapeBasis[row * 40 + i];
    for (let i = 0; i < 10; i++) sum += params[52 + i] * expressionBasis[row * 10 + i];
    return sum * mmPerUnit;
  });
}

/** Between the means of the six landmarks of each eye. */
function betweenEyes(rows: ArrayLike<number>, keypoints: ArrayLike<number>): number {
  const centre = (first: number, axis: number): number =>
    [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + rows[keypoints[3 * (first + i) + axis]] / 6, 0);
  return Math.hypot(...[0, 1, 2].map((axis) => centre(36, axis) - centre(42, axis)));
}

test('vertices and landmarks are those of the shape and the expression alone, millimetres', () => {
  // The first landmark has its depth from another vertex, and the second its height.
  const keypointIndices = model.keypointIndices.slice();
  keypointIndices[2] = 3 * 40 + 2;
  keypointIndices.set([3 * 50 + 1, 3 * 50 + 2, 3 * 50 + 3], 3);
  const mixed = { ...model, keypointIndices };
  const head = new HeadSurface(sourceOf(mixed), 63);
  const mmPerUnit = 63 / betweenEyes(model.meanShape, keypointIndices);
  expect(head.metresPerUnit / (mmPerUnit / 1000)).toBeCloseTo(1, 6);
  const params = formulaParams();
  const before = params.slice();
  head.evaluate(params);
  expect(params).toEqual(before);
  const places = placesOf(model, params, mmPerUnit);
  expectClose(
    head.landmarks,
    Array.from(keypointIndices, (row) => places[row]),
    { maxAbs: 1e-3 },
  );
  // Of vertices y goes down.
  const vertices = head.vertices.map((value, i) => [value, -value, value + head.zOffset][i % 3]);
  expectClose(vertices, places, { maxAbs: 1e-3 });
  // Another camera is the same head.
  const landmarks = head.landmarks.slice();
  params.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  head.evaluate(params);
  expect(head.landmarks).toEqual(landmarks);
  expect(() => head.evaluate(params.subarray(1))).toThrow(RangeError);
});

test('a landmark must be a vertex', () => {
  const keypointIndices = model.keypointIndices.map((row) => row + 1);
  expect(() => new HeadSurface(sourceOf({ ...model, keypointIndices }), 63)).toThrow('keypointIndices: expected');
  for (const length of [0, -1, Infinity, Number.NaN]) {
    expect(() => new HeadSurface(sourceOf(model), length)).toThrow(RangeError);
  }
  expect(() => new HeadSurface(sourceOf(model), 1e-3)).not.toThrow();
});
