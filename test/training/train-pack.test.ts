/** `npm run train:pack`, with networks by a formula put into a copy of the pack that comes with the package. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import { astronautCropInput, formulaRegressor } from '../../development/formula.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import type { LayersFile } from '../../src/engine/weights/layers-file.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { createFaceAligner } from '../../src/face-aligner.ts';
import { expectClose } from '../support/expect-close.ts';
import { runCli } from '../support/run-cli.ts';
import { formulaValues } from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { safetensorsFile } from '../support/write-safetensors.ts';

const OPEN_PACK = join(repositoryRoot, 'weights', 'open');
/** No model is in it: that of the pack stays. */
const at = useTemporaryFolder();

/** `.npy` of a vector of float32. */
function npyFile(values: Float32Array): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${values.length},), }`.padEnd(117);
  const prefix = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0);
  return Buffer.concat([prefix, Buffer.from(`${header}\n`), Buffer.from(values.buffer)]);
}

function writeNetwork(name: string, formula: string): string {
  const mean = npyFile(formulaValues(62, 1));
  const std = npyFile(formulaValues(62, 2).map((value) => 1.5 + value));
  writeFileSync(at(`${name}-mean-std.npz`), zipSync({ 'mean.npy': mean, 'std.npy': std }));
  writeFileSync(at(`${name}.pth`), safetensorsFile(formulaRegressor(formula).stateDict));
  return at(`${name}.pth`);
}

async function trainPack(...args: string[]): Promise<string> {
  const script = join(repositoryRoot, 'training', 'pack', 'main.ts');
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...args], {
    cwd: repositoryRoot,
    env: { ...process.env, TDDFA_TRAINING_CACHE: at('no-cache') },
  });
  return stderr;
}

function stored(pack: string, model: string): Map<string, string> {
  const { weightsManifest } = JSON.parse(readFileSync(join(pack, model, 'model.json'), 'utf8')) as LayersFile;
  return new Map(
    weightsManifest.flatMap(({ weights }) =>
      weights.map(({ name, quantization }) => [name, quantization?.dtype ?? 'float32']),
    ),
  );
}

const bytesOf = (pack: string, file: string): Buffer => readFileSync(join(pack, file));

describe('npm run train:pack', () => {
  let said: string;
  beforeAll(async () => {
    cpSync(OPEN_PACK, at('pack'), { recursive: true });
    said = await trainPack('--mb1', writeNetwork('wide', 'mobilenet_v1_x1.0'), '--out', at('pack'));
  });

  test('puts a network of full width beside the others as bytes, within 10 MB', async () => {
    expect(said).toMatch(/the pack keeps its current model\n.*open-mb05, .*open-mb1.*; \d\.\d\d MB\n$/);
    const pack = await openPack(fileWeights(at('pack')));
    await pack.verify();
    const files = pack.manifest.models.flatMap((model) => model.files);
    expect(files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(10e6);
    expect(statSync(join(at('pack'), 'open-mb1', 'weights.bin')).size).toBeLessThan(3.5e6);
    expect(pack.model('open-mb1')).toMatchObject({ widthMultiplier: 1, normalization: 'open-mb1-normalization' });
    expect(stored(at('pack'), 'open-mb1').get('dw6.conv_sep/kernel')).toBe('uint8');
    expect(stored(at('pack'), 'open-mb05').get('dw6.conv_sep/kernel')).toBe('uint8');
    expect(stored(at('pack'), 'open-faceboxes').values()).toContain('float16');
  });

  test('keeps the rest to the byte, the model card too', () => {
    for (const file of ['open-mb05/weights.bin', 'open-faceboxes/weights.bin', 'open-face/tensors.bin', 'README.md']) {
      expect([file, bytesOf(at('pack'), file).equals(bytesOf(OPEN_PACK, file))]).toEqual([file, true]);
    }
  });

  test('is what is read back: the network computes nearly what its checkpoint does', async () => {
    const weights = fileWeights(at('pack'));
    const [first, wide] = [
      await createFaceAligner({ weights }),
      await createFaceAligner({ weights, regressor: 'mb1' }),
    ];
    expect([first.regressor, wide.regressor]).toEqual(['open-mb05', 'open-mb1']);
    first.dispose();
    wide.dispose();
    const engine = await createEngine('compiled');
    const pack = await openPack(weights);
    const network = await engine.loadNetwork(await pack.readNetwork(pack.model('open-mb1')));
    const [output] = await network.run(astronautCropInput(), [1, 120, 120, 3]);
    const { output: expected } = formulaRegressor('mobilenet_v1_x1.0');
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Measured: 0.0071.
    expectClose(output?.data ?? [], expected, { maxAbs: 0.02 * largest });
    engine.dispose();
  });

  test('is found by its short name on the command line', async () => {
    const portrait = join(repositoryRoot, 'examples', 'astronaut.png');
    const args = ['align', portrait, '--weights', at('pack'), '--regressor', 'mb1', '--json', at('out.json')];
    expect(await runCli(args)).toMatchObject({ status: 0 });
    expect(existsSync(at('out.json'))).toBe(true);
  });

  test('replaces a network in its place, so that the default stays', async () => {
    await trainPack('--mb05', writeNetwork('narrow', 'mobilenet_v1_x0.5'), '--out', at('pack'));
    const pack = await openPack(fileWeights(at('pack')));
    expect(pack.modelsOf('regressor').map(({ name }) => name)).toEqual(['open-mb05', 'open-mb1']);
    expect(bytesOf(at('pack'), 'open-mb05/weights.bin').equals(bytesOf(OPEN_PACK, 'open-mb05/weights.bin'))).toBe(
      false,
    );
  });

  test('refuses a network of another kind', async () => {
    const before = bytesOf(at('pack'), 'pack.json');
    const narrow = writeNetwork('mistaken', 'mobilenet_v1_x0.5');
    await expect(trainPack('--mb1', narrow, '--out', at('pack'))).rejects.toThrow(
      'expected a MobileNet-V1 x1, not a MobileNet-V1 x0.5',
    );
    await expect(trainPack('--detector', narrow, '--out', at('pack'))).rejects.toThrow('mean and std');
    expect(bytesOf(at('pack'), 'pack.json')).toEqual(before);
  });
});
