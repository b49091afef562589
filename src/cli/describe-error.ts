import { printable } from '../errors.ts';

/** One line for any error; system errors are put into words. */
export function describeError(error: unknown): string {
  if (isAbort(error)) return 'interrupted';
  if (typeof error !== 'object' || error === null) return oneLine(String(error));
  const { code, path, message, name } = error as NodeJS.ErrnoException;
  const words = code === undefined ? undefined : SYSTEM_ERRORS[code];
  return oneLine(words !== undefined && path !== undefined ? `${path}: ${words}` : message || name || String(error));
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'already exists',
  EISDIR: 'is a folder',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or folder',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'not permitted',
  EROFS: 'read-only file system',
};

/** Whether an error means that a signal was aborted. */
export function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}

/** A text without line breaks and other control characters. */
export function oneLine(text: string): string {
  return printable(text.trim().replace(/\s*\n\s*/g, ' '));
}
