import { describe, expect, test } from '@jest/globals';
import { convertCheckpoint } from '../../converters/convert-checkpoint.ts';
import { writePack } from '../../converters/write-pack.ts';
import { fixturePath } from '../../development/formula.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { createFaceAligner } from '../../src/node.ts';
import { openWeights } from '../../src/package-files.ts';
import { smallPack } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const checkpoint = (name: string): string => fixturePath('checkpoints', name);
const file = checkpoint('plain.pth.gz');
const meanStdFile = checkpoint('row.mat');

describe('a pack of a checkpoint', () => {
  test('has from the base what the checkpoint lacks, and works alone', async () => {
    const base = { pack: await openPack(openWeights()), isNamed: false };
    const { pack, notices } = await convertCheckpoint(file, { name: 'mine', meanStdFile, base });
    expect(notices).toEqual([
      `taken from ${base.pack.describe()} to complete the pack: detector 'open-faceboxes', morphable-model 'open-face', face-maps 'open-face-maps'`,
    ]);
    const folder = temporary('alone');
    const { manifest } = await writePack(folder, pack);
    expect(manifest.models.map(({ name }) => name)).toEqual([
      'mine',
      'mine-normalization',
      'open-faceboxes',
      'open-face',
      'open-face-maps',
    ]);
    await (await openPack(fileWeights(folder))).verify();
    const aligner = await createFaceAligner({ weights: fileWeights(folder) });
    const image = { data: new Uint8Array(200 * 200 * 4).fill(128), width: 200, height: 200 };
    expect(aligner.regressor).toBe('mine');
    expect(await aligner.detect(image)).toEqual([]);
    const [face] = await aligner.align(image, [{ xMin: 50, yMin: 50, xMax: 150, yMax: 150 }]);
    if (face === undefined) throw new Error('no face');
    expect(aligner.reconstruct(face)).toHaveLength(68 * 3);
    aligner.dispose();
  });

  test('takes nothing where the pack that it joins has all', async () => {
    const folder = temporary('whole');
    const base = { pack: await openPack(openWeights()), isNamed: false };
    const first = await convertCheckpoint(file, { name: 'first', meanStdFile, base });
    const { manifest } = await writePack(folder, first.pack);
    const second = await convertCheckpoint(file, { name: 'second', meanStdFile, base, existing: manifest });
    expect(second.notices).toEqual([]);
    expect(second.pack.copies).toEqual([]);
  });

  test('takes mean and std of a base that has just one pair', async () => {
    const folder = temporary('base');
    await writePack(folder, smallPack());
    const base = { pack: await openPack(fileWeights(folder)), isNamed: true };
    const { pack, notices } = await convertCheckpoint(file, { name: 'mine', base });
    expect(notices[0]).toBe(`using mean and std of the outputs from 'tiny-normalization' in ${base.pack.describe()}`);
    const { manifest } = await writePack(temporary('of-base'), pack);
    expect(manifest.models.find(({ name }) => name === 'mine')?.normalization).toBe('tiny-normalization');
    // The open pack has two: which is meant cannot be known.
    const open = { pack: await openPack(openWeights()), isNamed: false };
    await expect(convertCheckpoint(file, { name: 'mine', base: open })).rejects.toThrow('--mean-std');
  });
});
