/**
 * Python pickles of numpy arrays. numpy pickles an array as a call to `_reconstruct` followed by a state (version,
 * shape, dtype, is Fortran order, bytes), or with protocol 5 as `_frombuffer(bytes, dtype, shape, order)`; numpy 2
 * moved both from `numpy.core` to `numpy._core`. See `ndarray.__reduce_ex__` and `dtype.__reduce__` in numpy's
 * reference.
 */
import type { ByteReader } from './byte-reader.ts';
import { MAX_AXES } from './element-types.ts';
import { decodeNumpyArray } from './numpy-array.ts';
import {
  describePickleValue,
  latin1Bytes,
  PickleGlobal,
  type PickleGlobals,
  PickleObject,
  PickleTuple,
  type PickleValue,
  readPickle,
} from './pickle.ts';
import { BARE_ARRAY_NAME, type NamedTensor, type StateDict } from './tensor.ts';

/** A numpy array; empty until its state is set. */
class PickledArray extends PickleObject implements NamedTensor {
  shape: readonly number[] = [0];
  data: NamedTensor['data'] = new Float64Array(0);

  override setState(state: PickleValue, reader: ByteReader): void {
    const [, shape, dtype, isFortran, content] = state instanceof PickleTuple ? state.items : [];
    this.fill(shape, dtype, isFortran === true || isFortran === 1, content, reader);
  }

  fill(
    shape: PickleValue | undefined,
    dtype: PickleValue | undefined,
    isFortran: boolean,
    content: PickleValue | undefined,
    reader: ByteReader,
  ): void {
    if (!(dtype instanceof PickledDtype)) throw damaged(reader, 'a dtype', dtype);
    // Python 2 wrote byte strings, which are read as Latin-1 text.
    const bytes = typeof content === 'string' ? latin1Bytes(content, reader) : content;
    if (Array.isArray(bytes)) throw reader.error('has an array of Python objects, not of numbers');
    if (!(bytes instanceof Uint8Array)) throw damaged(reader, 'the bytes of an array', content);
    const layout = { shape: readShape(shape, reader), dtype: dtype.name, isFortran };
    const array = decodeNumpyArray(reader, bytes, layout);
    this.shape = array.shape;
    this.data = array.data;
  }
}

class PickledDtype extends PickleObject {
  /** With its byte order, once the state is set. */
  name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  /** State: version, byte order, sub-array, field names, fields, size, alignment, flags. */
  override setState(state: PickleValue, reader: ByteReader): void {
    const [, byteOrder, subarray, names] = state instanceof PickleTuple ? state.items : [];
    if (typeof byteOrder !== 'string') throw damaged(reader, 'the byte order of a dtype', byteOrder);
    const isStructure = subarray !== null || names !== null;
    this.name = isStructure ? 'a structure' : byteOrder + this.name.replace(/^[<>|=]/, '');
  }
}

/** numpy's own globals, under their old and new module names. */
export const NUMPY_GLOBALS: PickleGlobals = {
  'numpy.ndarray': (_args, reader) => {
    throw reader.error('builds a numpy array without its numbers');
  },
  'numpy.dtype': ([code], reader) => {
    if (typeof code !== 'string') throw damaged(reader, 'the name of a dtype', code);
    return new PickledDtype(code);
  },
  ...Object.fromEntries(
    ['numpy.core', 'numpy._core'].flatMap((core) => [
      [`${core}.multiarray._reconstruct`, reconstruct],
      [`${core}.multiarray.scalar`, makeScalar],
      [`${core}.numeric._frombuffer`, fromBuffer],
    ]),
  ),
};

/**
 * Reads a pickle that is one numpy array, or a dict of them.
 * @returns the arrays in the dict's order, without other values; a bare array is called `BARE_ARRAY_NAME`.
 * @throws WeightFormatError if the pickle is damaged, contains no array, or names a global that is not numpy's.
 */
export function readNumpyPickle(reader: ByteReader): StateDict {
  const content = readPickle(reader, { globals: NUMPY_GLOBALS });
  if (reader.remaining > 0) throw reader.error(`has ${reader.remaining} bytes after its end`);
  const arrays = new Map<string, NamedTensor>();
  const entries = content instanceof Map ? content : [[BARE_ARRAY_NAME, content] as const];
  for (const [name, value] of entries) {
    if (value instanceof PickledArray) arrays.set(String(name), { shape: value.shape, data: value.data });
  }
  if (arrays.size === 0) {
    throw reader.error('contains no numpy array', {
      expected: 'an array or a dict of arrays',
      actual: describePickleValue(content),
    });
  }
  return arrays;
}

function reconstruct([type]: readonly PickleValue[], reader: ByteReader): PickleValue {
  if (!(type instanceof PickleGlobal && type.name === 'numpy.ndarray')) throw damaged(reader, 'numpy.ndarray', type);
  return new PickledArray();
}

function fromBuffer([content, dtype, shape, order]: readonly PickleValue[], reader: ByteReader): PickleValue {
  const array = new PickledArray();
  array.fill(shape, dtype, order === 'F', content, reader);
  return array;
}

/** A numpy scalar becomes a plain number. */
function makeScalar([dtype, content]: readonly PickleValue[], reader: ByteReader): PickleValue {
  const array = new PickledArray();
  array.fill(new PickleTuple([]), dtype, false, content, reader);
  return array.data[0] ?? null;
}

/** Extents of an array. */
export function readShape(shape: PickleValue | undefined, reader: ByteReader): number[] {
  const extents = shape instanceof PickleTuple ? shape.items : [shape ?? null];
  if (extents.length > MAX_AXES) throw damaged(reader, `at most ${MAX_AXES} axes`, shape);
  return extents.map((extent) => {
    if (typeof extent !== 'number' || !Number.isSafeInteger(extent) || extent < 0) {
      throw damaged(reader, 'an extent', extent);
    }
    return extent;
  });
}

function damaged(reader: ByteReader, expected: string, actual: PickleValue | undefined): Error {
  return reader.error('has a damaged numpy array', { expected, actual: describePickleValue(actual) });
}
