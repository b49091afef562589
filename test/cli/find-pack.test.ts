import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../converters/write-pack.ts';
import { cacheFolder, findPack, listPacks } from '../../src/cli/find-pack.ts';
import { smallPack } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
let env: Record<string, string>;

beforeAll(async () => {
  env = { TDDFA_CACHE: temporary('cache') };
  for (const folder of ['own', 'shipped/open', 'shipped/other', 'cache/packs/3ddfa-v2', 'cache/packs/a-first']) {
    await writePack(temporary(folder), smallPack());
  }
  // None of these is a pack.
  await mkdir(temporary('cache/packs/nothing'));
  await mkdir(temporary('cache/packs/.half.new-1'));
  await writeFile(temporary('cache/packs/.half.new-1/pack.json'), '{}');
  await writeFile(temporary('cache/packs/file'), 'x');
});

describe('findPack', () => {
  const find = async (environment: Record<string, string>, option?: string, shipped = temporary('shipped')) => {
    const { location, foundBy } = await findPack(environment, option, { shipped });
    return [location, foundBy];
  };

  test('looks at the option, TDDFA_WEIGHTS, the shipped packs and the cache, in this order', async () => {
    const given = { ...env, TDDFA_WEIGHTS: temporary('own') };
    expect(await find(given, temporary('shipped/other'))).toEqual([temporary('shipped/other'), 'option']);
    expect(await find(given)).toEqual([temporary('own'), 'TDDFA_WEIGHTS']);
    expect(await find(env)).toEqual([temporary('shipped/open'), 'shipped']);
    expect(await find(env, undefined, temporary('none'))).toEqual([temporary('cache/packs/3ddfa-v2'), 'cache']);
  });

  test('takes a name of an installed pack, and a URL', async () => {
    expect(await find(env, 'a-first')).toEqual([temporary('cache/packs/a-first'), 'option']);
    expect(await find({ ...env, TDDFA_WEIGHTS: 'other' })).toEqual([temporary('shipped/other'), 'TDDFA_WEIGHTS']);
    expect(await find(env, 'https://example.org/pack')).toEqual(['https://example.org/pack', 'option']);
  });

  test('does not look further where what is given is no pack', async () => {
    await expect(find(env, temporary('nowhere'))).rejects.toThrow(
      `--weights: there is no pack in ${temporary('nowhere')} (no pack.json)`,
    );
    await expect(find({ ...env, TDDFA_WEIGHTS: 'x' })).rejects.toThrow('TDDFA_WEIGHTS: there is no pack in x');
  });

  test('says in one line how to get a pack where there is none', async () => {
    const finding = find({ TDDFA_CACHE: temporary('no-cache') }, undefined, temporary('none'));
    await expect(finding).rejects.toThrow(
      "no weights found: run 'tddfa weights pull' to download the original's weights, " +
        'or name a pack with --weights or TDDFA_WEIGHTS',
    );
  });

  test('gives a source that reads the pack', async () => {
    const { source } = await findPack(env, temporary('own'));
    expect(Buffer.from(await source.read('pack.json'))).toEqual(await readFile(temporary('own/pack.json')));
  });
});

describe('listPacks', () => {
  test('gives every pack once, in the order of findPack', async () => {
    const list = async (environment: Record<string, string>) =>
      (await listPacks(environment, temporary('shipped'))).map(({ location }) => location);
    const installed = ['shipped/open', 'shipped/other', 'cache/packs/3ddfa-v2', 'cache/packs/a-first'];
    expect(await list(env)).toEqual(installed.map((folder) => temporary(folder)));
    const second = temporary('shipped/other');
    expect(await list({ ...env, TDDFA_WEIGHTS: second })).toEqual([
      second,
      ...['shipped/open', 'cache/packs/3ddfa-v2', 'cache/packs/a-first'].map((folder) => temporary(folder)),
    ]);
  });
});

describe('a wrong TDDFA_WEIGHTS', () => {
  test('is listed, and fails when it is read', async () => {
    const [first, ...others] = await listPacks({ ...env, TDDFA_WEIGHTS: temporary('gone') }, temporary('shipped'));
    expect(first).toMatchObject({ location: temporary('gone'), foundBy: 'TDDFA_WEIGHTS' });
    await expect(first?.source.read('pack.json')).rejects.toThrow('there is no such file');
    expect(others).toHaveLength(4);
  });
});

describe('cacheFolder', () => {
  test('is TDDFA_CACHE, or a folder of the user', () => {
    expect(cacheFolder({ TDDFA_CACHE: '/somewhere' })).toBe('/somewhere');
    expect(cacheFolder({})).toMatch(/tddfa/);
    expect(join(cacheFolder({}), '.')).toBe(cacheFolder({}));
  });
});
