/** Eigen-decompositions of symmetric matrices: all of a small one, the leading part of a large one. */
import { createRandom } from './random.ts';

/** Eigenvalues, largest first, with their eigenvectors as rows. */
export interface Eigen {
  readonly values: Float64Array;
  /** `[count x n]`, row-major: one unit eigenvector per row. */
  readonly vectors: Float64Array;
}

const JACOBI_SWEEPS = 60;
const JACOBI_TOLERANCE = 1e-22;

/**
 * All eigenvectors by cyclic Jacobi rotations; for matrices up to a few hundred rows.
 * @param matrix - `[n x n]`, symmetric.
 */
export function jacobiEigen(matrix: Float64Array, n: number): Eigen {
  const a = matrix.slice();
  const vectors = new Float64Array(n * n); // rows are the eigenvectors
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  let total = 0;
  for (const value of a) total += value * value;
  for (let sweep = 0; sweep < JACOBI_SWEEPS; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) off += a[i * n + j] ** 2;
    if (off <= JACOBI_TOLERANCE * total) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q];
        if (apq === 0) continue;
        const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const kp = a[k * n + p];
          const kq = a[k * n + q];
          a[k * n + p] = c * kp - s * kq;
          a[k * n + q] = s * kp + c * kq;
        }
        for (let k = 0; k < n; k++) {
          const pk = a[p * n + k];
          const qk = a[q * n + k];
          a[p * n + k] = c * pk - s * qk;
          a[q * n + k] = s * pk + c * qk;
          const vp = vectors[p * n + k];
          const vq = vectors[q * n + k];
          vectors[p * n + k] = c * vp - s * vq;
          vectors[q * n + k] = s * vp + c * vq;
        }
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j] - a[i * n + i]);
  const sorted = new Float64Array(n * n);
  for (const [row, i] of order.entries()) sorted.set(vectors.subarray(i * n, i * n + n), row * n);
  return { values: Float64Array.from(order, (i) => a[i * n + i]), vectors: sorted };
}

/** Orthonormalises the rows of `[count x n]` in place (modified Gram-Schmidt, twice for accuracy). */
function orthonormalize(rows: Float64Array, count: number, n: number): void {
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * n, i * n + n);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = rows.subarray(j * n, j * n + n);
        let dot = 0;
        for (let k = 0; k < n; k++) dot += row[k] * other[k];
        for (let k = 0; k < n; k++) row[k] -= dot * other[k];
      }
    }
    let norm = 0;
    for (let k = 0; k < n; k++) norm += row[k] * row[k];
    norm = Math.sqrt(norm);
    for (let k = 0; k < n; k++) row[k] /= norm;
  }
}

/**
 * The leading eigenvectors of a large symmetric positive semi-definite matrix by block subspace iteration with a
 * Rayleigh-Ritz step each round.
 * @param matrix - `[n x n]`, symmetric.
 * @param count - how many eigenvectors.
 * @param tolerance - stop when no wanted eigenvalue moved by more than this fraction of the largest.
 * @throws Error if it does not converge in 100 rounds.
 */
export function leadingEigen(matrix: Float64Array, n: number, count: number, tolerance = 1e-10): Eigen {
  const block = Math.min(n, Math.ceil(count * 1.4) + 8); // spare vectors speed the last wanted ones up
  const random = createRandom(1);
  let rows = Float64Array.from({ length: block * n }, () => random.normal());
  orthonormalize(rows, block, n);
  let previous = new Float64Array(count);
  for (let round = 0; round < 100; round++) {
    const image = new Float64Array(block * n);
    for (let i = 0; i < n; i++) {
      const line = matrix.subarray(i * n, i * n + n);
      for (let b = 0; b < block; b++) {
        const row = rows.subarray(b * n, b * n + n);
        let s0 = 0;
        let s1 = 0;
        let k = 0;
        for (; k + 1 < n; k += 2) {
          s0 += line[k] * row[k];
          s1 += line[k + 1] * row[k + 1];
        }
        if (k < n) s0 += line[k] * row[k];
        image[b * n + i] = s0 + s1;
      }
    }
    const projected = new Float64Array(block * block);
    for (let p = 0; p < block; p++) {
      for (let q = p; q < block; q++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += rows[p * n + k] * image[q * n + k];
        projected[p * block + q] = dot;
        projected[q * block + p] = dot;
      }
    }
    const ritz = jacobiEigen(projected, block);
    const change = Math.max(...Array.from(previous, (old, i) => Math.abs(ritz.values[i] - old) / ritz.values[0]));
    const source = change < tolerance ? rows : image;
    const next = new Float64Array(block * n);
    for (let p = 0; p < block; p++) {
      for (let q = 0; q < block; q++) {
        const weight = ritz.vectors[p * block + q];
        for (let k = 0; k < n; k++) next[p * n + k] += weight * source[q * n + k];
      }
    }
    if (change < tolerance) return { values: ritz.values.slice(0, count), vectors: next.slice(0, count * n) };
    orthonormalize(next, block, n);
    rows = next;
    previous = ritz.values.slice(0, count);
  }
  throw new Error(`the leading ${count} eigenvectors did not converge`);
}
