import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type InputImage, type InputPlaces, listInputs } from '../../src/cli/input-images.ts';
import { createOutputNames } from '../../src/cli/output-names.ts';
import { KeySet } from '../../src/files/key-set.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();

beforeAll(() => {
  for (const folder of ['photos/b', 'photos/a/deep', 'photos/.hidden', 'photos/folder.png', 'empty']) {
    mkdirSync(at(folder), { recursive: true });
  }
  const files = ['10.jpg', '9.JPG', '._9.jpg', '.hidden.png', 'notes.txt', 'b/x.webp', 'a/y.png', 'a/deep/z.heic'];
  for (const file of [...files, '.hidden/in.png', 'folder.png/in.tif']) writeFileSync(at('photos', file), '');
  symlinkSync(at('photos/a'), at('photos/link.png'));
  symlinkSync(at('photos'), at('photos/a/up'));
  symlinkSync(at('photos/9.JPG'), at('photos/linked.jpg'));
});

async function list(places: InputPlaces, input = ''): Promise<InputImage[]> {
  const inputs: InputImage[] = [];
  for await (const one of listInputs(places, { stdin: Readable.from([input]) })) inputs.push(one);
  return inputs;
}

const pathsOf = (inputs: readonly InputImage[]): string[] => inputs.map(({ path }) => relative(at('.'), path));

describe('listInputs', () => {
  test('a folder: its pictures by name, none that is hidden, no folder', async () => {
    const inputs = await list({ paths: [at('photos')] });
    expect(pathsOf(inputs)).toEqual(['photos/9.JPG', 'photos/10.jpg', 'photos/linked.jpg']);
    expect(inputs.map(({ stem }) => stem)).toEqual(['9', '10', 'linked']);
  });

  test('and the folders in it, behind its own', async () => {
    const inputs = await list({ paths: [at('photos')], isRecursive: true });
    const inFolders = ['a/y.png', 'a/deep/z.heic', 'b/x.webp', 'folder.png/in.tif'];
    expect(pathsOf(inputs)).toEqual(['9.JPG', '10.jpg', 'linked.jpg', ...inFolders].map((name) => `photos/${name}`));
    expect(inputs.at(-3)?.stem).toBe('a/deep/z');
  });

  test('a folder without pictures is an input that failed', async () => {
    const [failed, ...others] = await list({ paths: [at('empty'), 'named.txt', '-'] });
    expect(failed?.error).toMatchObject({ message: `${at('empty')}: there are no pictures in this folder` });
    expect(others).toEqual([
      { path: 'named.txt', stem: 'named' },
      { path: '-', stem: 'stdin' },
    ]);
  });

  test('a list: each line as it is, of any system, without the empty ones', async () => {
    const inputs = await list({ paths: [], filesFrom: '-' }, 'a b.jpg\r\n\n/data/../x/é.png\n../._y.jpg');
    expect(inputs).toEqual([
      { path: 'a b.jpg', stem: 'a b' },
      { path: '/data/../x/é.png', stem: 'x/é' },
      { path: '../._y.jpg', stem: '._y' },
    ]);
    writeFileSync(at('list'), 'one\ntwo\0three');
    expect(
      (await list({ paths: ['zero'], filesFrom: at('list'), isNullSeparated: true })).map(({ path }) => path),
    ).toEqual(['zero', 'one\ntwo', 'three']);
  });

  test('a list that is none', async () => {
    await expect(list({ paths: [], filesFrom: at('nowhere') })).rejects.toThrow(/ENOENT/);
    await expect(list({ paths: [], filesFrom: '-' }, 'x'.repeat(70_000))).rejects.toThrow(
      '--files-from: - is not a list of files: a line is longer than 65536 bytes',
    );
  });
});

describe('createOutputNames', () => {
  test('gives numbers to names that are there already, whatever their case, and passes over those that are taken', () => {
    const nameOf = createOutputNames();
    const stems = ['a', 'a-3', 'A', 'a', 'a', 'b/a', 'b/a', 'a b', 'a#b', 'a_b', 'a'];
    expect(stems.map(nameOf)).toEqual([
      'a',
      'a-3',
      'A-2',
      'a-4',
      'a-5',
      'b/a',
      'b/a-2',
      'a b',
      'a#b-2',
      'a_b-3',
      'a-6',
    ]);
  });

  test('asks for a few names, however many pictures are called the same', () => {
    let asked = 0;
    const names = new KeySet();
    const nameOf = createOutputNames({
      add: (key) => names.add(key),
      has(key) {
        asked++;
        return names.has(key);
      },
    });
    const count = 3000;
    const given = Array.from({ length: count }, () => nameOf('photo'));
    expect(new Set(given).size).toBe(count);
    expect(given.at(-1)).toBe(`photo-${count}`);
    // One after the other they would be 1,500 of each on average.
    expect(asked / count).toBeLessThan(2 * Math.log2(count) + 2);
  });
});
