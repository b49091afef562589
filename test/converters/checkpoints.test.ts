/** Checkpoints as torch writes them, made by `training/tddfa_training/checkpoint_fixtures.py`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { convertCheckpoint } from '../../converters/convert-checkpoint.ts';
import { meanAndStd } from '../../converters/mean-and-std.ts';
import { parseWeightFile, readCheckpoint, readWeightFile } from '../../converters/read-weight-file.ts';
import { BARE_ARRAY_NAME } from '../../converters/tensor.ts';
import { fixturePath } from '../../development/formula.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { WeightFormatError } from '../../src/errors.ts';
import { expectClose } from '../support/expect-close.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
const checkpoint = (name: string): string => fixturePath('checkpoints', name);
const MEAN_STD = checkpoint('same.npz');

// Of outputs up to 17.
const MAX_OUTPUT_ERROR = 1.5e-5;

const outputs: Record<'plain' | 'averaged', number[]> = JSON.parse(readFileSync(checkpoint('outputs.json'), 'utf8'));

/** What the fixtures' outputs were computed from. */
const picture = Float32Array.from({ length: 120 * 120 * 3 }, (_, i) => (((i * 7919) % 251) - 127.5) / 128);

describe('convertCheckpoint takes the weights of', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine('compiled');
  });
  afterAll(() => engine.dispose());

  const also = (taken: string, ...others: string[]): string =>
    `using the weights in ${taken}; there are also ${others.join(', ')}: select with --state NAME`;
  const dropped = (prefix: string): string => `dropped the prefix '${prefix}' from tensor names`;

  test.each<[string, keyof typeof outputs, string | undefined, string[]]>([
    ['plain', 'plain', undefined, []],
    ['compiled', 'plain', undefined, [dropped('_orig_mod.')]],
    ['parallel-twice', 'plain', undefined, [dropped('module.module.')]],
    ['parallel-compiled', 'plain', undefined, [dropped('module._orig_mod.')]],
    ['model', 'plain', undefined, [dropped('model.')]],
    ['net-backbone', 'plain', undefined, [dropped('net.backbone.')]],
    [
      'lightning',
      'plain',
      undefined,
      [
        "skipped, not weights: 'hyper_parameters' (argparse.Namespace)",
        dropped('net.'),
        'skipped, not part of this network: criterion.weight',
      ],
    ],
    [
      'settings-beside',
      'plain',
      undefined,
      [
        "skipped, not weights: 'args' (argparse.Namespace), 'config' (__main__.Settings), 'dtype' (torch.float16), 'device' (torch.device)",
      ],
    ],
    ['ema', 'plain', undefined, [also("'model'", "'ema' (averaged)")]],
    ['ema', 'averaged', 'ema', [also("'ema' (averaged)", "'model'")]],
    ['ema', 'plain', 'model', [also("'model'", "'ema' (averaged)")]],
    ['model-ema', 'plain', undefined, [also("'model'", "'model_ema' (averaged)")]],
    ['model-ema', 'averaged', 'model_ema', [also("'model_ema' (averaged)", "'model'")]],
    ['averaged', 'averaged', undefined, [dropped('module.'), 'the weights are running averages']],
    ['averaged-beside', 'plain', undefined, [also("'weights'", "'swa' (averaged)")]],
    [
      'averaged-beside',
      'averaged',
      'swa',
      [also("'swa' (averaged)", "'weights'"), dropped('module.'), 'the weights are running averages'],
    ],
    ['ema-inside', 'plain', undefined, [also("'model'", "'ema.module' (averaged)")]],
    ['ema-inside', 'averaged', 'ema', [also("'ema.module' (averaged)", "'model'")]],
  ])('%s: %s, asked for %s', async (name, taken, state, notices) => {
    const conversion = await convertCheckpoint(checkpoint(`${name}.pth.gz`), {
      name: 'mine',
      meanStdFile: MEAN_STD,
      state,
    });
    expect(conversion.notices).toEqual(notices);
    const [model] = conversion.pack.models;
    if (model === undefined || !('artifact' in model)) throw new Error('no network');
    const network = await engine.loadNetwork(model.artifact);
    const [output] = await network.run(picture, [1, 120, 120, 3]);
    network.dispose();
    expectClose(output?.data ?? [], outputs[taken], { maxAbs: MAX_OUTPUT_ERROR });
  });

  test('both networks are not the same', () => {
    expect(outputs.plain).not.toEqual(outputs.averaged);
  });

  test.each([
    ['ema', "there are no weights called 'other': choose from 'model', 'ema'"],
    ['ema-inside', "there are no weights called 'other': choose from 'model', 'ema.module'"],
    ['plain', "there are no weights called 'other': all belong to one network"],
  ])('%s, and says which there are', async (name, message) => {
    const file = checkpoint(`${name}.pth.gz`);
    const options = { name: 'mine', meanStdFile: MEAN_STD, state: 'other' };
    await expect(convertCheckpoint(file, options)).rejects.toThrow(`${file}: ${message}`);
  });
});

test('tensors of kinds that are not read are left out beside those that are', async () => {
  const { tensors, notices } = await readCheckpoint(checkpoint('kinds-beside.pth.gz'));
  expect([...tensors].map(([name, { data }]) => [name, [...data]])).toEqual([['weight', [1, 1, 1]]]);
  const [notice, ...others] = notices;
  expect(others).toEqual([]);
  expect(notice).toMatch(/^skipped, not weights: 'complex' .*'quantized' .*'eight_bits' .*'uint16' .*'sparse' /);
});

describe('what is no state dict', () => {
  const load = (file: string): string => `torch.load('${file}', map_location='cpu', weights_only=False)`;
  test.each<[string, string, (file: string) => string]>([
    [
      'whole-module.pth',
      "holds a pickled object of class '__main__.SmallNetwork', not a state dict: nothing was executed",
      (file) => `import torch; torch.save(${load(file)}.state_dict(), 'state_dict.pth')`,
    ],
    [
      'whole-module-beside.pth',
      "holds a pickled object of class '__main__.SmallNetwork' under 'model', not a state dict: nothing was executed",
      (file) => `import torch; torch.save(${load(file)}['model'].state_dict(), 'state_dict.pth')`,
    ],
    [
      'torchscript.pt',
      'is a TorchScript program, not a checkpoint',
      (file) =>
        `import torch; torch.save(torch.jit.load('${file}', map_location='cpu').state_dict(), 'state_dict.pth')`,
    ],
    [
      'network.onnx',
      'is an ONNX model, a traced graph without layer names: save the network that it was exported from',
      () => "import torch; torch.save(network.state_dict(), 'state_dict.pth')",
    ],
    [
      'network.keras',
      'is a Keras model, but networks are read from torch only',
      () =>
        "numpy.savez('arrays.npz', **{v.path: v.numpy() for v in keras.models.load_model('model.keras').variables})",
    ],
    ['network.h5', 'is an HDF5 file, as written by Keras, MATLAB 7.3 and h5py', () => "numpy.savez('arrays.npz', **a)"],
    [
      'kinds-alone.pth',
      "has tensors of an unsupported kind, 'torch._utils._rebuild_tensor_v3'",
      (file) => `import torch; torch.save({k: v.float() for k, v in ${load(file)}.items()}, 'state_dict.pth')`,
    ],
    [
      'pickled.pkl',
      "names the Python global 'torch._utils._rebuild_tensor_v2', as in torch tensors written with pickle.dump",
      () => "import pickle, torch; torch.save(pickle.load(open('weights.pkl', 'rb')), 'state_dict.pth')",
    ],
    [
      'program.pt2',
      'is an exported torch program, not a checkpoint',
      () => "import torch; torch.save(torch.export.load('program.pt2').state_dict, 'state_dict.pth')",
    ],
  ])('%s: what it is, and the line of Python that saves what is needed', async (name, what, line) => {
    const file = checkpoint(`${name}.gz`);
    const error = await readWeightFile(file).then(
      () => new Error('was read'),
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(WeightFormatError);
    expect(error.message.startsWith(`${file}: ${what}`)).toBe(true);
    expect(error.message.endsWith(`in Python: ${line(file)}`) || error.message.endsWith(line(file))).toBe(true);
    expect(error.message).not.toContain('\n');
  });
});

describe('mean and std', () => {
  const zeros = new Float32Array(62);
  const ones = new Float32Array(62).fill(1);
  const parse = (text: string) => meanAndStd(parseWeightFile(Buffer.from(text), 'm.json'), 'm.json');

  test.each(['row.mat', 'same.npz'])('are read lying and standing: %s', async (name) => {
    const file = checkpoint(name);
    expect(meanAndStd(await readWeightFile(file), file)).toEqual({ mean: zeros, std: ones });
  });

  test('are read as columns, under the names of the first version, and as JSON', () => {
    const column = { shape: [3, 1], data: Float64Array.of(1, 2, 3) };
    const expected = { mean: Float32Array.of(1, 2, 3), std: Float32Array.of(1, 2, 3) };
    expect(
      meanAndStd(
        new Map([
          ['param_mean', column],
          ['param_std', column],
        ]),
        'm.pkl',
      ),
    ).toEqual(expected);
    expect(parse('{"mean": [1, 2, 3], "std": [[1], [2], [3]], "note": "mine"}')).toEqual(expected);
  });

  test('are read from one array without a name', () => {
    const rows = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const columns = { shape: [3, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) };
    const expected = { mean: Float32Array.of(1, 2, 3), std: Float32Array.of(4, 5, 6) };
    expect(meanAndStd(new Map([[BARE_ARRAY_NAME, rows]]), 'm.npy')).toEqual(expected);
    expect(meanAndStd(new Map([[BARE_ARRAY_NAME, columns]]), 'm.npy')).toEqual(expected);
    expect(parse('[[1, 2, 3], [4, 5, 6]]')).toEqual(expected);
  });

  test.each([
    [
      '{"a": [1], "mean": [1]}',
      "has no array 'std' (expected arrays 'mean' and 'std' of a regressor's outputs, got 'a', 'mean')",
    ],
    ['{"mean": [1, 2], "std": [1]}', "'mean' and 'std' differ in length (expected 2 numbers in 'std', got 1)"],
    [
      '{"mean": [[1, 2], [3, 4]], "std": [1]}',
      "tensor 'mean': has the wrong shape (expected [n], [1, n] or [n, 1], got [2, 2])",
    ],
    ['[[1, 2, 3]]', "expected [2, n] or [n, 2], mean and std, or a file with arrays 'mean' and 'std', got [1, 3]"],
    ['{"mean": "no"}', 'contains no array of numbers'],
    ['{"mean": [1', 'is not JSON'],
  ])('of %s are refused, and what is wanted is named', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test('of a regressor may come from a JSON file', async () => {
    writeFileSync(temporary('m.json'), JSON.stringify({ mean: [...zeros], std: [...ones] }));
    const { pack } = await convertCheckpoint(checkpoint('plain.pth.gz'), {
      name: 'mine',
      meanStdFile: temporary('m.json'),
    });
    expect(pack.models.map(({ name }) => name)).toEqual(['mine', 'mine-normalization']);
  });
});
