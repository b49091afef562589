import { describe, expect, test } from '@jest/globals';
import { KeySet } from '../../src/files/key-set.ts';

describe('KeySet', () => {
  test('knows what was added and nothing else, as it grows', () => {
    const set = new KeySet();
    const count = 20_000;
    for (let i = 0; i < count; i++) expect(set.add(`photos/${i}.jpg`)).toBe(true);
    expect(set.size).toBe(count);
    const known = Array.from({ length: 2 * count }, (_, i) => set.has(`photos/${i}.jpg`));
    expect(known.lastIndexOf(true)).toBe(count - 1);
    expect(known.indexOf(false)).toBe(count);
  });

  test('adds nothing twice', () => {
    const set = new KeySet();
    expect([set.add(''), set.add(''), set.add('a'), set.add('a'), set.size]).toEqual([true, false, true, false, 2]);
  });
});
