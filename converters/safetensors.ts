/**
 * The safetensors format: the length of a JSON header (uint64, little-endian), the header, the numbers, little-endian
 * and in C order. See "Format" in the README of huggingface/safetensors; its rules on holes and overlaps are enforced
 * here.
 */
import { parseJsonFile } from '../src/engine/weights/json-file.ts';
import { checkJson, type JsonOf, listOf, mapOf, members, text, wholeNumber } from '../src/engine/weights/json-shape.ts';
import type { ByteReader } from './byte-reader.ts';
import { decodeElements, type ElementType, elementByteCount, exactElementCount, MAX_AXES } from './element-types.ts';
import type { NamedTensor, StateDict } from './tensor.ts';

const LENGTH_BYTES = 8;
/** As in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
/** Charged for each byte of the header, which becomes objects. */
const HEADER_COST = 32;

const ELEMENT_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['BOOL', 'bool'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['F32', 'float32'],
  ['F64', 'float64'],
]);

const entryShape = members(
  { dtype: text(), shape: listOf(wholeNumber(), 0, MAX_AXES), data_offsets: listOf(wholeNumber(), 2, 2) },
  {},
  true,
);

/** Whether the file begins with a length that fits in it, followed by a JSON object. */
export function isSafetensors(reader: ByteReader): boolean {
  const { bytes } = reader;
  if (bytes.length <= LENGTH_BYTES || bytes[LENGTH_BYTES] !== 0x7b) return false;
  const headerBytes = reader.part(bytes.subarray(0, LENGTH_BYTES)).uint64();
  return headerBytes <= MAX_HEADER_BYTES && headerBytes <= bytes.length - LENGTH_BYTES;
}

/**
 * Reads a safetensors file.
 * @returns the tensors in the header's order (which is not the network's: the format sorts them).
 * @throws WeightFormatError if the file is damaged or has elements of an unsupported type.
 */
export function readSafetensors(reader: ByteReader): StateDict {
  const headerBytes = reader.uint64();
  if (headerBytes > MAX_HEADER_BYTES) {
    throw reader.error('has a header that is too long', {
      expected: `at most ${MAX_HEADER_BYTES} bytes`,
      actual: `${headerBytes}`,
    });
  }
  const entries = parseHeader(reader.take(headerBytes), reader);
  const content = reader.take(reader.remaining);
  const tensors = new Map<string, NamedTensor>();
  const spans: { tensor: string; begin: number; end: number }[] = [];
  for (const [tensor, entry] of entries) {
    const { shape, data_offsets: offsets } = entry;
    const [begin, end] = offsets;
    const elementType = ELEMENT_TYPES.get(entry.dtype);
    if (elementType === undefined) {
      throw reader.error('has elements of an unsupported type', {
        tensor,
        expected: `one of ${[...ELEMENT_TYPES.keys()].join(' ')}`,
        actual: entry.dtype.slice(0, 40),
      });
    }
    const byteCount = exactElementCount(shape) * elementByteCount(elementType);
    if (end - begin !== byteCount || end > content.length) {
      throw reader.error('does not match its shape', {
        tensor,
        expected: `${byteCount} bytes for ${elementType} [${shape}], within ${content.length}`,
        actual: `bytes ${begin} to ${end}`,
      });
    }
    spans.push({ tensor, begin, end });
    tensors.set(tensor, { shape, data: decodeElements(reader, content.subarray(begin, end), elementType, true) });
  }
  checkTiling(spans, content.length, reader);
  return tensors;
}

function parseHeader(header: Uint8Array, reader: ByteReader): [tensor: string, JsonOf<typeof entryShape>][] {
  reader.allocate(HEADER_COST * header.length, 'the header');
  const file = `${reader.file}!header`;
  const { __metadata__, ...entries } = checkJson(
    mapOf((value) => value),
    file,
    parseJsonFile(file, header),
  );
  return Object.entries(checkJson(mapOf(entryShape), file, entries));
}

/** Checks that every byte belongs to exactly one tensor: anything else is ambiguous, and forbidden by the format. */
function checkTiling(
  spans: { tensor: string; begin: number; end: number }[],
  byteCount: number,
  reader: ByteReader,
): void {
  let end = 0;
  for (const span of spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (span.begin !== end) {
      throw reader.error('leaves a hole or overlaps another', {
        tensor: span.tensor,
        expected: `byte ${end}`,
        actual: `byte ${span.begin}`,
      });
    }
    end = span.end;
  }
  if (end !== byteCount) {
    throw reader.error('has bytes that belong to no tensor', { expected: `${end} bytes`, actual: `${byteCount}` });
  }
}
