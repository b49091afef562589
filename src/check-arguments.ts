/** Checks of what callers mistake: a TypeError that names the argument, what came, and what to do. */
import { nearestName } from './nearest-name.ts';

/** Every name of an options object, as its defaults have them too; the compiler sees to it that none is missing. */
export type OptionNames<Options> = Readonly<Record<keyof Required<Options>, unknown>>;

/**
 * Checks that an options object has no options but those that there are.
 * @param argument - name of the object, for the message.
 * @param inner - names of the options in those options that are objects themselves; they are checked too.
 * @throws TypeError that names the option and the nearest one that exists.
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
    throw new TypeError(`${argument}: expected an object as { ${known[0]}: … }, got ${describeValue(options)}`);
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
        ? `put it into the ${owner}'s: { ${owner}: { ${name}: … } }`
        : near === undefined
          ? `there are ${known.join(', ')}`
          : `did you mean '${near}'?`;
    throw new TypeError(`${argument}: there is no option '${name}'; ${advice}`);
  }
}

/**
 * Checks a number, or a whole one.
 * @throws RangeError that names it.
 */
export function checkNumber(argument: string, value: number, min: number, max = Infinity, isWhole = false): void {
  if (value >= min && value <= max && (!isWhole || Number.isSafeInteger(value))) return;
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RangeError(`${argument}: expected a ${isWhole ? 'whole ' : ''}number ${range}, got ${value}`);
}

/**
 * Checks one of a few names.
 * @throws TypeError that names them.
 */
export function checkChoice(argument: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  throw new TypeError(`${argument}: expected ${choices.join(' or ')}, got '${value}'`);
}

/** What is thrown for an argument of the wrong kind. @param advice - what to do. */
export function mistake(argument: string, expected: string, value: unknown, advice: string): TypeError {
  return new TypeError(`${argument}: expected ${expected}, got ${describeValue(value)}; ${advice}`);
}

/**
 * Checks that an image is one, by the kinds of its members alone.
 * @throws TypeError that says how to make one of what came.
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
 * @throws TypeError that says what to do.
 */
export function checkBoxesArgument(boxes: unknown, argument: 'boxes' | 'roiBoxes'): void {
  if (!Array.isArray(boxes)) {
    throw mistake(argument, 'a list of boxes', boxes, 'give [box], or await aligner.detect(image)');
  }
  for (const [index, box] of boxes.entries()) {
    if (!hasCorners(box)) throw mistake(`${argument}[${index}]`, 'a box', box, 'give { xMin, yMin, xMax, yMax }');
  }
}

/**
 * Checks that a face is one as `align` gives it.
 * @throws TypeError that says what to do.
 */
export function checkFaceArgument(face: unknown, argument = 'face'): void {
  const { params, roiBox } = Object(face);
  if (ArrayBuffer.isView(params) && hasCorners(roiBox)) return;
  throw mistake(argument, 'a face', face, 'give one face of those that await aligner.align(image, boxes) gives');
}

/** Checks a list of faces. @throws TypeError that says what to do. */
export function checkFacesArgument(faces: unknown): void {
  if (!Array.isArray(faces)) throw mistake('faces', 'a list of faces', faces, 'give [face]');
  for (const [index, face] of faces.entries()) checkFaceArgument(face, `faces[${index}]`);
}

function hasCorners(value: unknown): boolean {
  const box = Object(value);
  return ['xMin', 'yMin', 'xMax', 'yMax'].every((side) => typeof box[side] === 'number');
}

/** What a value is, in a word or two. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const name = Object.prototype.toString.call(value).slice(8, -1);
  return name === 'Object' ? `{ ${Object.keys(value).slice(0, 8).join(', ')} }` : `a value of type ${name}`;
}
