import { beforeAll, describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { interleave, readFloat32, readReference, readTracking, referenceNames } from '../../development/reference.ts';
import {
  type PackedModel,
  packLandmarks,
  packModel,
  reconstruct,
  reconstructFaces,
} from '../../src/geometry/morphable-model.ts';
import { cropToImage } from '../../src/geometry/similarity-transform.ts';
import type { MorphableModel, RoiBox } from '../../src/types.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { readUpstreamModel } from '../support/upstream-model.ts';

/** px of the image; 1.22e-4 measured over 4 faces and 55 frames. */
const LANDMARK_BOUND = 4e-4;
/** px of the image; 1.22e-4 measured over 4 faces. */
const DENSE_BOUND = 4e-4;
/** Against float64, of numbers up to about 30. */
const FLOAT32_BOUND = 1e-5;

function randomModel(vertexCount: number, shapeCount: number, expressionCount: number, seed: number): MorphableModel {
  const next = randomNumbers(seed);
  const numbers = (length: number) => Float32Array.from({ length }, () => 2 * next() - 1);
  return {
    vertexCount,
    shapeCount,
    expressionCount,
    meanShape: numbers(3 * vertexCount),
    shapeBasis: numbers(3 * vertexCount * shapeCount),
    expressionBasis: numbers(3 * vertexCount * expressionCount),
    keypointIndices: Uint32Array.from({ length: 204 }, () => Math.floor(next() * 3 * vertexCount)),
  };
}

function randomParams(model: MorphableModel, seed: number): Float32Array {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: 12 + model.shapeCount + model.expressionCount }, () => 2 * next() - 1);
}

/** The definition, in float64, of the given rows. */
function reconstructByDefinition(model: MorphableModel, params: Float32Array, rows: ArrayLike<number>): number[] {
  const { shapeCount, expressionCount, meanShape, shapeBasis, expressionBasis } = model;
  const p = (i: number) => params[i];
  const coordinate = (row: number) => {
    let sum = meanShape[row];
    for (let c = 0; c < shapeCount; c++) sum += p(12 + c) * shapeBasis[row * shapeCount + c];
    for (let c = 0; c < expressionCount; c++) {
      sum += p(12 + shapeCount + c) * expressionBasis[row * expressionCount + c];
    }
    return sum;
  };
  const vertices: number[] = [];
  for (let i = 0; i < rows.length; i += 3) {
    const [x, y, z] = [rows[i], rows[i + 1], rows[i + 2]].map((row) => coordinate(row)) as [number, number, number];
    for (let k = 0; k < 12; k += 4) vertices.push(p(k) * x + p(k + 1) * y + p(k + 2) * z + p(k + 3));
  }
  return vertices;
}

const allRows = (model: MorphableModel) => Array.from({ length: 3 * model.vertexCount }, (_, row) => row);

describe('reconstruct', () => {
  test.each([
    [2, 40, 10],
    [3, 40, 10],
    [101, 40, 20],
    [68, 100, 29],
    [9, 0, 0],
  ])('follows the definition: %i vertices, %i + %i columns', (vertexCount, shapeCount, expressionCount) => {
    const model = randomModel(vertexCount, shapeCount, expressionCount, 1);
    const params = randomParams(model, 2);
    const dense = reconstruct(packModel(model), params);
    expectClose(dense, reconstructByDefinition(model, params, allRows(model)), { maxAbs: FLOAT32_BOUND });
    const sparse = reconstruct(packLandmarks(model), params);
    expectClose(sparse, reconstructByDefinition(model, params, model.keypointIndices), { maxAbs: FLOAT32_BOUND });
  });

  test('with dst writes there, and changes nothing else', () => {
    const model = randomModel(7, 40, 10, 3);
    const params = randomParams(model, 4);
    const packed = packModel(model);
    const before = { params: params.slice(), blocks: packed.blocks.slice() };
    const dst = new Float32Array(21).fill(9);
    expect(reconstruct(packed, params, dst)).toBe(dst);
    expect(dst).toEqual(reconstruct(packed, params));
    expect({ params, blocks: packed.blocks }).toEqual(before);
  });

  test('refuses arrays that do not fit', () => {
    const packed = packModel(randomModel(7, 40, 10, 3));
    expect(() => reconstruct(packed, new Float32Array(72))).toThrow(
      new RangeError('params: expected 62 parameters (12 camera, 40 shape, 10 expression), got 72'),
    );
    expect(() => reconstruct(packed, new Float32Array(62), new Float32Array(20))).toThrow(
      new RangeError('dst: expected 21 numbers, got 20'),
    );
  });
});

describe('reconstructFaces', () => {
  const model = randomModel(33, 40, 10, 5);
  const packed = packModel(model);

  test.each([0, 1, 2, 3, 6])('of %i faces is each face by itself', (count) => {
    const faces = Array.from({ length: count }, (_, i) => randomParams(model, 10 + i));
    const expected = faces.map((params) => reconstruct(packed, params));
    expect(reconstructFaces(packed, faces)).toEqual(expected);
    const dsts = faces.map(() => new Float32Array(99));
    expect(reconstructFaces(packed, faces, dsts)).toBe(dsts);
    expect(dsts).toEqual(expected);
  });

  test('writes nothing where one face does not fit', () => {
    const dsts = [new Float32Array(99), new Float32Array(99)];
    const faces = [randomParams(model, 1), new Float32Array(61)];
    expect(() => reconstructFaces(packed, faces, dsts)).toThrow('params: expected 62 parameters');
    expect(() => reconstructFaces(packed, [randomParams(model, 1)], dsts)).toThrow(
      new RangeError('dsts: expected an array for each of the 1 faces, got 2'),
    );
    expect(dsts.every((dst) => dst.every((value) => value === 0))).toBe(true);
  });
});

describe('packModel and packLandmarks', () => {
  test('refuse models whose arrays do not fit', () => {
    const model = randomModel(7, 4, 2, 6);
    expect(() => packModel({ ...model, meanShape: new Float32Array(20) })).toThrow(
      new RangeError('meanShape: expected 21 numbers, got 20'),
    );
    expect(() => packModel({ ...model, shapeCount: 5 })).toThrow('shapeBasis: expected 105 numbers, got 84');
    expect(() => packModel({ ...model, expressionCount: 3 })).toThrow('expressionBasis: expected 63 numbers, got 42');
    expect(() => packLandmarks({ ...model, keypointIndices: Uint32Array.of(0, 1, 2, 3, 4, 21) })).toThrow(
      new RangeError('keypointIndices: expected rows below 21, got 21'),
    );
    expect(() => packLandmarks({ ...model, keypointIndices: Uint32Array.of(0, 1, 2) })).toThrow('at least 2 vertices');
  });
});

describeWithShared('vertices of the reference', () => {
  let model: MorphableModel;
  let dense: PackedModel;
  let landmarks: PackedModel;

  beforeAll(async () => {
    model = await readUpstreamModel();
    dense = packModel(model);
    landmarks = packLandmarks(model);
  });

  const roiBoxOf = ([xMin, yMin, xMax, yMax]: readonly number[]): RoiBox => ({ xMin, yMin, xMax, yMax }) as RoiBox;

  test.each(referenceNames)('%s: landmarks and dense vertices', (name) => {
    const { faces } = readReference(name);
    const dsts = reconstructFaces(
      dense,
      faces.map((face) => Float32Array.from(face.params)),
    );
    faces.forEach((face, index) => {
      const roiBox = roiBoxOf(face.roiBox);
      const sparse = cropToImage(reconstruct(landmarks, Float32Array.from(face.params)), roiBox);
      expectClose(sparse, interleave(face.landmarks), { maxAbs: LANDMARK_BOUND });

      const vertices = cropToImage(dsts[index], roiBox);
      const rows = readFloat32(sharedPath('reference', name, `dense_${index}.f32`));
      const count = model.vertexCount;
      const expected = interleave([0, 1, 2].map((axis) => rows.subarray(axis * count, (axis + 1) * count)));
      expectClose(vertices, expected, { maxAbs: DENSE_BOUND });
    });
  });

  test('landmarks of each frame of a video', () => {
    const { frames } = readTracking();
    expect(frames.length).toBe(55);
    for (const frame of frames) {
      const sparse = cropToImage(reconstruct(landmarks, Float32Array.from(frame.params)), roiBoxOf(frame.roiBox));
      expectClose(sparse, interleave(frame.landmarks), { maxAbs: LANDMARK_BOUND });
    }
  });

  test('landmark 44 has the z of another vertex than its x and y', () => {
    const rows = model.keypointIndices.slice(3 * 44, 3 * 45);
    expect([...rows].map((row) => [Math.floor(row / 3), row % 3])).toEqual([
      [12383, 0],
      [12383, 1],
      [12087, 2],
    ]);
    const params = Float32Array.from((readReference('astronaut').faces[0] as { params: number[] }).params);
    const [sparse, all] = [reconstruct(landmarks, params), reconstruct(dense, params)];
    expect([...sparse.subarray(3 * 44, 3 * 45)]).not.toEqual([...all.subarray(3 * 12383, 3 * 12384)]);
  });
});
