import { WeightFormatError } from '../../errors.ts';

/** Lists and objects in each other: far more than any file of a pack has, and nothing that recursion runs out of stack with. */
const MAX_NESTING = 100;

/**
 * The JSON value of a UTF-8 file.
 * @throws WeightFormatError that names `file`.
 */
export function parseJsonFile(file: string, bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // A server that answers every path with its start page is the usual reason.
    const isPage = bytes[0] === '<'.charCodeAt(0);
    throw new WeightFormatError(file, isPage ? 'is a web page, not JSON' : 'is not JSON', { cause: error });
  }
  checkNesting(file, value);
  return value;
}

/** @throws WeightFormatError where lists and objects lie in each other too deeply. */
export function checkNesting(file: string, value: unknown): void {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_NESTING) throw new WeightFormatError(file, `is nested more than ${MAX_NESTING} times`);
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
}
