import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { convertCheckpoint } from '../../converters/convert-checkpoint.ts';
import type { NamedTensor } from '../../converters/tensor.ts';
import { type NewTensors, writePack } from '../../converters/write-pack.ts';
import { formulaFaceboxes, formulaRegressor } from '../../development/formula.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { TddfaError, WeightFormatError, WeightLoadError } from '../../src/errors.ts';
import { loadFacePack } from '../../src/models/face-pack.ts';
import { formulaValues, smallPack } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { safetensorsFile } from '../support/write-safetensors.ts';

const temporary = useTemporaryFolder();

beforeAll(async () => {
  await writeFile(
    temporary('regressor.safetensors'),
    safetensorsFile(formulaRegressor('mobilenet_v1_x0.25').stateDict),
  );
  await writeFile(temporary('wide.safetensors'), safetensorsFile(withOutputs(72)));
  await writeFile(temporary('detector.safetensors'), safetensorsFile(formulaFaceboxes().stateDict));
  await writeFile(temporary('mean-std-62'), safetensorsFile(meanStd(62)));
  await writeFile(temporary('mean-std-72'), safetensorsFile(meanStd(72)));
});

describe('convertCheckpoint', () => {
  test('makes a regressor with its own normalization', async () => {
    const { pack, notices } = await convertCheckpoint(temporary('wide.safetensors'), {
      name: 'mine',
      meanStdFile: temporary('mean-std-72'),
      licence: { name: 'CC-BY-4.0' },
      source: 'trained by me',
    });
    expect(notices).toEqual([]);
    expect(pack.models.map(({ name, role, licence }) => [name, role, licence.name])).toEqual([
      ['mine', 'regressor', 'CC-BY-4.0'],
      ['mine-normalization', 'normalization', 'CC-BY-4.0'],
    ]);
    expect(pack.models[0]).toMatchObject({
      architecture: 'mobilenet-v1',
      widthMultiplier: 0.25,
      outputCount: 72,
      shapeCount: 40,
      expressionCount: 20,
      source: { description: 'trained by me' },
    });
    expect((pack.models[1] as NewTensors).tensors.get('mean')?.data).toEqual(formulaValues(72, 1));
  });

  test('shares the normalization of the pack that it joins', async () => {
    const folder = temporary('pack');
    const { manifest } = await writePack(folder, smallPack());
    const { pack, notices } = await convertCheckpoint(temporary('regressor.safetensors'), {
      name: 'mine',
      existing: manifest,
    });
    expect(notices).toEqual(["using mean and std of the outputs from 'tiny-normalization' in the pack"]);
    await writePack(folder, pack);
    const opened = await openPack(fileWeights(folder));
    await opened.verify();
    const { regressor } = await loadFacePack(opened, { regressor: 'mine' });
    expect(regressor.mean).toEqual(formulaValues(62, 3));
  });

  test('makes a detector, which needs no normalization', async () => {
    const { pack, notices } = await convertCheckpoint(temporary('detector.safetensors'), {
      name: 'boxes',
      meanStdFile: temporary('mean-std-62'),
    });
    expect(pack.models.map(({ name, role }) => [name, role])).toEqual([['boxes', 'detector']]);
    expect(notices).toEqual([`${temporary('mean-std-62')} ignored: a detector needs no mean and std`]);
  });

  test('says where the morphable model of the pack has too few columns', async () => {
    const { manifest } = await writePack(temporary('narrow'), smallPack());
    const { notices } = await convertCheckpoint(temporary('wide.safetensors'), {
      name: 'mine',
      meanStdFile: temporary('mean-std-72'),
      existing: manifest,
    });
    expect(notices).toEqual([
      "'mine' needs a morphable model with 40 + 20 columns, but 'shape' has 41 + 10: convert it again with more",
    ]);
  });

  test('asks for mean and std, and of the right length', async () => {
    const file = temporary('regressor.safetensors');
    await expect(convertCheckpoint(file, { name: 'mine' })).rejects.toThrow(
      new TddfaError(`${file} is a regressor: pass the mean and std of its 62 outputs with --mean-std`),
    );
    await expect(convertCheckpoint(file, { name: 'mine', meanStdFile: temporary('mean-std-72') })).rejects.toThrow(
      `${temporary('mean-std-72')} has mean and std of 72 numbers, but ${file} has 62 outputs`,
    );
  });

  test('refuses what is no weight file', async () => {
    await writeFile(temporary('text.pth'), 'hello');
    await expect(convertCheckpoint(temporary('text.pth'), { name: 'mine' })).rejects.toThrow(WeightFormatError);
    await expect(convertCheckpoint(temporary('none.pth'), { name: 'mine' })).rejects.toThrow(WeightLoadError);
    await expect(convertCheckpoint(temporary('mean-std-62'), { name: 'mine' })).rejects.toThrow('not recognised');
  });
});

function meanStd(count: number): Map<string, NamedTensor> {
  return new Map([
    ['mean', { shape: [count], data: formulaValues(count, 1) }],
    ['std', { shape: [count], data: formulaValues(count, 2).map((value) => 1.5 + value) }],
  ]);
}

/** The small regressor with another number of outputs. */
function withOutputs(count: number): Map<string, NamedTensor> {
  const stateDict = new Map(formulaRegressor('mobilenet_v1_x0.25').stateDict);
  const [weight, bias] = [...stateDict.keys()].slice(-2);
  const [, inputs = 0] = stateDict.get(weight ?? '')?.shape ?? [];
  stateDict.set(weight ?? '', { shape: [count, inputs], data: formulaValues(count * inputs, 1) });
  stateDict.set(bias ?? '', { shape: [count], data: formulaValues(count, 2) });
  return stateDict;
}
