import { describe, expect, test } from '@jest/globals';
import { vertexVisibility } from '../../src/geometry/visibility.ts';

const SIDE = 9;

/** A flat sheet of 9 x 9 vertices, turned about its vertical axis. */
function turnedSheet(degrees: number): { vertices: Float32Array; triangles: Uint32Array } {
  const angle = (degrees * Math.PI) / 180;
  const vertices: number[] = [];
  const triangles: number[] = [];
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const across = (column - 4) * 10;
      vertices.push(50 + across * Math.cos(angle), 10 + row * 10, across * Math.sin(angle));
      if (row === SIDE - 1 || column === SIDE - 1) continue;
      const corner = row * SIDE + column;
      triangles.push(corner, corner + SIDE, corner + 1, corner + 1, corner + SIDE, corner + SIDE + 1);
    }
  }
  return { vertices: Float32Array.from(vertices), triangles: Uint32Array.from(triangles) };
}

describe('how well a surface is seen', () => {
  // Cosines 1, 0.53, 0.45, 0.35, 0.25, 0.19: all of it at 0.5, nothing at 0.2, and 3 s^2 - 2 s^3 of the way between.
  test.each([
    [0, 1],
    [58, 1],
    [63.2563, 0.925926],
    [69.5127, 0.5],
    [75.5225, 0.074074],
    [79, 0],
  ])('turned by %f degrees: %f', (degrees, expected) => {
    const { vertices, triangles } = turnedSheet(degrees);
    const seen = vertexVisibility(vertices, { triangles });
    for (const value of seen) expect(value).toBeCloseTo(expected, 4);
  });

  test('from behind: not at all', () => {
    const { vertices, triangles } = turnedSheet(180);
    expect([...vertexVisibility(vertices, { triangles })]).toEqual(new Array(SIDE * SIDE).fill(0));
  });
});
