import { MAX_FILE_BYTES, readPictureFile } from '../image-files/read-picture-file.ts';
import { usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** The argument that stands for standard input, and its name in results. */
const STDIN_ARGUMENT = '-';
const STDIN_NAME = 'stdin';

/** The bytes of a picture, and what identifies its file. */
export interface InputBytes {
  /** Its name in results. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly size: number;
  /** Absent if the input is not a file. */
  readonly mtimeMs?: number;
}

/** Whether an argument stands for standard input. */
export function isStdin(argument: string | undefined): boolean {
  return argument === STDIN_ARGUMENT;
}

/**
 * Reads the bytes of a picture file, or standard input for `-`.
 * @throws ImageDecodeError; CliError with exit status 2 if standard input is a terminal.
 */
export async function readInputImage(path: string, { stdin, signal }: Terminal): Promise<InputBytes> {
  if (!isStdin(path)) return { path, ...(await readPictureFile(path)) };
  if (stdin.isTTY === true)
    throw usageError('-: standard input is a terminal; give it a picture, as in tddfa align - <photo.jpg');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    signal.throwIfAborted();
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_FILE_BYTES) throw usageError('-: standard input is larger than 2 GiB');
    chunks.push(bytes);
  }
  return { path: STDIN_NAME, bytes: Buffer.concat(chunks), size };
}

/** The name of an input in results and in file names. */
export function inputName(path: string): string {
  return isStdin(path) ? STDIN_NAME : path;
}
