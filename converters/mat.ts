/**
 * MATLAB's level 5 MAT-files (`save -v6`, and `-v7`, which compresses): a header of 128 bytes, then data elements, each
 * with a tag (type, bytes) and its content, padded to 8 bytes. A matrix is an element of elements: flags, dimensions,
 * name, real part. See MathWorks, "MAT-File Format", chapter 1.
 */
import { type ByteReader, latin1 } from './byte-reader.ts';
import {
  decodeElements,
  type ElementType,
  elementByteCount,
  exactElementCount,
  MAX_AXES,
  zeroElements,
} from './element-types.ts';
import { inflate } from './inflate.ts';
import { columnMajorStrides, gatherStrided } from './strides.ts';
import type { NamedTensor, StateDict, TensorData } from './tensor.ts';

const HEADER_BYTES = 128;
const VERSION_OFFSET = 124;
const LEVEL_5 = 0x0100;
const LEVEL_7_3 = 0x0200;

/** Types of data elements (the file's `mi…`). */
const MATRIX = 14;
const COMPRESSED = 15;
const INT8 = 1;
const INT32 = 5;
const UINT32 = 6;
const STORED_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [INT8, 'int8'],
  [2, 'uint8'],
  [3, 'int16'],
  [4, 'uint16'],
  [INT32, 'int32'],
  [UINT32, 'uint32'],
  [7, 'float32'],
  [9, 'float64'],
  [12, 'int64'],
  [13, 'uint64'],
]);

/** Classes of arrays (the file's `mx…`) with plain numbers, and those without. */
const NUMERIC_CLASSES: ReadonlyMap<number, ElementType> = new Map([
  [6, 'float64'],
  [7, 'float32'],
  [8, 'int8'],
  [9, 'uint8'],
  [10, 'int16'],
  [11, 'uint16'],
  [12, 'int32'],
  [13, 'uint32'],
  [14, 'int64'],
  [15, 'uint64'],
]);
const OTHER_CLASSES: ReadonlyMap<number, string> = new Map([
  [1, 'cell array'],
  [2, 'structure'],
  [3, 'object'],
  [4, 'text'],
  [5, 'sparse matrix'],
  [16, 'function'],
  [17, 'object'],
]);
const COMPLEX_FLAG = 0x0800;

interface DataElement {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Whether the file has the header of a MAT-file of level 5 or 7.3. */
export function isMat(bytes: Uint8Array): boolean {
  const mark = latin1(bytes.subarray(VERSION_OFFSET + 2, HEADER_BYTES));
  return mark === 'IM' || mark === 'MI';
}

/**
 * Reads the numeric arrays of a MAT-file.
 * @returns the arrays in file order, each with at least two axes, as in MATLAB. Booleans are `Uint8Array`; cells,
 *   structures, text, sparse and complex matrices are skipped.
 * @throws WeightFormatError if the file is damaged, is of another level, or contains no numeric array.
 */
export function readMat(reader: ByteReader): StateDict {
  const littleEndian = reader.bytes[VERSION_OFFSET + 2] === 'I'.charCodeAt(0);
  const file = reader.part(reader.bytes, { littleEndian });
  file.skip(VERSION_OFFSET);
  const version = file.uint16();
  if (version === LEVEL_7_3) {
    throw reader.error('is a MATLAB 7.3 file, which is HDF5: save it again in MATLAB with -v7');
  }
  if (version !== LEVEL_5 || !isMat(reader.bytes)) throw reader.error('is not a MATLAB 5 file');
  file.skip(2);
  const arrays = new Map<string, NamedTensor>();
  const leftOut: string[] = [];
  while (file.remaining > 0) {
    const element = readElement(file);
    const matrix = element.type === COMPRESSED ? readElement(inflate(file, element.bytes)) : element;
    if (matrix.type !== MATRIX) throw damaged(file, 'a matrix', `a data element of type ${matrix.type}`);
    const { name, array } = readMatrix(file.part(matrix.bytes));
    if (typeof array === 'string') {
      leftOut.push(`${array} '${name}'`);
    } else {
      if (arrays.has(name)) throw reader.error('appears twice', { tensor: name });
      arrays.set(name, array);
    }
  }
  if (arrays.size === 0) {
    throw reader.error('contains no numeric array', {
      expected: 'at least one',
      actual: leftOut.join(', ').slice(0, 200),
    });
  }
  return arrays;
}

/** @returns the array, or what it is if it does not consist of plain numbers. */
function readMatrix(reader: ByteReader): { name: string; array: NamedTensor | string } {
  const [flags = 0] = numbersOf(expectElement(reader, UINT32, 'flags'), reader);
  const arrayClass = Number(flags) & 0xff;
  const otherClass = OTHER_CLASSES.get(arrayClass);
  // Functions and newer objects have no dimensions.
  if (arrayClass === 16 || arrayClass === 17) return { name: '', array: otherClass ?? '' };
  const dimensions = expectElement(reader, INT32, 'dimensions');
  if (dimensions.bytes.length > MAX_AXES * elementByteCount('int32')) {
    throw damaged(reader, `at most ${MAX_AXES} dimensions`, `${dimensions.bytes.length} bytes of them`);
  }
  const shape = Array.from(numbersOf(dimensions, reader), Number);
  const name = latin1(expectElement(reader, INT8, 'a name').bytes);
  if (otherClass !== undefined) return { name, array: otherClass };
  if (Number(flags) & COMPLEX_FLAG) return { name, array: 'complex array' };
  const elementType = NUMERIC_CLASSES.get(arrayClass);
  if (elementType === undefined) throw damaged(reader, 'an array class', `class ${arrayClass}`, name);
  const content = readElement(reader);
  const stored = numbersOf(content, reader, name);
  if (stored.length !== exactElementCount(shape) || shape.length < 2) {
    throw damaged(reader, `[${shape}]`, `${stored.length} elements`, name);
  }
  const data = STORED_TYPES.get(content.type) === elementType ? stored : convert(stored, elementType, reader);
  if (data === undefined) throw damaged(reader, `values of ${elementType}`, 'others', name);
  return { name, array: { shape, data: gatherStrided(data, shape, columnMajorStrides(shape)) } };
}

/** The next data element; content shorter than 5 bytes may be in the tag itself. */
function readElement(reader: ByteReader): DataElement {
  const tag = reader.uint32();
  const shortBytes = tag >>> 16;
  if (shortBytes > 0) {
    const bytes = reader.take(4);
    if (shortBytes > 4) throw damaged(reader, 'at most 4 bytes in a short element', `${shortBytes}`);
    return { type: tag & 0xffff, bytes: bytes.subarray(0, shortBytes) };
  }
  const bytes = reader.take(reader.uint32());
  // Some writers do not pad the last element, and compressed ones are not padded.
  if (tag !== COMPRESSED) reader.skip(Math.min(-bytes.length & 7, reader.remaining));
  return { type: tag, bytes };
}

function expectElement(reader: ByteReader, type: number, what: string): DataElement {
  const element = readElement(reader);
  if (element.type !== type) throw damaged(reader, what, `a data element of type ${element.type}`);
  return element;
}

function numbersOf({ type, bytes }: DataElement, reader: ByteReader, name?: string): TensorData {
  const storedType = STORED_TYPES.get(type);
  if (storedType === undefined) throw damaged(reader, 'numbers', `a data element of type ${type}`, name);
  if (bytes.length % elementByteCount(storedType) !== 0) {
    throw damaged(reader, `whole elements of ${storedType}`, `${bytes.length} bytes`, name);
  }
  return decodeElements(reader, bytes, storedType, reader.littleEndian);
}

/**
 * MATLAB stores an array in the smallest type that fits its values; this restores the original type.
 * @returns undefined if a value does not fit.
 */
function convert(stored: TensorData, elementType: ElementType, reader: ByteReader): TensorData | undefined {
  const converted = zeroElements(reader, elementType, stored.length);
  const isBig = converted instanceof BigInt64Array || converted instanceof BigUint64Array;
  for (let i = 0; i < stored.length; i++) {
    const value = stored[i];
    if (!isBig) converted[i] = Number(value);
    else if (typeof value === 'bigint' || Number.isInteger(value)) converted[i] = BigInt(value);
    if (!Object.is(Number(converted[i]), Number(value))) return undefined;
  }
  return converted;
}

function damaged(reader: ByteReader, expected: string, actual: string, tensor?: string): Error {
  return reader.error('is damaged', { expected, actual, ...(tensor === undefined ? {} : { tensor }) });
}
