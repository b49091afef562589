import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { writePack } from '../../converters/write-pack.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { TddfaError, WeightFormatError } from '../../src/errors.ts';
import { smallNetwork, smallPack, smallRegressor } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();

async function open(folder: string) {
  const pack = await openPack(fileWeights(folder));
  await pack.verify();
  return pack;
}

describe('writePack', () => {
  test('writes a pack and nothing beside it', async () => {
    const folder = temporary('plain/deep/pack');
    const { manifest, replaced } = await writePack(folder, smallPack());
    expect(replaced).toEqual([]);
    expect((await open(folder)).manifest).toEqual(manifest);
    expect(await readdir(dirname(folder))).toEqual(['pack']);
    expect((await readdir(folder)).sort()).toEqual([
      'boxes',
      'maps',
      'pack.json',
      'shape',
      'tiny',
      'tiny-normalization',
    ]);
  });

  test('writes the same bytes for the same models', async () => {
    await writePack(temporary('same/a'), smallPack());
    await writePack(temporary('same/b'), smallPack());
    const read = (name: string) => readFile(temporary('same', name, 'pack.json'), 'utf8');
    expect(await read('a')).toBe(await read('b'));
  });

  test('adds models to a pack and keeps what it says of itself', async () => {
    const folder = temporary('merge/pack');
    await writePack(folder, smallPack());
    const more = { name: 'other', description: 'Other', models: smallRegressor('mine', 20) };
    const { manifest, replaced } = await writePack(folder, more);
    expect(replaced).toEqual([]);
    expect(manifest.models.map((model) => model.name)).toEqual([
      ...smallPack().models.map((model) => model.name),
      'mine',
      'mine-normalization',
    ]);
    expect(manifest).toMatchObject({ name: 'small', description: 'A pack for tests' });
    const pack = await open(folder);
    expect(await pack.readNetwork(pack.model('mine'))).toEqual(smallNetwork(120, 62, 20));
    expect(await pack.readNetwork(pack.model('boxes'))).toEqual(smallNetwork(32, 4, 9));
    expect(await readdir(dirname(folder))).toEqual(['pack']);
  });

  test('replaces models of the same name, whatever its case', async () => {
    const folder = temporary('replace/pack');
    await writePack(folder, smallPack());
    const again = { name: 'x', description: 'x', models: smallRegressor('Tiny', 30) };
    const { replaced } = await writePack(folder, again);
    expect(replaced).toEqual(['tiny', 'tiny-normalization']);
    const pack = await open(folder);
    expect(await pack.readNetwork(pack.model('Tiny'))).toEqual(smallNetwork(120, 62, 30));
    expect(pack.modelsOf('regressor')).toHaveLength(1);
    expect(pack.manifest.models.map((model) => model.name)).toEqual([
      'boxes',
      'Tiny',
      'Tiny-normalization',
      'shape',
      'maps',
    ]);
  });

  test('keeps what else lies in the folder', async () => {
    const folder = temporary('others/pack');
    await writePack(folder, smallPack());
    await mkdir(temporary('others/pack/tiny/notes'));
    await writeFile(temporary('others/pack/README.md'), 'a model card');
    await writeFile(temporary('others/pack/tiny/notes/log.txt'), 'a log');
    await writePack(folder, { name: 'x', description: 'x', models: smallRegressor('tiny', 30) });
    expect(await readFile(temporary('others/pack/README.md'), 'utf8')).toBe('a model card');
    expect(await readFile(temporary('others/pack/tiny/notes/log.txt'), 'utf8')).toBe('a log');
    await open(folder);
  });

  test('writes through a link to a folder', async () => {
    await mkdir(temporary('link/real'), { recursive: true });
    await symlink(temporary('link/real'), temporary('link/pack'));
    await writePack(temporary('link/pack'), smallPack());
    await open(temporary('link/real'));
    expect((await readdir(temporary('link'))).sort()).toEqual(['pack', 'real']);
  });

  test('leaves a folder alone that is something else', async () => {
    await mkdir(temporary('else'), { recursive: true });
    await writeFile(temporary('else/diary.txt'), 'dear');
    await expect(writePack(temporary('else'), smallPack())).rejects.toThrow(
      new TddfaError(`cannot write ${temporary('else')}: the folder is neither empty nor a pack`),
    );
    await expect(writePack(temporary('else/diary.txt'), smallPack())).rejects.toThrow('it is not a folder');
    expect(await readdir(temporary('else'))).toEqual(['diary.txt']);
    expect(await readFile(temporary('else/diary.txt'), 'utf8')).toBe('dear');
  });

  test('leaves nothing where a part of the path is a file', async () => {
    await mkdir(temporary('blocked'));
    await writeFile(temporary('blocked/file'), 'x');
    await expect(writePack(temporary('blocked/file/deep/pack'), smallPack())).rejects.toThrow(TddfaError);
    await expect(writePack('/proc/tddfa/pack', smallPack())).rejects.toThrow(/^cannot write \/proc\/tddfa\/pack: /);
    expect(await readdir(temporary('blocked'))).toEqual(['file']);
  });

  test('leaves nothing when it is stopped', async () => {
    await mkdir(temporary('stopped'));
    const folder = temporary('stopped/new/pack');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(writePack(folder, smallPack(), { signal })).rejects.toThrow('enough');
    // Once more between two files.
    const controller = new AbortController();
    const writing = writePack(folder, smallPack(), { signal: countdown(controller, 12) });
    await expect(writing).rejects.toThrow('enough');
    expect(await readdir(temporary('stopped'))).toEqual([]);
  });

  test('leaves an existing pack as it was when it is stopped or a value does not fit', async () => {
    const folder = temporary('kept/pack');
    await writePack(folder, smallPack());
    const before = await readFile(temporary('kept/pack/pack.json'));
    const more = { name: 'x', description: 'x', models: smallRegressor('mine') };
    const writing = writePack(folder, more, { signal: countdown(new AbortController(), 8) });
    await expect(writing).rejects.toThrow('enough');
    const huge = new Map([['mean', { shape: [1], data: Float32Array.of(1e6) }]]);
    const { licence, source } = more.models[0];
    const models = [{ name: 'huge', role: 'normalization', licence, source, tensors: huge, float16Tensors: ['mean'] }];
    await expect(
      writePack(folder, { ...more, models: models as typeof more.models }, { storage: 'float16' }),
    ).rejects.toThrow(RangeError);
    expect(await readFile(temporary('kept/pack/pack.json'))).toEqual(before);
    expect(await readdir(temporary('kept'))).toEqual(['pack']);
    await open(folder);
  });

  test('does not carry damaged models along', async () => {
    const folder = temporary('damaged/pack');
    await writePack(folder, smallPack());
    const file = temporary('damaged/pack/boxes/weights.bin');
    const bytes = await readFile(file);
    bytes[5] = bytes[5] ^ 1;
    await writeFile(file, bytes);
    const more = { name: 'x', description: 'x', models: smallRegressor('mine') };
    await expect(writePack(folder, more)).rejects.toThrow(WeightFormatError);
    // Writing the damaged one anew mends the pack.
    await writePack(folder, smallPack());
    await open(folder);
    await writeFile(temporary('damaged/pack/pack.json'), '{');
    await expect(writePack(folder, more)).rejects.toThrow('is not JSON; remove that folder first');
  });

  test('does not write what cannot be read', async () => {
    const [regressor] = smallRegressor('lonely');
    if (regressor === undefined) throw new Error('no regressor');
    const pack = { name: 'x', description: 'x', models: [regressor] };
    await expect(writePack(temporary('lonely'), pack)).rejects.toThrow(
      "there is no normalization 'lonely-normalization'",
    );
    await expect(writePack(temporary('lonely'), { ...pack, models: [{ ...regressor, name: '../x' }] })).rejects.toThrow(
      WeightFormatError,
    );
    expect(await readdir(temporary())).not.toContain('lonely');
  });
});

/** A signal that aborts when it has been asked so often. */
function countdown(controller: AbortController, checks: number): AbortSignal {
  let left = checks;
  const { signal } = controller;
  signal.throwIfAborted = () => {
    left--;
    if (left <= 0) throw new Error('enough');
  };
  return signal;
}
