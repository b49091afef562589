import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ByteReader } from '../../../converters/byte-reader.ts';
import { readNpy } from '../../../converters/npy.ts';
import { IDENTITY_DETAIL, sampleIdentity } from '../../../training/model/identities.ts';
import { writeNpy } from '../../../training/model/npy.ts';
import { createRandom } from '../../../training/model/random.ts';
import { jacobiEigen, leadingEigen } from '../../../training/model/symmetric-eigen.ts';
import { expectClose } from '../../support/expect-close.ts';

const DRAWS = 20000;
/** Four standard errors of a mean of 20,000 draws of unit spread. */
const MAX_MEAN_ERROR = 0.03;
/** Measured 3e-13 (Jacobi) and 2e-9 (subspace iteration) of the largest eigenvalue. */
const MAX_EIGEN_ERROR = 1e-8;

function moments(draw: () => number): { mean: number; variance: number } {
  const values = Array.from({ length: DRAWS }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS };
}

describe('createRandom', () => {
  test('is the same for the same seed and another for another', () => {
    const draws = (seed: number): number[] => {
      const random = createRandom(seed);
      return [random.uniform(), random.normal(), random.gamma(0.4), random.beta(2, 3)];
    };
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
  });

  test('has the moments of its distributions', () => {
    const random = createRandom(1);
    const uniform = moments(() => random.uniform());
    expect(Math.abs(uniform.mean - 0.5)).toBeLessThan(MAX_MEAN_ERROR);
    expect(Math.abs(uniform.variance - 1 / 12)).toBeLessThan(MAX_MEAN_ERROR);
    const normal = moments(() => random.normal(3, 1));
    expect(Math.abs(normal.mean - 3)).toBeLessThan(MAX_MEAN_ERROR);
    expect(Math.abs(normal.variance - 1)).toBeLessThan(2 * MAX_MEAN_ERROR);
    for (const shape of [0.35, 1, 4]) {
      const gamma = moments(() => random.gamma(shape));
      expect(Math.abs(gamma.mean - shape)).toBeLessThan(Math.sqrt(shape) * MAX_MEAN_ERROR + 0.001);
    }
    expect(Math.abs(moments(() => random.beta(2, 6)).mean - 0.25)).toBeLessThan(MAX_MEAN_ERROR);
  });
});

/** A symmetric matrix with eigenvalues 1, 4, 9, … and random eigenvectors. */
function knownMatrix(n: number): Float64Array {
  const random = createRandom(5);
  const { vectors } = jacobiEigen(
    (() => {
      const a = new Float64Array(n * n);
      for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = random.normal();
      return a;
    })(),
    n,
  );
  const matrix = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) matrix[i * n + j] += (k + 1) ** 2 * vectors[k * n + i] * vectors[k * n + j];
    }
  }
  return matrix;
}

describe('eigenvectors', () => {
  const n = 60;
  const matrix = knownMatrix(n);
  const squares = Array.from({ length: n }, (_, i) => (n - i) ** 2);

  test.each([
    ['jacobiEigen', jacobiEigen(matrix, n), n],
    ['leadingEigen', leadingEigen(matrix, n, 10), 10],
  ])('%s finds them, largest first', (_, { values, vectors }, count) => {
    expectClose(values, squares.slice(0, count), { maxAbs: MAX_EIGEN_ERROR * n * n });
    for (let k = 0; k < count; k++) {
      const row = vectors.subarray(k * n, k * n + n);
      const image = Array.from({ length: n }, (_, i) =>
        row.reduce((sum, value, j) => sum + matrix[i * n + j] * value, 0),
      );
      const rest = Math.hypot(...image.map((value, i) => value - values[k] * row[i]));
      // Vectors converge as the root of what values do.
      expect(rest / values[0]).toBeLessThan(Math.sqrt(MAX_EIGEN_ERROR));
    }
  });
});

describe('sampleIdentity', () => {
  const everything = (): boolean => true;

  test('shares one person out among the macro targets', () => {
    const random = createRandom(3);
    for (let i = 0; i < 50; i++) {
      const weights = [...sampleIdentity(random, everything)];
      const sum = (prefix: RegExp): number =>
        weights.filter(([name]) => prefix.test(name)).reduce((total, [, weight]) => total + weight, 0);
      expect(sum(/^macrodetails\/(african|asian|caucasian)-/)).toBeCloseTo(1, 9);
      expect(sum(/^macrodetails\/universal-/)).toBeCloseTo(1, 9);
    }
  });

  test('ties left to right, and never pulls one slider both ways', () => {
    const weights = sampleIdentity(createRandom(4), everything);
    for (const [name, weight] of weights) {
      if (!name.startsWith('eyes/l-')) continue;
      expect(weights.get(name.replace('/l-', '/r-'))).toBe(weight);
    }
    expect(weights.has('nose/nose-hump-morehump') && weights.has('nose/nose-hump-lesshump')).toBe(false);
    expect(IDENTITY_DETAIL).toBeGreaterThan(0);
  });

  test('names only targets that are there', () => {
    const weights = sampleIdentity(createRandom(4), (target) => target.startsWith('nose/'));
    expect(weights.size).toBeGreaterThan(5);
    for (const name of weights.keys()) expect(name).toMatch(/^nose\//);
  });
});

test('writeNpy writes what readNpy reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tddfa-npy-'));
  try {
    const file = join(folder, 'a.npy');
    writeNpy(file, Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]);
    const read = readNpy(new ByteReader(new Uint8Array(readFileSync(file)), file));
    expect(read.shape).toEqual([2, 3]);
    expect([...(read.data as Float32Array)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(() => writeNpy(file, new Float32Array(5), [2, 3])).toThrow(RangeError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
