import { WeightFormatError } from '../src/errors.ts';
import { BARE_ARRAY_NAME, type NamedTensor, type StateDict } from './tensor.ts';
import { toFloat32 } from './tensor-values.ts';

/** Names of both arrays: ours and the original's, those of its first version, and those of its training data. */
const NAMES = {
  mean: ['mean', 'param_mean', 'mean_param'],
  std: ['std', 'param_std', 'std_param'],
} as const;

/** Mean and standard deviation for de-normalising a regressor's outputs. */
export interface MeanAndStd {
  /** `[n]` */
  readonly mean: Float32Array;
  /** `[n]` */
  readonly std: Float32Array;
}

/**
 * The mean and the standard deviation of a regressor's outputs: arrays `mean` and `std`, as rows or columns of equal
 * length; or one unnamed array `[2 x n]` or `[n x 2]`.
 * @param file - their source, for messages.
 * @throws WeightFormatError naming the expected arrays.
 */
export function meanAndStd(tensors: StateDict, file: string): MeanAndStd {
  const bare = tensors.get(BARE_ARRAY_NAME);
  if (bare !== undefined && tensors.size === 1) return rowsOf(bare, file);
  const mean = vector(tensors, 'mean', file);
  const std = vector(tensors, 'std', file);
  if (std.length !== mean.length) {
    throw new WeightFormatError(file, "'mean' and 'std' differ in length", {
      expected: `${mean.length} numbers in 'std'`,
      actual: String(std.length),
    });
  }
  return { mean, std };
}

function vector(tensors: StateDict, wanted: keyof typeof NAMES, file: string): Float32Array {
  const name = NAMES[wanted].find((candidate) => tensors.has(candidate));
  const tensor = name === undefined ? undefined : tensors.get(name);
  if (name === undefined || tensor === undefined) {
    const names = [...tensors.keys()].slice(0, 5).map((found) => `'${found.slice(0, 40)}'`);
    throw new WeightFormatError(file, `has no array '${wanted}'`, {
      expected: "arrays 'mean' and 'std' of a regressor's outputs",
      actual: names.join(', ') || 'no arrays',
    });
  }
  if (tensor.shape.filter((extent) => extent !== 1).length > 1) {
    throw new WeightFormatError(file, 'has the wrong shape', {
      tensor: name,
      expected: '[n], [1, n] or [n, 1]',
      actual: `[${tensor.shape.join(', ')}]`,
    });
  }
  return toFloat32(tensor, { file, name });
}

/** The two rows or columns of an unnamed array. */
function rowsOf(tensor: NamedTensor, file: string): MeanAndStd {
  const { shape } = tensor;
  const [rows, columns] = shape;
  if (shape.length !== 2 || (rows !== 2 && columns !== 2)) {
    throw new WeightFormatError(file, 'has the wrong shape', {
      tensor: BARE_ARRAY_NAME,
      expected: "[2, n] or [n, 2], mean and std, or a file with arrays 'mean' and 'std'",
      actual: `[${shape.join(', ')}]`,
    });
  }
  const values = toFloat32(tensor, { file, name: BARE_ARRAY_NAME });
  const half = values.length / 2;
  if (rows === 2) return { mean: values.slice(0, half), std: values.slice(half) };
  return {
    mean: Float32Array.from({ length: half }, (_, i) => values[2 * i]),
    std: Float32Array.from({ length: half }, (_, i) => values[2 * i + 1]),
  };
}
