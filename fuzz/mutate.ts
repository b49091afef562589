/** Changes to files that trip up parsers: extreme lengths, pieces dropped, doubled and swapped, ends cut off. */
import type { Pieces } from './pieces.ts';

/** Numbers in 0..1. */
export type Random = () => number;

/** Unsigned 32-bit numbers on which counts and sums break. */
export const EXTREMES = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];
const NUMBERS = [0, -1, 1, 0.5, 1e9, -1e9, 2 ** 24, 2 ** 31, 2 ** 53, 1e308, -0];
const TEXTS = ['', '__proto__', 'constructor', '../x', '/etc/passwd', '\u0000', 'a'.repeat(5000)];
/** Numbers of copies of a list's first value; large numbers are slow to make, and few inputs need them. */
const COPIES = [...new Array<number>(20).fill(1), ...new Array<number>(6).fill(10), 5000];
/** Stands for a hundred thousand nested lists, which JSON has room for but a stack does not. */
const DEEP = '\u0001deep';
const DEPTH = 100_000;
/** One value in this many becomes that deep: reading one takes as long as reading a thousand others. */
const DEEP_EVERY = 60;
/** Values that one mutation of JSON may add. */
const MOST_ADDED = 20_000;

/** A whole number from 0 to below `limit`. */
export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
/** One of some values. */
export const pick = <T>(random: Random, values: readonly T[], fallback: T): T =>
  values[below(random, values.length)] ?? fallback;

/**
 * A copy of some bytes with one to four changes.
 * @param words - byte sequences with a meaning in this format, to be inserted somewhere.
 */
export function mutateBytes(original: Uint8Array, random: Random, words: readonly Uint8Array[] = []): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(original);
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const at = below(random, bytes.length);
    const count = 1 + below(random, pick(random, [4, 16, 64, 1024], 4));
    switch (below(random, words.length > 0 ? 10 : 7)) {
      case 0:
        bytes[at] = below(random, 256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
        break;
      case 2: {
        const width = pick(random, [1, 2, 4], 4);
        const value = pick(random, EXTREMES, 0);
        const isBigEndian = random() < 0.5;
        for (let i = 0; i < width && at + i < bytes.length; i++) {
          bytes[at + i] = (value >>> (8 * (isBigEndian ? width - 1 - i : i))) & 0xff;
        }
        break;
      }
      case 3:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at + count));
        break;
      case 4:
        bytes = joined(bytes.subarray(0, at + count), bytes.subarray(at));
        break;
      case 5: {
        const other = below(random, bytes.length);
        bytes.set(bytes.slice(other, Math.min(other + count, other + bytes.length - at)), at);
        break;
      }
      case 6:
        bytes = bytes.slice(0, at);
        break;
      default: {
        const word = pick(random, words, bytes);
        bytes = joined(joined(bytes.subarray(0, at), word), bytes.subarray(random() < 0.5 ? at : at + word.length));
      }
    }
  }
  return bytes;
}

/** A file rebuilt from its parts after one to three of them were dropped, doubled, swapped or changed. */
export function mutatePieces({ parts: original, join }: Pieces, random: Random): Uint8Array {
  const parts = [...original];
  for (let left = 1 + below(random, 3); left > 0 && parts.length > 0; left--) {
    const [first, second] = [below(random, parts.length), below(random, parts.length)];
    switch (below(random, 6)) {
      case 0:
        parts.splice(first, 1);
        break;
      case 1: {
        const copies = pick(random, [1, 2, 200], 1);
        parts.splice(second, 0, ...Array.from({ length: copies }, () => parts[first]));
        break;
      }
      case 2:
        [parts[first], parts[second]] = [parts[second], parts[first]];
        break;
      default:
        parts[first] = mutateBytes(parts[first], random);
    }
  }
  return join(parts);
}

/** A copy of a JSON value with one to three of its parts changed, dropped, doubled or swapped. */
export function mutateJson(original: unknown, random: Random): unknown {
  const root = { value: structuredClone(original) };
  for (let left = 1 + below(random, 3); left > 0; left--) {
    const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
    const collect = (holder: Record<string, unknown>): void => {
      for (const key of Object.keys(holder)) {
        places.push({ holder, key });
        const inner = holder[key];
        if (typeof inner === 'object' && inner !== null) collect(inner as Record<string, unknown>);
      }
    };
    collect(root);
    const [first, second] = [places[below(random, places.length)], places[below(random, places.length)]];
    if (first === undefined || second === undefined) break;
    const { holder, key } = first;
    const inner = holder[key];
    switch (below(random, 7)) {
      case 0:
        holder[key] = pick<unknown>(random, NUMBERS, 0);
        break;
      case 1:
        holder[key] = pick(random, TEXTS, '');
        break;
      case 2:
        holder[key] = pick<unknown>(random, [[], {}, null, [[]], true, [[[]]]], null);
        break;
      case 3:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 4:
        if (Array.isArray(inner)) {
          const count = Math.min(pick(random, COPIES, 1), MOST_ADDED / sizeOf(inner[0]));
          for (let n = 0; n < count; n++) inner.push(structuredClone(inner[0]));
        }
        break;
      case 5:
        if (sizeOf(second.holder[second.key]) < MOST_ADDED) holder[key] = structuredClone(second.holder[second.key]);
        break;
      default: {
        const depth = below(random, DEEP_EVERY) === 0 ? DEPTH : pick(random, [1, 20, 500], 1);
        let nested: unknown = inner;
        for (let left = depth; left > 0 && depth < DEPTH; left--) nested = [nested];
        holder[key] = depth < DEPTH ? nested : DEEP;
      }
    }
  }
  return root.value;
}

/** A value damaged by `mutateJson`, as a file. */
export function writeJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value) ?? 'nothing';
  // Once per file: copies of copies would exceed the length of a string.
  const [before = '', ...after] = text.split(JSON.stringify(DEEP));
  const deep = after.length === 0 ? '' : '['.repeat(DEPTH) + ']'.repeat(DEPTH);
  return new TextEncoder().encode(before + deep + after.join('null'));
}

/** How many values a JSON value consists of. */
function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + sizeOf(inner), 1);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
