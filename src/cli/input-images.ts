import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { CliError } from './cli-error.ts';

/** Endings by which pictures are picked out of a folder; a file that is named itself may be called anything. */
const IMAGE_ENDINGS: ReadonlySet<string> = new Set([
  ...['.jpg', '.jpeg', '.png', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.avif', '.heic', '.heif'],
]);

/** Whether a path ends as pictures do. */
export function hasImageEnding(path: string): boolean {
  return IMAGE_ENDINGS.has(extname(path).toLowerCase());
}

/**
 * The picture files that a path on the command line stands for: itself, or those directly in the folder, by name.
 * @throws CliError for a folder without pictures.
 */
export async function expandImagePath(path: string): Promise<string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return [path];
  // Hidden files, such as macOS's `._photo.jpg`, end like pictures and are none.
  const names = (await readdir(path)).filter((name) => !name.startsWith('.') && hasImageEnding(name));
  if (names.length === 0) throw new CliError(`${path}: there is no picture in this folder`);
  const byName = new Intl.Collator('en', { numeric: true });
  return names.sort((a, b) => byName.compare(a, b)).map((name) => join(path, name));
}
