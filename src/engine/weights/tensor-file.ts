/**
 * Typed tensors in one binary file, described by a JSON file beside it:
 *
 *   tensors.json  {"data": "tensors.bin", "tensors": [{"name", "dtype", "shape", "byteOffset"}, …]}
 *   tensors.bin   the tensors in that order, row-major, little-endian, each at the next multiple of 8 bytes
 *
 * The layout is strict, so a truncated, extended or shifted file can never be read as something else. A tensor is a
 * view into the file's bytes; only float16 is copied, to be widened.
 */
import { WeightFormatError } from '../../errors.ts';
import { narrowToFloat16, widenFloat16 } from './float16.ts';
import { checkJson, type JsonOf, listOf, members, oneOf, text, wholeNumber } from './json-shape.ts';
import { isPackPath } from './pack-path.ts';

const ALIGNMENT = 8;

export type TensorValues = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** Values with a shape, row-major. */
export interface Tensor<Values extends TensorValues = TensorValues> {
  readonly shape: readonly number[];
  readonly data: Values;
}

/** How a tensor is stored; `float16` becomes float32 in memory. */
export type StoredType = 'float32' | 'float16' | 'int32' | 'uint32' | 'uint8';

const STORED_BYTES: Readonly<Record<StoredType, number>> = { float32: 4, float16: 2, int32: 4, uint32: 4, uint8: 1 };

const tensorFileShape = members({
  data: text('a path inside the pack', isPackPath),
  tensors: listOf(
    members({
      name: text('a name', (name) => name !== '' && name.length <= 200),
      dtype: oneOf('float32', 'float16', 'int32', 'uint32', 'uint8'),
      shape: listOf(wholeNumber(), 0, 8),
      byteOffset: wholeNumber(),
    }),
    0,
    10_000,
  ),
});

/** `tensors.json`. */
export type TensorFileManifest = JsonOf<typeof tensorFileShape>;

/**
 * Checks a `tensors.json`.
 * @param file - its path, for messages.
 * @throws WeightFormatError
 */
export function parseTensorFileManifest(file: string, json: unknown): TensorFileManifest {
  const manifest = checkJson(tensorFileShape, file, json);
  const names = new Set<string>();
  for (const { name } of manifest.tensors) {
    if (names.has(name)) throw new WeightFormatError(file, 'occurs twice', { tensor: name });
    names.add(name);
  }
  return manifest;
}

/**
 * The tensors of a tensor file.
 * @param file - path of the binary file, for messages.
 * @param bytes - the binary file; float32, integer and byte tensors are views into it.
 * @throws WeightFormatError if layout, length or a value (NaN, infinity) is wrong.
 */
export function decodeTensors(
  file: string,
  manifest: TensorFileManifest,
  bytes: Uint8Array<ArrayBuffer>,
): Map<string, Tensor> {
  checkLayout(file, manifest, bytes.length);
  // Views need an aligned offset; a fresh array from a source starts at 0 and is not copied.
  const { buffer, byteOffset: base } = bytes.byteOffset % ALIGNMENT === 0 ? bytes : new Uint8Array(bytes);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, byteOffset } of manifest.tensors) {
    const data = readValues(buffer, base + byteOffset, elementCount(shape), dtype);
    if (data instanceof Float32Array) checkFinite(file, name, data);
    tensors.set(name, { shape, data });
  }
  return tensors;
}

/** Throws unless the tensors follow each other from the first byte to the last. */
function checkLayout(file: string, manifest: TensorFileManifest, byteLength: number): void {
  let end = 0;
  for (const { name, dtype, shape, byteOffset } of manifest.tensors) {
    const start = align(end);
    if (byteOffset !== start) {
      throw new WeightFormatError(file, 'starts at the wrong byte', {
        tensor: name,
        expected: String(start),
        actual: String(byteOffset),
      });
    }
    end = start + elementCount(shape) * STORED_BYTES[dtype];
    if (end > byteLength) {
      throw new WeightFormatError(file, `is cut short: [${shape.join(', ')}] ${dtype} ends beyond the file`, {
        tensor: name,
        expected: `at least ${end} bytes`,
        actual: `${byteLength} bytes`,
      });
    }
  }
  if (end !== byteLength) {
    throw new WeightFormatError(file, 'is longer than its tensors', {
      expected: `${end} bytes`,
      actual: `${byteLength} bytes`,
    });
  }
}

function readValues(buffer: ArrayBuffer, byteOffset: number, length: number, dtype: StoredType): TensorValues {
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'float16':
      return widenFloat16(new Uint16Array(buffer, byteOffset, length));
    case 'int32':
      return new Int32Array(buffer, byteOffset, length);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'uint8':
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/**
 * Throws if a value is NaN or infinite.
 * @throws WeightFormatError that names file, tensor and element.
 */
export function checkFinite(file: string, tensor: string, values: Float32Array): void {
  // All exponent bits set. Integers compare faster than floats, and a morphable model has millions of values.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i] & 0x7f800000) === 0x7f800000) {
      throw new WeightFormatError(file, `element ${i} is not a finite number`, { tensor });
    }
  }
}

/**
 * Encodes tensors as a tensor file.
 * @param dataFile - name of the binary file, beside the JSON file.
 * @param float16 - names of float32 tensors to store in half the bytes.
 * @throws RangeError for a shape that does not match its data, or a value that float16 cannot hold.
 */
export function encodeTensors(
  tensors: ReadonlyMap<string, Tensor>,
  dataFile: string,
  float16: ReadonlySet<string> = new Set(),
): { manifest: TensorFileManifest; bytes: Uint8Array<ArrayBuffer> } {
  const manifest: TensorFileManifest = { data: dataFile, tensors: [] };
  const parts: { offset: number; bytes: Uint8Array }[] = [];
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    if (elementCount(shape) !== data.length) {
      throw new RangeError(`tensor '${name}': shape [${shape.join(', ')}] does not hold ${data.length} values`);
    }
    const stored = float16.has(name) ? toFloat16(name, data) : data;
    const byteOffset = align(end);
    manifest.tensors.push({ name, dtype: storedType(stored), shape: [...shape], byteOffset });
    parts.push({ offset: byteOffset, bytes: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength) });
    end = byteOffset + stored.byteLength;
  }
  const bytes = new Uint8Array(end);
  for (const part of parts) bytes.set(part.bytes, part.offset);
  return { manifest, bytes };
}

function storedType(data: TensorValues | Uint16Array): StoredType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Uint16Array) return 'float16';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint32Array ? 'uint32' : 'uint8';
}

function toFloat16(name: string, data: TensorValues): Uint16Array {
  if (!(data instanceof Float32Array)) throw new RangeError(`tensor '${name}' is not float32`);
  const bits = narrowToFloat16(data);
  const index = bits.findIndex((half) => (half & 0x7c00) === 0x7c00);
  if (index >= 0) throw new RangeError(`tensor '${name}': ${data[index]} at ${index} is beyond float16`);
  return bits;
}

/** How many elements a shape has; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function align(byteOffset: number): number {
  return Math.ceil(byteOffset / ALIGNMENT) * ALIGNMENT;
}
