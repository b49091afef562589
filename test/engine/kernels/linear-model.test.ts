import { describe, expect, test } from '@jest/globals';
import { readReference, referenceNames } from '../../../development/reference.ts';
import { createLinearModelKernel, type LinearModel } from '../../../src/engine/kernels/linear-model.ts';
import { detectSimdSupport } from '../../../src/wasm/simd-support.ts';
import { expectClose } from '../../support/expect-close.ts';
import { describeWithShared } from '../../support/shared.ts';
import { readUpstreamModel } from '../../support/upstream-model.ts';

/** As part of the largest coordinate; measured 3.2e-7, and 1.7e-5 with an int16 basis. */
const MAX_ERROR = 1e-6;
const MAX_SHORT_ERROR = 5e-5;

const MODES = detectSimdSupport().fusedMultiplyAdd ? (['plain', 'fma'] as const) : (['plain'] as const);

function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function modelOf(pointCount: number, columns: readonly number[]): LinearModel {
  const bases = columns.map((count, i) => ({ data: noise(3 * pointCount * count, 7 + i), columns: count }));
  return { pointCount, mean: noise(3 * pointCount, 5), bases };
}

/** In float64, straight from the definition. */
function evaluate({ pointCount, mean, bases }: LinearModel, params: Float32Array): Float64Array {
  const points = new Float64Array(3 * pointCount);
  for (let point = 0; point < pointCount; point++) {
    const model = [0, 1, 2].map((axis) => {
      const row = 3 * point + axis;
      let weight = 12;
      let value = mean[row] ?? 0;
      for (const { data, columns } of bases) {
        for (let c = 0; c < columns; c++) value += (data[row * columns + c] ?? 0) * (params[weight++] ?? 0);
      }
      return value;
    });
    for (let axis = 0; axis < 3; axis++) {
      const [a = 0, b = 0, c = 0, t = 0] = params.subarray(4 * axis);
      points[3 * point + axis] = a * (model[0] ?? 0) + b * (model[1] ?? 0) + c * (model[2] ?? 0) + t;
    }
  }
  return points;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

describe.each(MODES)('linear model in %s SIMD', (simd) => {
  test.each([
    [1, [3, 2]],
    [7, [1]],
    [8, []],
    [68, [40, 10]],
    [1001, [40, 10]],
  ])('%i points x %j columns, one to six instances', (pointCount, columns) => {
    const model = modelOf(pointCount, columns);
    const params = Array.from({ length: 6 }, (_, i) => noise(12 + columns.reduce((a, b) => a + b, 0), 100 + i));
    const expected = params.map((one) => evaluate(model, one));
    for (const basis of ['float32', 'int16'] as const) {
      const kernel = createLinearModelKernel(model, { simd, basis });
      for (let count = 0; count <= 6; count++) {
        const points = kernel.evaluate(params.slice(0, count));
        expect(points).toHaveLength(count);
        for (const [i, one] of points.entries()) {
          const maxAbs = (basis === 'int16' ? MAX_SHORT_ERROR : MAX_ERROR) * largest(expected[i] ?? []);
          expectClose(one, expected[i] ?? [], { maxAbs });
        }
      }
    }
  });

  test('writes to the arrays it is given and leaves the params alone', () => {
    const kernel = createLinearModelKernel(modelOf(9, [4]), { simd, basis: 'int16' });
    const params = noise(16, 3);
    const dst = new Float32Array(27);
    const [result] = kernel.evaluate([params], [dst]);
    expect(result).toBe(dst);
    expect(params).toEqual(noise(16, 3));
    expect(dst).toEqual(kernel.evaluate([params])[0]);
  });

  test('names what does not fit', () => {
    const model = modelOf(9, [4]);
    expect(() => createLinearModelKernel({ ...model, pointCount: 8 })).toThrow(/mean: expected 24 numbers, got 27/);
    expect(() => createLinearModelKernel({ ...model, bases: [{ data: new Float32Array(5), columns: 4 }] })).toThrow(
      /bases\[0\]: expected 108/,
    );
    const kernel = createLinearModelKernel(model, { simd });
    expect(() => kernel.evaluate([new Float32Array(15)])).toThrow(/params\[0\]: expected 16 numbers, got 15/);
    expect(() => kernel.evaluate([noise(16, 1)], [])).toThrow(/dsts: expected an array for each of 1/);
    expect(() => kernel.evaluate([noise(16, 1)], [new Float32Array(3)])).toThrow(/dsts\[0\]/);
  });
});

/** Px of the image; measured 3.1e-4, and 5e-3 is what is asked for. */
const MAX_SHORT_BASIS_PX = 1e-3;

describeWithShared('an int16 basis', () => {
  test('moves no vertex of the reference faces by 0.001 px', async () => {
    const { vertexCount, meanShape, shapeBasis, shapeCount, expressionBasis, expressionCount } =
      await readUpstreamModel();
    const model: LinearModel = {
      pointCount: vertexCount,
      mean: meanShape,
      bases: [
        { data: shapeBasis, columns: shapeCount },
        { data: expressionBasis, columns: expressionCount },
      ],
    };
    const [exact, short] = (['float32', 'int16'] as const).map((basis) => createLinearModelKernel(model, { basis }));
    let worst = 0;
    for (const { params, roiBox } of referenceNames.flatMap((name) => readReference(name).faces)) {
      const [left = 0, , right = 0] = roiBox;
      const pxPerCropPx = (right - left) / 120;
      const crop = Float32Array.from(params);
      const [expected] = exact?.evaluate([crop]) ?? [];
      const [actual] = short?.evaluate([crop]) ?? [];
      expect(actual).toHaveLength(3 * vertexCount);
      for (const [i, value] of (actual ?? []).entries()) {
        worst = Math.max(worst, Math.abs(value - (expected?.[i] ?? Number.NaN)) * pxPerCropPx);
      }
    }
    expect(worst).toBeLessThan(MAX_SHORT_BASIS_PX);
  });
});
