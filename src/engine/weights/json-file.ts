import { WeightFormatError } from '../../errors.ts';

/**
 * Parses the JSON of a UTF-8 file.
 * @throws WeightFormatError that names `file`.
 */
export function parseJsonFile(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // The usual reason is a server that answers every path with its start page.
    const isPage = bytes[0] === '<'.charCodeAt(0);
    throw new WeightFormatError(file, isPage ? 'is a web page, not JSON' : 'is not JSON', { cause: error });
  }
}
