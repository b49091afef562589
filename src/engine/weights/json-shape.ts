/**
 * Shapes of JSON files, as a few composable checks. Valibot, which the Node programs use, would add 9 kB to every
 * page that loads a pack.
 */
import { describeValue } from '../../check-arguments.ts';
import { WeightFormatError } from '../../errors.ts';

/** Where a value is: the file, and its keys from the outside in. */
interface Place {
  readonly file: string;
  readonly key: string;
}

/**
 * Checks a value.
 * @returns the value itself.
 * @throws WeightFormatError that names the place.
 */
export type JsonShape<Value> = (value: unknown, place: Place) => Value;

/** The type of the values that a shape accepts. */
export type JsonOf<Shape> = Shape extends JsonShape<infer Value> ? Value : never;

type Members = Readonly<Record<string, JsonShape<unknown>>>;
type MembersOf<Required, Optional> = { [Key in keyof Required]: JsonOf<Required[Key]> } & {
  [Key in keyof Optional]?: JsonOf<Optional[Key]>;
};

/**
 * Checks a file's value against a shape.
 * @param file - for messages.
 * @throws WeightFormatError that names `file` and the first key that is wrong.
 */
export function checkJson<Value>(shape: JsonShape<Value>, file: string, value: unknown): Value {
  return shape(value, { file, key: '' });
}

function refuse({ file, key }: Place, expected: string, value: unknown): never {
  const shown = value === undefined ? 'nothing' : describeValue(value);
  throw new WeightFormatError(file, `${key || 'the root'}: expected ${expected}, got ${shown}`);
}

function inside({ file, key }: Place, name: string | number): Place {
  return { file, key: key === '' ? `${name}` : `${key}.${name}` };
}

/** A string, restricted by `isRight` if given. */
export function text(expected = 'text', isRight = (_value: string): boolean => true): JsonShape<string> {
  return (value, place) => (typeof value === 'string' && isRight(value) ? value : refuse(place, expected, value));
}

/** A finite number, restricted by `isRight` if given. */
export function number(expected = 'a number', isRight = (_value: number): boolean => true): JsonShape<number> {
  return (value, place) =>
    typeof value === 'number' && Number.isFinite(value) && isRight(value) ? value : refuse(place, expected, value);
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min = 0, max = Number.MAX_SAFE_INTEGER): JsonShape<number> {
  return number(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && value >= min && value <= max,
  );
}

/** One of the given values. */
export function oneOf<const Choice extends string | number>(...choices: readonly Choice[]): JsonShape<Choice> {
  return (value, place) =>
    choices.find((choice) => choice === value) ??
    refuse(place, choices.map((choice) => `'${choice}'`).join(' or '), value);
}

/** A list of `min` to `max` values of one shape. */
export function listOf<Value>(shape: JsonShape<Value>, min = 0, max = Number.POSITIVE_INFINITY): JsonShape<Value[]> {
  return (value, place) => {
    if (!Array.isArray(value)) return refuse(place, 'a list', value);
    if (value.length < min || value.length > max) refuse(place, `a list of ${min} to ${max}`, value);
    return value.map((element, index) => shape(element, inside(place, index)));
  };
}

/** An object with required and optional members; others are rejected unless it is `open`. */
export function members<Required extends Members, Optional extends Members = Record<never, never>>(
  required: Required,
  optional?: Optional,
  isOpen = false,
): JsonShape<MembersOf<Required, Optional>> {
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(place, 'an object', value);
    const given = value as MembersOf<Required, Optional>;
    for (const [name, shape] of Object.entries(required)) shape(own(given, name), inside(place, name));
    for (const [name, member] of Object.entries(given)) {
      const shape = optional !== undefined && Object.hasOwn(optional, name) ? optional[name] : undefined;
      if (shape !== undefined) shape(member, inside(place, name));
      else if (!isOpen && !Object.hasOwn(required, name)) refuse(inside(place, name), 'no such key', member);
    }
    return given;
  };
}

/** An object whose members all have one shape. */
export function mapOf<Value>(shape: JsonShape<Value>): JsonShape<Readonly<Record<string, Value>>> {
  return (value, place) => {
    const entries = Object.entries(members({}, {}, true)(value, place));
    return Object.fromEntries(entries.map(([name, member]) => [name, shape(member, inside(place, name))]));
  };
}

function own(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name as keyof typeof object] : undefined;
}
