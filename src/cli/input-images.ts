import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, normalize, relative, sep } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Command } from 'commander';
import { splitLines } from '../files/split-lines.ts';
import { CliError, usageError } from './cli-error.ts';
import { inputName, isStdin } from './read-input-image.ts';
import type { Terminal } from './terminal.ts';

/** Adds `--recursive`, `--files-from` and `--null` to a command. */
export function addInputFlags(command: Command): Command {
  return command
    .option('-R, --recursive', 'search subfolders too')
    .option('--files-from <file>', 'read the list of inputs from this file, one per line; - for stdin')
    .option('-0, --null', 'entries of --files-from end in a NUL byte, as written by find -print0');
}

/** Extensions that mark a file in a folder as a picture; a file named on the command line may be called anything. */
const IMAGE_ENDINGS: ReadonlySet<string> = new Set([
  ...['.jpg', '.jpeg', '.png', '.bmp', '.gif', '.tif', '.tiff', '.webp', '.avif', '.heic', '.heif'],
]);

/** A list has one path per line; Linux allows 4,096 bytes. */
const MAX_LISTED_BYTES = 65_536;

/** Whether a path has the extension of a picture. */
export function hasImageEnding(path: string): boolean {
  return IMAGE_ENDINGS.has(extname(path).toLowerCase());
}

/** One picture to align, or the reason why there is none. */
export interface InputImage {
  /** As it was given, or the given folder and the path below it. */
  readonly path: string;
  /** Base of its output paths below the output folder, without extension. */
  readonly stem: string;
  /** Set if there is no picture, as in an empty folder. */
  readonly error?: unknown;
}

/** Where the pictures are listed. */
export interface InputPlaces {
  /** Files, folders, `-` for a picture from standard input. */
  readonly paths: readonly string[];
  /** Whether subfolders are searched too. */
  readonly isRecursive?: boolean;
  /** A file with one path per line, or `-` for standard input. */
  readonly filesFrom?: string | undefined;
  /** Whether the paths in that file end in a NUL byte, as written by `find -print0`. */
  readonly isNullSeparated?: boolean;
}

/**
 * The pictures of a command line, one by one: first those of the paths, then those of the list. Folders are sorted by
 * name, with numbers by their value, and the pictures of a folder come before those of its subfolders. Hidden files and
 * folders, such as macOS's `._photo.jpg`, are skipped, and links to folders are not followed. Entries of a list are
 * taken as they are; its empty lines are ignored.
 * @throws the system's error if the list cannot be read; the signal's abort, which also ends the wait for a line.
 */
export async function* listInputs(
  places: InputPlaces,
  { stdin, signal }: Pick<Terminal, 'stdin'> & Partial<Pick<Terminal, 'signal'>>,
): AsyncGenerator<InputImage> {
  const { paths, isRecursive = false, filesFrom, isNullSeparated = false } = places;
  for (const path of paths) yield* picturesOf(path, isRecursive);
  if (filesFrom === undefined) return;
  if (isStdin(filesFrom) && stdin.isTTY === true) {
    throw usageError(
      '--files-from -: standard input is a terminal; give it a list, as in ls *.jpg | tddfa align --files-from -',
    );
  }
  const stream: Readable = isStdin(filesFrom) ? stdin : createReadStream(filesFrom);
  if (signal !== undefined) addAbortSignal(signal, stream);
  const separator = isNullSeparated ? 0 : 0x0a;
  try {
    for await (const { text } of splitLines(stream, { separator, maxLineBytes: MAX_LISTED_BYTES })) {
      const path = isNullSeparated ? text : text.replace(/\r$/, '');
      if (path !== '') yield { path, stem: stemBelow(path) };
    }
  } catch (error) {
    throw error instanceof RangeError
      ? new CliError(`--files-from: ${filesFrom} is not a list of files: ${error.message}`, { cause: error })
      : error;
  }
}

async function* picturesOf(path: string, isRecursive: boolean): AsyncGenerator<InputImage> {
  if (!(await isFolder(path))) {
    const name = basename(inputName(path));
    yield { path, stem: withoutEnding(name) };
    return;
  }
  let count = 0;
  try {
    for await (const found of walk(path, isRecursive)) {
      count++;
      yield { path: found, stem: withoutEnding(relative(path, found)) };
    }
    if (count === 0) throw new CliError(`${path}: there are no pictures in this folder`);
  } catch (error) {
    yield { path, stem: '', error };
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const byName = new Intl.Collator('en', { numeric: true });

/** The paths of a folder's pictures. */
async function* walk(folder: string, isRecursive: boolean): AsyncGenerator<string> {
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) folders.push(entry.name);
    else if (hasImageEnding(entry.name) && !(await isLinkToFolder(entry, folder))) files.push(entry.name);
  }
  for (const name of files.sort(compareNames)) yield join(folder, name);
  if (!isRecursive) return;
  for (const name of folders.sort(compareNames)) yield* walk(join(folder, name), true);
}

/** Also orders names that the collator considers equal, such as `1` and `01`. */
function compareNames(a: string, b: string): number {
  return byName.compare(a, b) || (a < b ? -1 : 1);
}

async function isLinkToFolder(
  entry: { readonly name: string; isSymbolicLink(): boolean },
  folder: string,
): Promise<boolean> {
  return entry.isSymbolicLink() && (await isFolder(join(folder, entry.name)));
}

/** The path below the output folder, whatever it starts with. */
function stemBelow(path: string): string {
  const parts = normalize(path).split(sep);
  return withoutEnding(parts.filter((part) => part !== '..' && part !== '' && part !== '.').join(sep));
}

function withoutEnding(path: string): string {
  return path.slice(0, path.length - extname(path).length);
}

/**
 * The picture files that a path on the command line stands for: itself, or those directly in the folder, by name.
 * @throws CliError for a folder without pictures.
 */
export async function expandImagePath(path: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const input of picturesOf(path, false)) {
    if (input.error !== undefined) throw input.error;
    paths.push(input.path);
  }
  return paths;
}
