/** How far the page's sliders go. */
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { loadFacePack } from '../../src/models/face-pack.ts';
import type { FaceMaps, MorphableModel } from '../../src/types.ts';
import { coefficientsOf } from '../../web/src/coefficients.ts';

/** Share of the skin that is turned over at a slider's end; 0.0014 measured, of a third of the triangles 0.001. */
const MAX_FOLDED = 0.002;
/** The same for named expressions, which end at 1: 0.0045 measured, upper lip rolled in. */
const MAX_FOLDED_EXPRESSION = 0.006;

let model: MorphableModel;
let maps: FaceMaps;

beforeAll(async () => {
  const pack = await loadFacePack(await openPack(fileWeights(join(repositoryRoot, 'weights', 'open'))));
  if (pack.morphableModel === undefined || pack.faceMaps === undefined) throw new Error('weights/open has no mesh');
  model = pack.morphableModel;
  maps = pack.faceMaps;
});

/** Area, of the mean face, of triangles whose normal turns by more than 90 degrees; without the inside of the mouth. */
function foldedShare(basis: Float32Array, columns: number, column: number, coefficient: number): number {
  const moved = model.meanShape.map((value, row) => value + coefficient * basis[row * columns + column]);
  const inside = new Set(maps.regions?.mouthInside);
  let over = 0;
  let all = 0;
  for (let t = 0; t < maps.triangles.length; t += 3) {
    const corners = maps.triangles.subarray(t, t + 3);
    if (corners.some((vertex) => inside.has(vertex))) continue;
    const [before, after] = [normalOf(model.meanShape, corners), normalOf(moved, corners)];
    const area = Math.hypot(...before);
    all += area;
    if (before[0] * after[0] + before[1] * after[1] + before[2] * after[2] < 0) over += area;
  }
  return over / all;
}

function normalOf(points: Float32Array, [a, b, c]: Uint32Array): [number, number, number] {
  const edge = (to: number, axis: number): number => points[3 * to + axis] - points[3 * a + axis];
  const [ux, uy, uz, vx, vy, vz] = [edge(b, 0), edge(b, 1), edge(b, 2), edge(c, 0), edge(c, 1), edge(c, 2)];
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
}

test('at the ends of the sliders no skin is folded', () => {
  const { shape, expression } = coefficientsOf(model, maps);
  expect(shape.length).toBe(10);
  for (const [column, { name, limit }] of shape.entries()) {
    for (const end of [limit, -limit]) {
      const folded = foldedShare(model.shapeBasis, model.shapeCount, column, end);
      expect([name, folded < MAX_FOLDED, folded]).toEqual([name, true, folded]);
    }
  }
  for (const [column, { name, limit, isOneSided }] of expression.slice(0, model.expressionCount).entries()) {
    expect([name, limit, isOneSided]).toEqual([name, 1, true]);
    expect(foldedShare(model.expressionBasis, model.expressionCount, column, limit)).toBeLessThan(
      MAX_FOLDED_EXPRESSION,
    );
  }
});

test('they end where it would fold, also those of principal components', () => {
  const { acting: _, ...plain } = model;
  const free = coefficientsOf(plain, undefined);
  const limited = coefficientsOf(plain, maps);
  const folding = (group: 'shape' | 'expression'): number[] =>
    [...free[group].keys()].filter((i) => limited[group][i].limit < 0.99 * free[group][i].limit);
  for (const column of folding('shape')) {
    const { limit } = limited.shape[column];
    // A little further it does.
    const beyond = [1.4, -1.4].map((side) => foldedShare(model.shapeBasis, model.shapeCount, column, side * limit));
    expect([column, Math.max(...beyond) > MAX_FOLDED]).toEqual([column, true]);
  }
  expect(folding('shape').length).toBeGreaterThan(5);
  expect(folding('expression').length).toBeGreaterThan(0);
  for (const [column, { name, limit }] of limited.expression.entries()) {
    for (const end of [limit, -limit]) {
      const folded = foldedShare(model.expressionBasis, model.expressionCount, column, end);
      expect([name, folded < 2 * MAX_FOLDED, folded]).toEqual([name, true, folded]);
    }
  }
});
