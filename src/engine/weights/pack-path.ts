import { WeightFormatError } from '../../errors.ts';

// Letters, digits, `_`, `-` and `.`: the same in every file system and in a URL, with nothing to escape.
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Whether `path` names a file inside a pack: relative, `/` between plain segments, no `.`, `..`, drive or query. */
export function isPackPath(path: string): boolean {
  return path.length <= 200 && path.split('/').every((segment) => SEGMENT.test(segment) && !segment.endsWith('.'));
}

/**
 * Rejects a path that could leave the pack.
 * @throws WeightFormatError
 */
export function checkPackPath(path: string): void {
  if (!isPackPath(path)) throw new WeightFormatError(path, 'is not a path inside a pack');
}

/** Resolves `relative` against the folder of the file `from`: `net/model.json` + `a.bin` = `net/a.bin`. */
export function siblingPath(from: string, relative: string): string {
  return from.slice(0, from.lastIndexOf('/') + 1) + relative;
}
