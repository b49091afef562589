import { basename, dirname, join } from 'node:path';
import { KeySet } from '../files/key-set.ts';
import { materialStem } from './mesh-files.ts';

/**
 * Gives each picture a unique name for its output files: a second picture with the same name gets a number, so that
 * nothing is overwritten. Names that materials or some file systems do not distinguish count as the same.
 * @param taken - names that are already in use.
 * @returns a function that takes the preferred path of a picture's files, without extension.
 */
export function createOutputNames(taken: Pick<KeySet, 'add' | 'has'> = new KeySet()): (stem: string) => string {
  const keyOf = (name: string): string => join(dirname(name), materialStem(basename(name))).toLowerCase();
  return (stem) => {
    if (taken.add(keyOf(stem))) return stem;
    const numbered = (number: number): string => `${stem}-${number}`;
    const isFree = (number: number): boolean => !taken.has(keyOf(numbered(number)));
    // In steps that double and then halve: counting up one by one, a list of n equal names would take n² / 2 steps.
    let used = 1;
    let free = 2;
    while (!isFree(free)) {
      used = free;
      free *= 2;
    }
    while (free - used > 1) {
      const middle = Math.floor((used + free) / 2);
      if (isFree(middle)) free = middle;
      else used = middle;
    }
    taken.add(keyOf(numbered(free)));
    return numbered(free);
  };
}
