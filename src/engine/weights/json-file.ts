import * as v from 'valibot';
import { WeightFormatError } from '../../errors.ts';

/**
 * The JSON value of a UTF-8 file.
 * @throws WeightFormatError that names `file`.
 */
export function parseJsonFile(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // A server that answers every path with its start page is the usual reason.
    const isPage = bytes[0] === '<'.charCodeAt(0);
    throw new WeightFormatError(file, isPage ? 'is a web page, not JSON' : 'is not JSON', { cause: error });
  }
}

/**
 * `value`, checked against a schema.
 * @throws WeightFormatError that names `file` and the first key that is wrong.
 */
export function checkJson<Schema extends v.GenericSchema>(
  schema: Schema,
  file: string,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue) ?? 'the whole';
  throw new WeightFormatError(file, `${key}: ${issue.message}`);
}
