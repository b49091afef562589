/** Numbers of a tensor as stored in the file; float16 and bfloat16 are widened to float32. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor read from a user's file. */
export interface NamedTensor {
  /** `[]` for a scalar. */
  readonly shape: readonly number[];
  /** Elements in C order (row-major), whatever the order in the file. */
  readonly data: TensorData;
}

/** A network's tensors by name, in file order. */
export type StateDict = ReadonlyMap<string, NamedTensor>;

/** Name for the array in a file with an unnamed one (a `.npy`, a pickled array). */
export const BARE_ARRAY_NAME = 'array';
