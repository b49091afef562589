import { describe, expect, test } from '@jest/globals';
import { type CoarseFace, computeNccCodes, subdivideFace } from '../../src/geometry/subdivide-face.ts';

/** Two quads side by side in the plane, bent by one shape and one expression. */
function strip(): CoarseFace {
  const quads = Uint32Array.from([0, 1, 4, 3, 1, 2, 5, 4]);
  return {
    model: {
      vertexCount: 6,
      shapeCount: 1,
      expressionCount: 2,
      meanShape: Float32Array.from([0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 1, 1, 0, 2, 1, 0]),
      shapeBasis: Float32Array.from({ length: 18 }, (_, i) => (i % 3 === 2 ? 1 : 0)),
      expressionBasis: Float32Array.from({ length: 36 }, (_, i) => i),
      keypointIndices: Uint32Array.from([3, 4, 5]),
      expressionNames: ['one', 'two'],
    },
    mesh: { vertexCount: 6, quads, uvs: new Float32Array(12), uvQuads: quads },
    regions: { left: Uint32Array.from([0, 1, 3, 4]), edge: Uint32Array.from([1, 4]) },
  };
}

describe('subdivideFace', () => {
  test('with no level only cuts quads into triangles', () => {
    const { model, maps } = subdivideFace(strip(), 0);
    expect(model.vertexCount).toBe(6);
    expect([...maps.triangles]).toEqual([0, 1, 4, 0, 4, 3, 1, 2, 5, 1, 5, 4]);
  });

  test('treats mean and bases alike: subdividing commutes with choosing coefficients', () => {
    const coarse = strip();
    const { model } = subdivideFace(coarse, 2);
    // Every vertex of a basis column that lifts all vertices equally stays equally lifted.
    for (let i = 0; i < model.shapeBasis.length; i++) expect(model.shapeBasis[i]).toBeCloseTo(i % 3 === 2 ? 1 : 0, 6);
    expect(model.meanShape.length).toBe(3 * model.vertexCount);
    expect(model.expressionBasis.length).toBe(6 * model.vertexCount);
    expect(model.expressionNames).toEqual(['one', 'two']);
    expect([...model.keypointIndices]).toEqual([3, 4, 5]);
  });

  test('grows regions with what lies between their vertices', () => {
    const { model, maps } = subdivideFace(strip(), 1);
    // 6 vertices + 7 edges + 2 quads; the left quad: 4 corners + 4 edges + 1 centre.
    expect(model.vertexCount).toBe(15);
    expect(maps.regions?.left).toHaveLength(9);
    expect(maps.regions?.edge).toHaveLength(3);
  });

  test('leaves its input alone', () => {
    const coarse = strip();
    subdivideFace(coarse, 1);
    expect(coarse).toEqual(strip());
  });

  test.each([-1, 0.5, 4, Number.NaN])('refuses %p levels', (levels) => {
    expect(() => subdivideFace(strip(), levels)).toThrow(RangeError);
  });
});

test('NCC codes stretch each axis to 0..1', () => {
  expect([...computeNccCodes(Float32Array.from([-2, 0, 5, 2, 10, 6, 0, 5, 5.5]))]).toEqual([
    0, 0, 0, 1, 1, 1, 0.5, 0.5, 0.5,
  ]);
});
