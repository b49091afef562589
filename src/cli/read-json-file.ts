import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CliError } from './cli-error.ts';

/** Far more than the annotations of any set of pictures need; V8 cannot hold a string twice as long. */
const MAX_BYTES = 2 ** 28;

/**
 * Reads a JSON file that a user wrote; devices and pipes are refused, because they may never end.
 * @throws CliError if it is not JSON or longer than 256 MiB; the system's error if it cannot be read.
 */
export async function readJsonFile(path: string): Promise<unknown> {
  let text: string;
  let file: FileHandle | undefined;
  try {
    // Opening a pipe that nobody writes to would otherwise block for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile() && !found.isDirectory()) throw new CliError(`${path}: this is a device or pipe, not a file`);
    if (found.size > MAX_BYTES) throw new CliError(`${path}: the file is larger than ${MAX_BYTES / 2 ** 20} MiB`);
    text = await file.readFile('utf8');
  } finally {
    await file?.close();
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError(`${path}: this is not JSON`, { cause });
  }
}
