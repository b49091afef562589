import type { ByteReader } from './byte-reader.ts';
import { decodeElements, type ElementType, elementByteCount, exactElementCount, MAX_AXES } from './element-types.ts';
import { columnMajorStrides, gatherStrided } from './strides.ts';
import type { NamedTensor } from './tensor.ts';

const ELEMENT_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['i2', 'int16'],
  ['u2', 'uint16'],
  ['i4', 'int32'],
  ['u4', 'uint32'],
  ['i8', 'int64'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
]);

/** How numpy lays out an array's bytes. */
export interface NumpyLayout {
  readonly shape: readonly number[];
  /**
   * numpy's name for the element type: byte order (`<`, `>`, `|`, `=`; if absent, the writer's own, assumed to be
   * little-endian), kind, bytes, such as `<f4`.
   */
  readonly dtype: string;
  /** Column-major: the first axis varies fastest. */
  readonly isFortran: boolean;
}

/**
 * Makes a tensor from the bytes of a numpy array.
 * @throws WeightFormatError if the elements are not plain numbers, or the number of bytes does not match the shape.
 */
export function decodeNumpyArray(reader: ByteReader, bytes: Uint8Array, layout: NumpyLayout): NamedTensor {
  const { shape, dtype, isFortran } = layout;
  const [, byteOrder, name] = /^([<>|=]?)([a-zA-Z]\d+)$/.exec(dtype) ?? [];
  const elementType = ELEMENT_TYPES.get(name ?? '');
  if (elementType === undefined) {
    throw reader.error('has an array of an unsupported type', {
      expected: `one of ${[...ELEMENT_TYPES.keys()].join(' ')}`,
      actual: dtype.slice(0, 80),
    });
  }
  if (shape.length > MAX_AXES) {
    throw reader.error('has too many axes', { expected: `at most ${MAX_AXES}`, actual: `${shape.length}` });
  }
  const byteCount = exactElementCount(shape) * elementByteCount(elementType);
  if (bytes.length !== byteCount) {
    throw reader.error('has an array whose bytes do not match its shape', {
      expected: `${byteCount} bytes for ${elementType} [${shape}]`,
      actual: `${bytes.length}`,
    });
  }
  const data = decodeElements(reader, bytes, elementType, byteOrder !== '>');
  return { shape, data: isFortran ? gatherStrided(data, shape, columnMajorStrides(shape)) : data };
}
