import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { suppressOverlaps } from '../../src/geometry/nms.ts';

/** Overlap as the rule has it, in float64. */
function overlap(a: readonly number[], b: readonly number[]): number {
  const [ax0, ay0, ax1, ay1] = a as [number, number, number, number];
  const [bx0, by0, bx1, by1] = b as [number, number, number, number];
  const width = Math.max(0, Math.min(ax1, bx1) - Math.max(ax0, bx0) + 1);
  const height = Math.max(0, Math.min(ay1, by1) - Math.max(ay0, by0) + 1);
  const area = (ax1 - ax0 + 1) * (ay1 - ay0 + 1) + (bx1 - bx0 + 1) * (by1 - by0 + 1);
  return (width * height) / (area - width * height);
}

describe('suppressOverlaps', () => {
  test('drops a box whose overlap equals the threshold', () => {
    // 10 x 5 and 5 x 5 px, corners included: intersection 25, union 50.
    const boxes = Float32Array.of(0, 0, 9, 4, 0, 0, 4, 4);
    const scores = Float32Array.of(0.9, 0.8);
    expect(suppressOverlaps(boxes, scores, { threshold: 0.5 })).toEqual([0]);
    expect(suppressOverlaps(boxes, scores, { threshold: 0.5001 })).toEqual([0, 1]);
    expect(suppressOverlaps(boxes, Float32Array.of(0.8, 0.9), { threshold: 0.5 })).toEqual([1]);
  });

  test('orders by score, and boxes of one score by index', () => {
    const boxes = Float32Array.from([0, 100, 200, 300].flatMap((x) => [x, 0, x + 9, 9]));
    expect(suppressOverlaps(boxes, Float32Array.of(0.2, 0.7, 0.7, 0.9))).toEqual([3, 1, 2, 0]);
    expect(suppressOverlaps(boxes, Float32Array.of(0.2, 0.7, 0.7, 0.9), { maxKept: 2 })).toEqual([3, 1]);
    expect(suppressOverlaps(boxes, Float32Array.of(0.2, 0.7, 0.7, 0.9), { maxCandidates: 3 })).toEqual([3, 1, 2]);
    expect(suppressOverlaps(new Float32Array(0), new Float32Array(0))).toEqual([]);
  });

  test('of random boxes, survivors do not overlap and every other is covered by a better survivor', () => {
    const next = randomNumbers(5);
    const count = 600;
    const boxes = new Float32Array(4 * count);
    for (let i = 0; i < count; i++) {
      const [x, y] = [next() * 300 - 20, next() * 300 - 20];
      boxes.set([x, y, x + 5 + next() * 80, y + 5 + next() * 80], 4 * i);
    }
    const scores = Float32Array.from({ length: count }, next);
    const before = boxes.slice();
    const kept = suppressOverlaps(boxes, scores);
    expect(boxes).toEqual(before);
    const box = (i: number) => [...boxes.subarray(4 * i, 4 * i + 4)];
    const keptSet = new Set(kept);
    for (let i = 0; i < count; i++) {
      const better = kept.filter((k) => scores[k] > scores[i]);
      const worst = Math.max(0, ...better.map((k) => overlap(box(k), box(i))));
      if (keptSet.has(i)) expect(worst).toBeLessThan(0.3 + 1e-6);
      else expect(worst).toBeGreaterThan(0.3 - 1e-6);
    }
    expect(kept.length).toBeGreaterThan(20);
    expect(kept.length).toBeLessThan(count);
  });

  test('refuses lengths that disagree', () => {
    expect(() => suppressOverlaps(new Float32Array(7), new Float32Array(2))).toThrow(
      new RangeError('boxes: expected 4 numbers for each of the 2 scores, got 7'),
    );
  });
});
