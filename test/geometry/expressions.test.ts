import { describe, expect, test } from '@jest/globals';
import { WeightFormatError } from '../../src/errors.ts';
import { expressions } from '../../src/geometry/expressions.ts';
import { createFaceAligner } from '../../src/node.ts';

function checked<T>(model: T | undefined): T {
  if (model === undefined) throw new WeightFormatError('the open pack', 'has no model');
  return model;
}

describe('expressions', () => {
  const model = { shapeCount: 2, expressionCount: 3 };
  const params = Float32Array.from([...Array(12).fill(9), 1, 2, 0.25, -0.5, 3]);

  test('come by the names of the model, in the order of its columns', () => {
    const named = expressions({ params }, { ...model, expressionNames: ['jawOpen', 'smile', 'frown'] });
    expect(Object.entries(named)).toEqual([
      ['jawOpen', 0.25],
      ['smile', -0.5],
      ['frown', 3],
    ]);
  });

  test('are numbered where the model has no names', () => {
    expect(expressions({ params }, model)).toEqual({ expression_1: 0.25, expression_2: -0.5, expression_3: 3 });
  });

  test('belong to a model of this layout', () => {
    expect(() => expressions({ params: new Float32Array(62) }, model)).toThrow(
      new RangeError('params: expected 17 parameters (12 camera, 2 shape, 3 expression), got 62'),
    );
  });

  test("of an aligner are those of its pack's names", async () => {
    const aligner = await createFaceAligner();
    const { shapeCount, expressionCount, gazeCount = 0, expressionNames = [] } = checked(aligner.morphableModel);
    const all = new Float32Array(12 + shapeCount + expressionCount + gazeCount);
    all[12 + shapeCount + expressionNames.indexOf('jawOpen')] = 1;
    const roiBox = { xMin: 0, yMin: 0, xMax: 120, yMax: 120 };
    const found = aligner.expressions({ roiBox, params: all });
    expect(Object.keys(found)).toEqual(expressionNames);
    expect(Object.entries(found).filter(([, value]) => value !== 0)).toEqual([['jawOpen', 1]]);
    aligner.dispose();
    expect(() => aligner.expressions({ roiBox, params: all })).toThrow('disposed');
  });
});
