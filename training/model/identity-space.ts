/**
 * The space of identities: random people aligned to their mean, and the principal components of the residuals.
 *
 * Every sample counts twice, once mirrored. The covariance then splits into a symmetric and an antisymmetric part, so the
 * mean is symmetric to the last bit and every component is either symmetric or antisymmetric.
 */
import { applySparseRows, type SparseRows } from '../../src/geometry/catmull-clark.ts';
import { sampleIdentity } from './identities.ts';
import type { MakeHuman } from './makehuman.ts';
import { createRandom, type Random } from './random.ts';
import { jacobiEigen, leadingEigen } from './symmetric-eigen.ts';

const TARGET_UNIT = 0.001;

/** Identities over a chosen list of base vertices; lengths as in the base mesh. */
export interface IdentitySpace {
  /** `[n x 3]`. */
  readonly mean: Float64Array;
  /** `[count][n x 3]`: displacement of one standard deviation, largest first. */
  readonly modes: Float32Array[];
  /** Variance of each mode over the skin: sum over its coordinates of the mean square displacement. */
  readonly variances: Float64Array;
  /** Variance of all samples over the skin, in the same measure. */
  readonly totalVariance: number;
}

/** Draws people as positions of a list of base vertices. */
export class IdentitySampler {
  readonly #makeHuman: MakeHuman;
  readonly #vertices: Uint32Array;
  readonly #base: Float64Array;
  readonly #targets = new Map<string, Float32Array>();
  readonly #names: Set<string>;

  /** @param vertices - base vertices to compute. */
  constructor(makeHuman: MakeHuman, vertices: Uint32Array) {
    this.#makeHuman = makeHuman;
    this.#vertices = vertices;
    this.#base = new Float64Array(vertices.length * 3);
    for (const [i, v] of vertices.entries()) this.#base.set(makeHuman.vertices.subarray(3 * v, 3 * v + 3), 3 * i);
    this.#names = new Set(makeHuman.targetNames);
  }

  /** `[n x 3]` positions of one person. */
  sample(random: Random): Float64Array {
    const positions = this.#base.slice();
    for (const [name, weight] of sampleIdentity(random, (target) => this.#names.has(target))) {
      const target = this.#target(name);
      const scale = weight * TARGET_UNIT;
      for (let i = 0; i < positions.length; i++) positions[i] += scale * target[i];
    }
    return positions;
  }

  #target(name: string): Float32Array {
    let values = this.#targets.get(name);
    if (values === undefined) {
      const all = this.#makeHuman.target(name);
      values = new Float32Array(this.#vertices.length * 3);
      for (const [i, v] of this.#vertices.entries()) values.set(all.subarray(3 * v, 3 * v + 3), 3 * i);
      this.#targets.set(name, values);
    }
    return values;
  }
}

/**
 * Moves, turns and scales `positions` so that its skin best fits the skin of `reference` (Horn 1987, unit quaternions).
 * @param skin - `[m x n]` the skin's vertices as weighted sums of the positions.
 * @returns a new array.
 */
export function alignToReference(positions: Float64Array, reference: Float64Array, skin: SparseRows): Float64Array {
  const from = applySparseRows(skin, Float32Array.from(positions), 3);
  const to = applySparseRows(skin, Float32Array.from(reference), 3);
  const count = skin.rowCount;
  const centre = (points: Float32Array): [number, number, number] => {
    const sum: [number, number, number] = [0, 0, 0];
    for (let i = 0; i < points.length; i++) sum[i % 3] += points[i] / count;
    return sum;
  };
  const a = centre(from);
  const b = centre(to);
  const s = new Float64Array(9); // cross-covariance
  let spread = 0;
  for (let v = 0; v < count; v++) {
    for (let j = 0; j < 3; j++) {
      const p = from[3 * v + j] - a[j];
      spread += p * p;
      for (let k = 0; k < 3; k++) s[3 * j + k] += p * (to[3 * v + k] - b[k]);
    }
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = s;
  const { values, vectors } = jacobiEigen(
    // biome-ignore format: a matrix
    Float64Array.from([
      xx + yy + zz, yz - zy, zx - xz, xy - yx,
      yz - zy, xx - yy - zz, xy + yx, zx + xz,
      zx - xz, xy + yx, yy - xx - zz, yz + zy,
      xy - yx, zx + xz, yz + zy, zz - xx - yy,
    ]),
    4,
  );
  const [w, x, y, z] = vectors;
  const scale = values[0] / spread;
  // biome-ignore format: a matrix
  const rotation = [
    w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y),
    2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x),
    2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z,
  ];
  const aligned = new Float64Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) {
    const p = [positions[i] - a[0], positions[i + 1] - a[1], positions[i + 2] - a[2]];
    for (let k = 0; k < 3; k++) {
      aligned[i + k] =
        b[k] + scale * (rotation[3 * k] * p[0] + rotation[3 * k + 1] * p[1] + rotation[3 * k + 2] * p[2]);
    }
  }
  return aligned;
}

/** Gram matrix of rows: `[n x n]` of `[n x width]`. */
function gram(rows: readonly Float32Array[]): Float64Array {
  const n = rows.length;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const a = rows[i];
    for (let j = i; j < n; j++) {
      const b = rows[j];
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let k = 0;
      for (; k + 3 < a.length; k += 4) {
        s0 += a[k] * b[k];
        s1 += a[k + 1] * b[k + 1];
        s2 += a[k + 2] * b[k + 2];
        s3 += a[k + 3] * b[k + 3];
      }
      for (; k < a.length; k++) s0 += a[k] * b[k];
      matrix[i * n + j] = s0 + s1 + s2 + s3;
      matrix[j * n + i] = matrix[i * n + j];
    }
  }
  return matrix;
}

/** What `buildIdentitySpace` needs besides a sampler. */
export interface IdentitySpaceOptions {
  readonly seed: number;
  readonly sampleCount: number;
  readonly modeCount: number;
  /** `[m x n]` the skin's vertices as weighted sums of the sampled ones; the components are those of the skin. */
  readonly skin: SparseRows;
  /** `[n]` the sampled vertex at the mirrored place. */
  readonly mirror: Uint32Array;
  /** `[n x 3]` first reference to align to. */
  readonly start: Float64Array;
  readonly onProgress?: (line: string) => void;
}

/** Samples people, aligns them, and finds their principal components from the Gram matrices of both symmetry parts. */
export function buildIdentitySpace(sampler: IdentitySampler, options: IdentitySpaceOptions): IdentitySpace {
  const { seed, sampleCount, modeCount, skin, mirror, start, onProgress } = options;
  const random = createRandom(seed);
  const width = start.length;
  const mirrored = (positions: ArrayLike<number>, i: number): number => {
    const axis = i % 3;
    const value = positions[3 * mirror[(i - axis) / 3] + axis];
    return axis === 0 ? -value : value;
  };
  const meanOf = (people: readonly Float32Array[]): Float64Array => {
    const sum = new Float64Array(width);
    for (const person of people) for (let i = 0; i < width; i++) sum[i] += person[i];
    return sum.map((_, i) => (sum[i] + mirrored(sum, i)) / (2 * people.length));
  };
  let people = Array.from({ length: sampleCount }, () =>
    Float32Array.from(alignToReference(sampler.sample(random), start, skin)),
  );
  onProgress?.(`${sampleCount} people sampled`);
  const firstMean = meanOf(people);
  people = people.map((person) => Float32Array.from(alignToReference(Float64Array.from(person), firstMean, skin)));
  const mean = meanOf(people);
  const parts = ([1, -1] as const).map((sign) => {
    const deviations = people.map((person) => {
      const deviation = person.map((value, i) => value - mean[i]);
      return deviation.map((value, i) => (value + sign * mirrored(deviation, i)) / 2);
    });
    const matrix = gram(deviations.map((deviation) => applySparseRows(skin, deviation, 3)));
    onProgress?.(`Gram matrix of the ${sign === 1 ? 'symmetric' : 'antisymmetric'} part`);
    const eigen = leadingEigen(matrix, sampleCount, modeCount);
    let trace = 0;
    for (let i = 0; i < sampleCount; i++) trace += matrix[i * sampleCount + i];
    return { deviations, eigen, trace };
  });
  const chosen = parts
    .flatMap(({ eigen }, part) => Array.from(eigen.values, (value, row) => ({ value, part, row })))
    .sort((p, q) => q.value - p.value)
    .slice(0, modeCount);
  const modes = chosen.map(({ part, row }) => {
    const { deviations, eigen } = parts[part];
    const sum = new Float64Array(width);
    for (const [i, deviation] of deviations.entries()) {
      const weight = eigen.vectors[row * sampleCount + i] / Math.sqrt(sampleCount);
      for (let k = 0; k < width; k++) sum[k] += weight * deviation[k];
    }
    // The sign of an eigenvector is free: make the largest coordinate positive.
    let largest = 0;
    for (const value of sum) if (Math.abs(value) > Math.abs(largest)) largest = value;
    return Float32Array.from(sum, (value) => value * Math.sign(largest));
  });
  return {
    mean,
    modes,
    variances: Float64Array.from(chosen, ({ value }) => value / sampleCount),
    totalVariance: (parts[0].trace + parts[1].trace) / sampleCount,
  };
}
