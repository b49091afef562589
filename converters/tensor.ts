/** Numbers of a tensor as the file stores them; float16 and bfloat16 are widened to float32. */
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

/** A tensor read from somebody's file. */
export interface NamedTensor {
  /** `[]` for a scalar. */
  readonly shape: readonly number[];
  /** Elements in C order (row-major), whatever the file's order was. */
  readonly data: TensorData;
}

/** A network's tensors by name, in the file's order. */
export type StateDict = ReadonlyMap<string, NamedTensor>;

/** Name of the array in a file that holds one without a name (a `.npy`, a pickled array). */
export const BARE_ARRAY_NAME = 'array';
