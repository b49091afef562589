/** Checks of what callers mistake: a TypeError that names the argument, what came, and what to do. */
import { nearestName } from './nearest-name.ts';

/** Every name of an options object; the compiler sees to it that none is missing. */
export type OptionNames<Options> = Readonly<Record<keyof Required<Options>, true>>;

/**
 * Checks that an options object has no options but those that there are.
 * @param argument - name of the object, for the message.
 * @param hints - what to say of options that belong elsewhere.
 * @throws TypeError that names the option and the nearest one that exists.
 */
export function checkOptionNames<Options extends object>(
  options: Options | undefined,
  names: OptionNames<Options>,
  argument = 'options',
  hints: Readonly<Record<string, string>> = {},
): void {
  if (options === undefined) return;
  const known = Object.keys(names);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${argument}: expected an object as { ${known[0] ?? ''}: … }, got ${describeValue(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
    const near = nearestName(name, known);
    const advice = hint ?? (near === undefined ? `there are ${known.join(', ')}` : `did you mean '${near}'?`);
    throw new TypeError(`${argument}: there is no option '${name}'; ${advice}`);
  }
}

/** Whether a value is an image as this package takes it; looks at the kinds of its members alone. */
function looksLikeImage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { data, width, height } = value as { data?: unknown; width?: unknown; height?: unknown };
  return ArrayBuffer.isView(data) && typeof width === 'number' && typeof height === 'number';
}

/**
 * Checks that an image is one.
 * @throws TypeError that says how to make one of what came.
 */
export function checkImageArgument(image: unknown): void {
  if (looksLikeImage(image)) return;
  const kind = describeValue(image);
  const isFile = typeof image === 'string' || image instanceof URL || ArrayBuffer.isView(image);
  const advice =
    typeof image === 'object' && image !== null && 'then' in image
      ? 'await it first'
      : isFile
        ? "readImage of 'tddfa/node' reads files"
        : "readPixels of 'tddfa/browser' makes one of images, videos, canvases and files";
  throw new TypeError(`image: expected { data, width, height } with RGBA bytes, got ${kind}; ${advice}`);
}

/**
 * Checks that a face is one as `align` gives it.
 * @throws TypeError that says what to do.
 */
export function checkFaceArgument(face: unknown, argument = 'face'): void {
  if (Array.isArray(face)) {
    throw new TypeError(
      `${argument}: expected one face, got a list of ${face.length}; take them one by one, as in for (const face of faces)`,
    );
  }
  const isFace =
    typeof face === 'object' &&
    face !== null &&
    'params' in face &&
    ArrayBuffer.isView(face.params) &&
    'roiBox' in face &&
    hasCorners(face.roiBox);
  if (isFace) return;
  const advice = hasCorners(face) ? 'align(image, boxes) makes faces of boxes' : 'align(image, boxes) gives such';
  throw new TypeError(`${argument}: expected a face { roiBox, params }, got ${describeMembers(face)}; ${advice}`);
}

function hasCorners(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['xMin', 'yMin', 'xMax', 'yMax'].every((side) => typeof (value as Record<string, unknown>)[side] === 'number');
}

/** What a value is, in a word or two. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (value === null) return 'null';
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  const name = Object.prototype.toString.call(value).slice(8, -1);
  return name === 'Object' ? describeMembers(value) : `${/^([aeio]|HTML)/i.test(name) ? 'an' : 'a'} ${name}`;
}

/** A plain object by the names of its members. */
function describeMembers(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return describeValue(value);
  const names = Object.keys(value).slice(0, 8);
  return names.length === 0 ? '{}' : `{ ${names.join(', ')} }`;
}
