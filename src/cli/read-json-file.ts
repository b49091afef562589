import { readFile } from 'node:fs/promises';
import { CliError } from './cli-error.ts';

/**
 * Reads a JSON file that a user wrote.
 * @throws CliError where it is not JSON; the system's error where it cannot be read.
 */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError(`${path}: this is not JSON`, { cause });
  }
}
