import { describe, expect, test } from '@jest/globals';
import { readReference, referenceNames } from '../../development/reference.ts';
import { denormaliseParams, paramLayout, splitParams } from '../../src/geometry/params.ts';
import { describeWithShared } from '../support/shared.ts';
import { readUpstreamNormalisation } from '../support/upstream-model.ts';

const counting = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i);

describe('paramLayout', () => {
  test.each([
    [62, 40, 10],
    [72, 40, 20],
    [141, 100, 29],
  ])('%i parameters are 12 + %i + %i', (count, shapeCount, expressionCount) => {
    expect(paramLayout(count)).toEqual({ shapeCount, expressionCount });
  });

  test('refuses any other count', () => {
    expect(() => paramLayout(63)).toThrow(new RangeError('params: expected 62, 72, 141, 104, 108 parameters, got 63'));
  });
});

describe('splitParams', () => {
  test('takes the 3x4 camera apart and views the rest', () => {
    const params = counting(72);
    const { rotation, translation, shape, expression } = splitParams(params);
    expect([...rotation]).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10]);
    expect([...translation]).toEqual([3, 7, 11]);
    expect(shape).toEqual(params.slice(12, 52));
    expect(expression).toEqual(params.slice(52));
    expect(shape.buffer).toBe(params.buffer);
    expect(expression.buffer).toBe(params.buffer);
  });

  test('follows the layout of another model', () => {
    const { shape, expression } = splitParams(counting(17), { shapeCount: 3, expressionCount: 2 });
    expect([...shape, ...expression]).toEqual([12, 13, 14, 15, 16]);
    expect(() => splitParams(counting(62), { shapeCount: 40, expressionCount: 20 })).toThrow(
      new RangeError('params: expected 72 parameters (12 camera, 40 shape, 20 expression), got 62'),
    );
  });
});

describe('denormaliseParams', () => {
  test('works with and without dst', () => {
    const [output, mean, std] = [Float32Array.of(1, -2), Float32Array.of(10, 20), Float32Array.of(0.5, 3)];
    expect([...denormaliseParams(output, mean, std)]).toEqual([10.5, 14]);
    expect([...output]).toEqual([1, -2]);
    expect(denormaliseParams(output, mean, std, output)).toBe(output);
    expect([...output]).toEqual([10.5, 14]);
  });

  test('names the array that does not fit', () => {
    const two = new Float32Array(2);
    expect(() => denormaliseParams(two, two, new Float32Array(3))).toThrow(
      new RangeError('std: expected 2 numbers, got 3'),
    );
  });
});

describeWithShared('parameters of the reference', () => {
  test('are its network outputs, denormalised, to the last bit', async () => {
    const { mean, std } = await readUpstreamNormalisation();
    for (const name of referenceNames) {
      for (const face of readReference(name).faces) {
        const params = denormaliseParams(Float32Array.from(face.networkOutput), mean, std);
        expect(params).toEqual(Float32Array.from(face.params));
      }
    }
  });
});
