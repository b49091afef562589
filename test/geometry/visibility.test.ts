import { describe, expect, test } from '@jest/globals';
import { easeInOut, landmarkVisibility, lookAt, vertexVisibility } from '../../src/geometry/visibility.ts';

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

test('between two values there is a smooth passage from 0 to 1', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((value) => easeInOut(value, 2, 6))).toEqual([0, 0, 5 / 32, 0.5, 27 / 32, 1, 1]);
});

describe('beside the edge of what lies in front', () => {
  // A wall of 159 px at z = 0, which makes the depth picture as large as it, and in front of it a plate with a notch: it reaches to
  // the right border above, and to the bottom border on the left.
  const LEFT = 1000;
  const TOP = -300;
  const EDGE = 80.5;
  const CLOSE = 60;
  const vertices: number[] = [];
  const triangles: number[] = [];
  const plate = (x0: number, y0: number, x1: number, y1: number, z: number): void => {
    const first = vertices.length / 3;
    for (const [x, y] of [
      [x0, y0],
      [x0, y1],
      [x1, y1],
      [x1, y0],
    ])
      vertices.push(LEFT + x, TOP + y, z);
    triangles.push(first, first + 1, first + 2, first, first + 2, first + 3);
  };
  plate(0, 0, 159, 159, 0);
  plate(0, 0, 159, EDGE, CLOSE);
  plate(0, EDGE, EDGE, 159, CLOSE);
  const view = lookAt(Float32Array.from(vertices), { triangles: Uint32Array.from(triangles) });
  const seen = (x: number, y: number, z = 0, cosine = 1): number => view.isSeen(LEFT + x, TOP + y, z, cosine);

  test('the wall is seen up to a pixel behind the edge, in x, in y and across', () => {
    // The last pixel of the plate is the 80th, and the first of the wall the 81st.
    expect([seen(81.2, 120), seen(80.4, 120), seen(79.6, 120)]).toEqual([1, 1, 0]);
    expect([seen(120, 81.2), seen(120, 80.4), seen(120, 79.6)]).toEqual([1, 1, 0]);
    expect([seen(80.4, 80.4), seen(79.6, 80.4), seen(80.4, 79.6)]).toEqual([1, 0, 0]);
    expect([seen(20, 20, CLOSE), seen(120, 20, CLOSE), seen(20, 120, CLOSE), seen(120, 120)]).toEqual([1, 1, 1, 1]);
    expect([seen(20, 20), seen(120, 20), seen(20, 120)]).toEqual([0, 0, 0]);
  });

  test('at the borders of the face nothing is taken from the other side', () => {
    // On the right border the wall begins again in the next row, whose first pixels are the plate's, and the other way round.
    expect([seen(158.3, 100), seen(158.3, 40), seen(158.3, 40, CLOSE)]).toEqual([1, 0, 1]);
    expect([seen(100, 158.3), seen(40, 158.3), seen(40, 158.3, CLOSE), seen(158.3, 158.3)]).toEqual([1, 0, 1, 1]);
    expect([seen(-5, 20), seen(20, -5), seen(-5, 20, CLOSE), seen(300, 120), seen(120, 300)]).toEqual([0, 0, 1, 1, 1]);
  });

  test('as much as a pixel and a half may lie behind, and more where the surface rises', () => {
    expect([seen(20, 20, CLOSE - 1.45), seen(20, 20, CLOSE - 1.55)]).toEqual([1, 0]);
    // Half a px to the side and down: sqrt(0.5 (1 - 0.36)) / 0.6 = 0.943 px more.
    expect([seen(20, 20, CLOSE - 2.4, 0.6), seen(20, 20, CLOSE - 2.5, 0.6)]).toEqual([1, 0]);
  });

  test('vertices face the viewer, and depths are in pixels of the depth picture', () => {
    expect([...view.facing]).toEqual(new Array(12).fill(1));
    expect([...view.depths].map((depth) => Math.round(depth * 1e3) / 1e3)).toEqual([
      ...[0, 0, 0, 0],
      ...new Array(8).fill(CLOSE),
    ]);
  });
});

describe('within the outline', () => {
  // Bars of 159 px at the most, in pixels that are as large as those of the depth picture: an open box with a lid apart, a hole in the
  // middle of one bar, and a bay that can be reached from outside round a corner only.
  const BARS = [
    [0, 0, 159, 20.5],
    [0, 20.5, 25.5, 159],
    [25.5, 120.5, 159, 159],
    [130.5, 45.5, 159, 120.5],
    [60.5, 45.5, 130.5, 60.5],
    [60.5, 60.5, 75.5, 100.5],
  ] as const;
  const HOLE = [4.5, 130.5, 19.5, 150.5] as const;
  const vertices: number[] = [];
  const triangles: number[] = [];
  const add = (x0: number, y0: number, x1: number, y1: number): void => {
    const first = vertices.length / 3;
    vertices.push(x0, y0, 0, x0, y1, 0, x1, y1, 0, x1, y0, 0);
    triangles.push(first, first + 1, first + 2, first, first + 2, first + 3);
  };
  for (const [i, [x0, y0, x1, y1]] of BARS.entries()) {
    if (i !== 1) add(x0, y0, x1, y1);
    else {
      const [hx0, hy0, hx1, hy1] = HOLE;
      add(x0, y0, x1, hy0);
      add(x0, hy1, x1, y1);
      add(x0, hy0, hx0, hy1);
      add(hx1, hy0, x1, hy1);
    }
  }
  const { insideOutline } = lookAt(Float32Array.from(vertices), { triangles: Uint32Array.from(triangles) });
  const isIn = (x: number, y: number, [x0, y0, x1, y1]: readonly [number, number, number, number]): boolean =>
    x >= x0 && x < x1 && y >= y0 && y < y1;

  test('a place is as many pixels away from what lies round the face as steps along rows and columns lead there', () => {
    const SIZE = 160;
    // From beyond the picture inwards; a hole is no way.
    const steps = new Float32Array(SIZE * SIZE).fill(Infinity);
    const isFace = (x: number, y: number): boolean => BARS.some((bar) => isIn(x, y, bar));
    let outside: [number, number][] = [];
    for (let i = -1; i <= SIZE; i++) outside.push([i, -1], [i, SIZE], [-1, i], [SIZE, i]);
    const around = ([x, y]: readonly [number, number]): [number, number][] =>
      [[x - 1, y] as const, [x + 1, y] as const, [x, y - 1] as const, [x, y + 1] as const]
        .filter(([column, row]) => column >= 0 && row >= 0 && column < SIZE && row < SIZE)
        .map(([column, row]) => [column, row]);
    const sources = [...outside];
    for (let k = 0; k < sources.length; k++) {
      for (const [x, y] of around(sources[k])) {
        if (isFace(x, y) || steps[y * SIZE + x] === 0) continue;
        steps[y * SIZE + x] = 0;
        sources.push([x, y]);
      }
    }
    outside = sources;
    for (let distance = 1; outside.length > 0; distance++) {
      const next: [number, number][] = [];
      for (const place of outside) {
        for (const [x, y] of around(place)) {
          if (steps[y * SIZE + x] <= distance) continue;
          steps[y * SIZE + x] = distance;
          next.push([x, y]);
        }
      }
      outside = next;
    }
    const wrong: unknown[] = [];
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const [found, expected] = [insideOutline(x + 0.4, y + 0.4), steps[y * SIZE + x]];
        if (found !== expected) wrong.push({ x, y, found, expected });
      }
    }
    expect(wrong).toEqual([]);
    // The middle of the hole, the bay, and the middle of a bar.
    expect(insideOutline(11, 140)).toBeGreaterThan(9);
    expect(insideOutline(100, 90)).toBe(0);
    expect(insideOutline(79, 10)).toBeGreaterThanOrEqual(10);
  });
});

test('a landmark is seen as its vertex is', () => {
  const visibility = Float32Array.from({ length: 80 }, (_, i) => i / 80);
  const keypointIndices = Uint32Array.from({ length: 204 }, (_, i) => 3 * (79 - Math.floor(i / 3)) + (i % 3));
  expect(landmarkVisibility(visibility, { keypointIndices })).toEqual(visibility.slice(12).reverse());
  expect(() => landmarkVisibility(visibility.slice(0, 79), { keypointIndices })).toThrow(
    "visibility: expected a value for landmark 0's vertex, got 79 values",
  );
});

test('a face without an extent is not seen', () => {
  const view = lookAt(new Float32Array(9).fill(5), { triangles: Uint32Array.of(0, 1, 2) });
  expect([view.isSeen(5, 5, 0, 1), view.insideOutline(5, 5), ...view.facing, ...view.depths]).toEqual(
    new Array(8).fill(0),
  );
});
