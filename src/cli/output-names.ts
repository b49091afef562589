import { basename, dirname, join } from 'node:path';
import { KeySet } from '../files/key-set.ts';
import { materialStem } from './mesh-files.ts';

/**
 * Gives each picture a name of its own for the files about it: a second one of the same name gets a number, so that nothing is
 * written over. Names are the same, too, that materials or some file systems do not tell apart.
 * @param taken - names that are given already.
 * @returns takes the path that a picture's files should have, without ending.
 */
export function createOutputNames(taken: Pick<KeySet, 'add' | 'has'> = new KeySet()): (stem: string) => string {
  const keyOf = (name: string): string => join(dirname(name), materialStem(basename(name))).toLowerCase();
  return (stem) => {
    if (taken.add(keyOf(stem))) return stem;
    const numbered = (number: number): string => `${stem}-${number}`;
    const isFree = (number: number): boolean => !taken.has(keyOf(numbered(number)));
    // In steps that double and then halve: with one after the other a list of n equal names would take n² / 2 of them.
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
