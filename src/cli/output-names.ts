import { basename, dirname, join } from 'node:path';
import { KeySet } from '../files/key-set.ts';
import { materialStem } from './mesh-files.ts';

/**
 * Gives each picture a name of its own for the files about it: a second one of the same name gets a number, so that nothing is
 * written over. Names are the same, too, that materials or some file systems do not tell apart.
 * @returns takes the path that a picture's files should have, without ending.
 */
export function createOutputNames(): (stem: string) => string {
  const taken = new KeySet();
  return (stem) => {
    const key = (name: string): string => join(dirname(name), materialStem(basename(name))).toLowerCase();
    let name = stem;
    for (let number = 2; !taken.add(key(name)); number++) name = `${stem}-${number}`;
    return name;
  };
}
