import { checkFinite } from '../src/engine/weights/tensor-file.ts';
import { WeightFormatError } from '../src/errors.ts';
import type { NamedTensor, StateDict } from './tensor.ts';

/** A shape, with `null` for any extent. */
export type ExpectedShape = readonly (number | null)[];

/**
 * The tensor with a given name.
 * @throws WeightFormatError if it is missing or has another shape.
 */
export function takeTensor(tensors: StateDict, file: string, name: string, shape: ExpectedShape): NamedTensor {
  const tensor = tensors.get(name);
  const expected = `[${shape.map((extent) => extent ?? '?').join(', ')}]`;
  if (tensor === undefined) throw new WeightFormatError(file, 'is missing', { tensor: name, expected });
  const fits =
    tensor.shape.length === shape.length &&
    shape.every((extent, axis) => extent === null || extent === tensor.shape[axis]);
  if (fits) return tensor;
  const actual = `[${tensor.shape.join(', ')}]`;
  throw new WeightFormatError(file, 'has the wrong shape', { tensor: name, expected, actual });
}

/**
 * All values as float32, in their order, in a new array.
 * @throws WeightFormatError for a value that is not finite.
 */
export function toFloat32({ data }: NamedTensor, { file, name }: { file: string; name: string }): Float32Array {
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  const values = isBig ? Float32Array.from(data, Number) : new Float32Array(data);
  checkFinite(file, name, values);
  return values;
}

/**
 * The first columns of a matrix, row-major, as float32.
 * @throws WeightFormatError for a value that is not finite.
 */
export function firstColumns(
  matrix: NamedTensor,
  columns: number,
  { file, name }: { file: string; name: string },
): Float32Array {
  const [rows = 0, stride = 0] = matrix.shape;
  const values = toFloat32(matrix, { file, name });
  if (columns === stride) return values;
  const kept = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    kept.set(values.subarray(row * stride, row * stride + columns), row * columns);
  }
  return kept;
}

/**
 * All values as uint32.
 * @throws WeightFormatError for a value that is not a whole number >= 0 and < `limit`.
 */
export function toIndices(
  { data }: NamedTensor,
  limit: number,
  { file, name }: { file: string; name: string },
): Uint32Array {
  const values = new Uint32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (!Number.isInteger(value) || value < 0 || value >= limit) {
      throw new WeightFormatError(file, `has an invalid index at ${i}`, {
        tensor: name,
        expected: `0 … ${limit - 1}`,
        actual: String(value),
      });
    }
    values[i] = value;
  }
  return values;
}

/** `[3 x n]` to `[n x 3]`. */
export function transposeTriples<Values extends Float32Array | Uint32Array>(rows: Values): Values {
  const count = rows.length / 3;
  const result = rows.slice() as Values;
  for (let i = 0; i < count; i++) {
    for (let axis = 0; axis < 3; axis++) result[i * 3 + axis] = rows[axis * count + i];
  }
  return result;
}
