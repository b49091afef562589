import { widenFloat16 } from '../src/engine/weights/float16.ts';
import type { ByteReader } from './byte-reader.ts';
import type { TensorData } from './tensor.ts';

/** Storage type of one number in a file. */
export type ElementType =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64';

interface ElementFormat {
  /** Bytes in the file. */
  readonly byteCount: number;
  /** Bytes in memory: float16 and bfloat16 are widened. */
  readonly memoryByteCount: number;
  /**
   * Numbers from `bytes`, which contain a whole number of elements, start at an aligned address and may be modified.
   */
  readonly view: (bytes: Uint8Array) => TensorData;
}

const plain = (
  arrayType: { new (buffer: ArrayBufferLike, offset: number, length: number): TensorData; BYTES_PER_ELEMENT: number },
  byteCount = arrayType.BYTES_PER_ELEMENT,
): ElementFormat => ({
  byteCount,
  memoryByteCount: byteCount,
  view: (bytes) => new arrayType(bytes.buffer, bytes.byteOffset, bytes.byteLength / byteCount),
});

const widened = (widen: (bits: Uint16Array) => Float32Array): ElementFormat => ({
  byteCount: 2,
  memoryByteCount: 6,
  view: (bytes) => widen(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)),
});

const FORMATS: Readonly<Record<ElementType, ElementFormat>> = {
  bool: plain(Uint8Array),
  int8: plain(Int8Array),
  uint8: plain(Uint8Array),
  int16: plain(Int16Array),
  uint16: plain(Uint16Array),
  int32: plain(Int32Array),
  uint32: plain(Uint32Array),
  int64: plain(BigInt64Array),
  uint64: plain(BigUint64Array),
  float16: widened(widenFloat16),
  bfloat16: widened(widenBfloat16),
  float32: plain(Float32Array),
  float64: plain(Float64Array),
};

/** Maximum number of axes of an array from a file, as in numpy and torch. */
export const MAX_AXES = 64;

/** Bytes of one element in the file. */
export function elementByteCount(type: ElementType): number {
  return FORMATS[type].byteCount;
}

/**
 * Numbers from a file's bytes.
 * @param reader - reader of the file that contains the bytes: its memory budget is charged, its byte order is NOT used.
 * @param bytes - a whole number of elements, at any address; not modified.
 * @returns a new array; booleans are 0 and 1 in a `Uint8Array`.
 */
export function decodeElements(
  reader: ByteReader,
  bytes: Uint8Array,
  type: ElementType,
  littleEndian: boolean,
): TensorData {
  const { byteCount, memoryByteCount, view } = FORMATS[type];
  reader.allocate((bytes.length / byteCount) * memoryByteCount, `an array of ${type}`);
  const copy = new Uint8Array(bytes);
  if (!littleEndian) swapBytes(copy, byteCount);
  return view(copy);
}

/** A new array of zeros, charged to the reader's memory budget. */
export function zeroElements(reader: ByteReader, type: ElementType, count: number): TensorData {
  const { byteCount, memoryByteCount, view } = FORMATS[type];
  reader.allocate(count * memoryByteCount, `an array of ${type}`);
  return view(new Uint8Array(count * byteCount));
}

/**
 * Number of elements for a shape from a file.
 * @returns NaN, which equals no number of bytes, if an extent is not a whole number >= 0 or the product cannot be
 *   represented exactly.
 */
export function exactElementCount(shape: readonly number[]): number {
  let count = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) return Number.NaN;
    count *= extent;
  }
  return Number.isSafeInteger(count) ? count : Number.NaN;
}

function swapBytes(bytes: Uint8Array, elementBytes: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (elementBytes === 2) buffer.swap16();
  else if (elementBytes === 4) buffer.swap32();
  else if (elementBytes === 8) buffer.swap64();
}

/** bfloat16 is the upper half of a float32. */
function widenBfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (upper) => upper << 16).buffer);
}
