import { describe, expect, test } from '@jest/globals';
import {
  applySparseRows,
  catmullClark,
  type QuadMesh,
  quadsToTriangles,
  sparseRowsFromMaps,
} from '../../src/geometry/catmull-clark.ts';
import { expectClose } from '../support/expect-close.ts';

/** Measured 1.2e-7 on the cube: float32 results of float64 sums. */
const MAX_ROUNDING = 4e-7;

const cubePositions = Float32Array.from([
  -1, -1, -1, 1, -1, -1, 1, 1, -1, -1, 1, -1, -1, -1, 1, 1, -1, 1, 1, 1, 1, -1, 1, 1,
]);
const cubeQuads = Uint32Array.from([0, 3, 2, 1, 4, 5, 6, 7, 0, 1, 5, 4, 2, 3, 7, 6, 1, 2, 6, 5, 3, 0, 4, 7]);
const cube: QuadMesh = { vertexCount: 8, quads: cubeQuads, uvs: new Float32Array(16), uvQuads: cubeQuads };

/** A flat grid of `n x n` quads with uvs equal to its positions. */
function grid(n: number): { mesh: QuadMesh; positions: Float32Array } {
  const positions: number[] = [];
  const uvs: number[] = [];
  const quads: number[] = [];
  for (let y = 0; y <= n; y++) {
    for (let x = 0; x <= n; x++) {
      positions.push(x, y, 0);
      uvs.push(x / n, y / n);
      const v = y * (n + 1) + x;
      if (x < n && y < n) quads.push(v, v + 1, v + n + 2, v + n + 1);
    }
  }
  return {
    mesh: {
      vertexCount: (n + 1) ** 2,
      quads: Uint32Array.from(quads),
      uvs: Float32Array.from(uvs),
      uvQuads: Uint32Array.from(quads),
    },
    positions: Float32Array.from(positions),
  };
}

describe('catmullClark', () => {
  test('turns a cube into the known 26 points', () => {
    const { matrix, mesh } = catmullClark(cube);
    expect(mesh.vertexCount).toBe(8 + 12 + 6);
    expect(mesh.quads.length).toBe(4 * 24);
    const points = applySparseRows(matrix, cubePositions, 3);
    // By hand: corners (F + 2R + (n - 3) P) / n = 5/9 of the corner, edge points 3/4 off the axis, face points stay.
    expectClose(points.subarray(18, 21), [5 / 9, 5 / 9, 5 / 9], { maxAbs: MAX_ROUNDING });
    const sorted = Array.from({ length: 26 }, (_, i) =>
      [...points.subarray(3 * i, 3 * i + 3)].map(Math.abs).sort((a, b) => a - b),
    );
    for (const edge of sorted.slice(8, 20)) expectClose(edge, [0, 0.75, 0.75], { maxAbs: MAX_ROUNDING });
    for (const face of sorted.slice(20)) expectClose(face, [0, 0, 1], { maxAbs: MAX_ROUNDING });
  });

  test('has rows that sum to 1, whatever the mesh', () => {
    for (const mesh of [cube, grid(3).mesh]) {
      const { matrix } = catmullClark(mesh);
      expectClose(
        applySparseRows(matrix, new Float32Array(mesh.vertexCount).fill(1), 1),
        new Array(matrix.rowCount).fill(1),
        {
          maxAbs: MAX_ROUNDING,
        },
      );
    }
  });

  test('keeps a flat grid flat and its texture where it was', () => {
    const { mesh, positions } = grid(4);
    const step = catmullClark(mesh);
    const points = applySparseRows(step.matrix, positions, 3);
    for (let v = 0; v < step.mesh.vertexCount; v++) expect(points[3 * v + 2]).toBe(0);
    // An inner vertex of a regular grid does not move; uvs are linear in the position there.
    expectClose(points.subarray(3 * 12, 3 * 12 + 2), [2, 2], { maxAbs: MAX_ROUNDING });
    const centreUv = step.mesh.uvQuads[4 * (4 * 5) + 2];
    expectClose(step.mesh.uvs.subarray(2 * centreUv, 2 * centreUv + 2), [1.5 / 4, 1.5 / 4], { maxAbs: MAX_ROUNDING });
  });

  test('keeps the winding of its quads', () => {
    const step = catmullClark(grid(2).mesh);
    const points = applySparseRows(step.matrix, grid(2).positions, 3);
    const triangles = quadsToTriangles(step.mesh.quads);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => points.subarray(3 * triangles[t + k], 3 * triangles[t + k] + 2));
      expect((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).toBeGreaterThan(0);
    }
  });

  test('refuses an edge with three quads', () => {
    const quads = Uint32Array.from([0, 1, 2, 3, 0, 1, 4, 5, 1, 0, 6, 7]);
    expect(() => catmullClark({ vertexCount: 8, quads, uvs: new Float32Array(16), uvQuads: quads })).toThrow(
      RangeError,
    );
  });
});

test('applySparseRows writes into the array it is given', () => {
  const matrix = sparseRowsFromMaps([
    new Map([[1, 2]]),
    new Map([
      [0, 0.5],
      [1, 0.5],
    ]),
  ]);
  const dst = new Float32Array(4);
  expect(applySparseRows(matrix, Float32Array.from([1, 2, 3, 4]), 2, dst)).toBe(dst);
  expect([...dst]).toEqual([6, 8, 2, 3]);
});
