import { basename, dirname, join } from 'node:path';

/** Names of numbered pictures, such as `out/%05d.png`. */
export interface ImagePattern {
  readonly folder: string;
  /** The path of a number. */
  pathOf(number: number): string;
  /** The number in a file name in the folder; undefined for a name that does not match. */
  numberOf(name: string): number | undefined;
}

const NUMBER = /%(?:0(\d{1,2}))?d/g;

/** Whether a path is a pattern. */
export function isImagePattern(path: string): boolean {
  return new RegExp(NUMBER).test(path);
}

/**
 * Parses a pattern: one `%d`, or `%05d` for at least five digits, in the file name, as in ffmpeg and printf.
 * @throws RangeError for a pattern with several numbers, or one in a folder's name.
 */
export function parseImagePattern(pattern: string): ImagePattern {
  const name = basename(pattern);
  const folder = dirname(pattern);
  const [number, ...others] = [...name.matchAll(NUMBER)];
  if (number === undefined || others.length > 0 || isImagePattern(folder)) {
    throw new RangeError(`pattern: expected one number such as %05d in the file name, got '${pattern}'`);
  }
  const digits = Number(number[1] ?? 1);
  const before = name.slice(0, number.index);
  const after = name.slice(number.index + number[0].length);
  return {
    folder,
    pathOf: (value) => join(folder, `${before}${String(value).padStart(digits, '0')}${after}`),
    numberOf: (candidate) => {
      if (!candidate.startsWith(before) || !candidate.endsWith(after)) return undefined;
      const text = candidate.slice(before.length, candidate.length - after.length);
      return /^\d+$/.test(text) && text.length >= digits ? Number(text) : undefined;
    },
  };
}
