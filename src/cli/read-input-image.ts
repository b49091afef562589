import { decodeImage } from '../image-files/decode-image.ts';
import { readImage } from '../image-files/read-image.ts';
import type { RgbaImage } from '../types.ts';
import { usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** What stands for standard input on the command line, and what it is called in results. */
const STDIN_ARGUMENT = '-';
const STDIN_NAME = 'stdin';
/** As for files. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Reads a picture file, or standard input for `-`.
 * @throws ImageDecodeError; CliError with exit status 2 where standard input is a terminal.
 */
export async function readInputImage(path: string, { stdin, signal }: Terminal): Promise<RgbaImage> {
  if (path !== STDIN_ARGUMENT) return readImage(path);
  if (stdin.isTTY === true)
    throw usageError('-: standard input is a terminal; give it a picture, as in tddfa align - <photo.jpg');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    signal.throwIfAborted();
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BYTES) throw usageError('-: standard input is larger than 2 GiB');
    chunks.push(bytes);
  }
  return decodeImage(Buffer.concat(chunks), { path: STDIN_NAME });
}

/** What an input is called in results and in the names of files. */
export function inputName(path: string): string {
  return path === STDIN_ARGUMENT ? STDIN_NAME : path;
}
