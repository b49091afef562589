/** Arrays of numbers in JSON: an object containing lists of numbers or of such lists. */
import type { ByteReader } from './byte-reader.ts';
import { BARE_ARRAY_NAME, type NamedTensor, type StateDict } from './tensor.ts';

const MAX_AXES = 8;
/** Charged for each byte of the text: `{},` becomes an object of 56 bytes and an 8-byte entry in its list. */
const TEXT_COST = 24;

/** Whether a file begins like JSON with arrays. */
export function isJson(bytes: Uint8Array): boolean {
  return /^\s*(\{\s*"|\[\s*[-\d[])/.test(
    Buffer.from(bytes.subarray(0, 200))
      .toString('utf8')
      .replace(/^\ufeff/, ''),
  );
}

/**
 * Reads the arrays of a JSON file as float64; other values are skipped.
 * @throws WeightFormatError if the file is not JSON or has no array of numbers.
 */
export function readJsonArrays(reader: ByteReader): StateDict {
  reader.allocate(TEXT_COST * reader.bytes.length, 'the JSON');
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(reader.bytes));
  } catch (cause) {
    throw reader.error(`is not JSON: ${(cause as Error).message}`, { cause });
  }
  const entries = Array.isArray(json) ? [[BARE_ARRAY_NAME, json] as const] : Object.entries(json ?? {});
  const arrays = new Map<string, NamedTensor>();
  for (const [name, value] of entries) {
    const array = readArray(value);
    if (array !== undefined) arrays.set(name, array);
  }
  if (arrays.size === 0) throw reader.error('contains no array of numbers', { expected: '{"name": [numbers], …}' });
  return arrays;
}

/** Undefined for anything that is not a complete array of numbers. */
function readArray(value: unknown): NamedTensor | undefined {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level) && shape.length <= MAX_AXES; level = level[0]) shape.push(level.length);
  if (shape.length === 0 || shape.length > MAX_AXES) return undefined;
  const numbers: number[] = [];
  const collect = (level: unknown, axis: number): boolean => {
    if (axis === shape.length) return typeof level === 'number' && numbers.push(level) > 0;
    return Array.isArray(level) && level.length === shape[axis] && level.every((inner) => collect(inner, axis + 1));
  };
  return collect(value, 0) ? { shape, data: Float64Array.from(numbers) } : undefined;
}
