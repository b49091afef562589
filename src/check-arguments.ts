/** Checks for common mistakes in calls: a TypeError that names the argument, the value received and what to do. */
import { nearestName } from './nearest-name.ts';

/** Every name in an options object; its defaults will do. The compiler ensures that none is missing. */
export type OptionNames<Options> = Readonly<Record<keyof Required<Options>, unknown>>;

/**
 * Checks that an options object has no unknown options.
 * @param argument - name of the object, for the message.
 * @param inner - names within options that are objects themselves; these are checked too.
 * @throws TypeError naming the option and the nearest existing one.
 */
export function checkOptionNames<Options extends object>(
  options: unknown,
  names: OptionNames<Options>,
  argument = 'options',
  inner: Readonly<Record<string, object>> = {},
): void {
  if (options === undefined) return;
  const known = Object.keys(names);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${argument}: expected { ${known[0]}: … }, got ${describeValue(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(names, name)) {
      if (Object.hasOwn(inner, name)) checkOptionNames<object>(value, inner[name], name);
      continue;
    }
    const owner = Object.keys(inner).find((candidate) => Object.hasOwn(inner[candidate], name));
    const near = nearestName(name, known);
    const advice =
      owner !== undefined
        ? `put it in ${owner}: { ${owner}: { ${name}: … } }`
        : near === undefined
          ? `use one of ${known.join(', ')}`
          : `did you mean '${near}'?`;
    throw new TypeError(`${argument}: unknown option '${name}'; ${advice}`);
  }
}

/**
 * Checks a number, optionally that it is whole.
 * @throws RangeError naming it.
 */
export function checkNumber(argument: string, value: number, min: number, max = Infinity, isWhole = false): void {
  if (value >= min && value <= max && (!isWhole || Number.isSafeInteger(value))) return;
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RangeError(`${argument}: expected a ${isWhole ? 'whole ' : ''}number ${range}, got ${value}`);
}

/**
 * Checks that a value is one of a few choices.
 * @throws TypeError naming them.
 */
export function checkChoice(argument: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  throw new TypeError(`${argument}: expected ${choices.join(' or ')}, got '${value}'`);
}

/** The error for an argument of the wrong kind. @param advice - what to do. */
export function mistake(argument: string, expected: string, value: unknown, advice: string): TypeError {
  return new TypeError(`${argument}: expected ${expected}, got ${describeValue(value)}; ${advice}`);
}

/**
 * Checks that an image is one, by the types of its members alone.
 * @throws TypeError explaining how to make one.
 */
export function checkImageArgument(image: unknown): void {
  const { data, width, height } = Object(image);
  if (ArrayBuffer.isView(data) && typeof width === 'number' && typeof height === 'number') return;
  const advice = 'await readImage(file) in Node, readPixels(source) in a browser';
  throw mistake('image', '{ data, width, height } with RGBA bytes', image, advice);
}

/**
 * Checks that a list of boxes is one, and that each box has corners.
 * @param argument - its name, for the message.
 * @throws TypeError explaining what to do.
 */
export function checkBoxesArgument(boxes: unknown, argument: 'boxes' | 'roiBoxes'): void {
  if (!Array.isArray(boxes)) {
    throw mistake(argument, 'a list of boxes', boxes, 'pass [box], or await aligner.detect(image)');
  }
  for (const [index, box] of boxes.entries()) {
    if (!hasCorners(box)) throw mistake(`${argument}[${index}]`, 'a box', box, 'pass { xMin, yMin, xMax, yMax }');
  }
}

/**
 * Checks that a face is one, as returned by `align`.
 * @throws TypeError explaining what to do.
 */
export function checkFaceArgument(face: unknown, argument = 'face'): void {
  const { params, roiBox } = Object(face);
  if (ArrayBuffer.isView(params) && hasCorners(roiBox)) return;
  throw mistake(argument, 'a face', face, 'pass one of the faces from await aligner.align(image, boxes)');
}

/** Checks a list of faces. @throws TypeError explaining what to do. */
export function checkFacesArgument(faces: unknown): void {
  if (!Array.isArray(faces)) throw mistake('faces', 'a list of faces', faces, 'pass [face]');
  for (const [index, face] of faces.entries()) checkFaceArgument(face, `faces[${index}]`);
}

function hasCorners(value: unknown): boolean {
  const box = Object(value);
  return ['xMin', 'yMin', 'xMax', 'yMax'].every((side) => typeof box[side] === 'number');
}

/** Describes a value in a word or two. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const name = Object.prototype.toString.call(value).slice(8, -1);
  return name === 'Object' ? `{ ${Object.keys(value).slice(0, 8).join(', ')} }` : `a value of type ${name}`;
}
