import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { fixturePath, formulaRegressor } from '../../development/formula.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import type { LayersFile } from '../../src/engine/weights/layers-file.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { formulaUpstreamFiles, writeUpstreamFiles } from '../support/formula-upstream.ts';
import { runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { safetensorsFile } from '../support/write-safetensors.ts';

const temporary = useTemporaryFolder();

beforeAll(async () => {
  const files = formulaUpstreamFiles();
  await writeUpstreamFiles(temporary('upstream'), files);
  // The detector takes the longest by far.
  files.delete('FaceBoxes/weights/FaceBoxesProd.pth');
  await writeUpstreamFiles(temporary('quick'), files);
  const { stateDict } = formulaRegressor('mobilenet_v1_x0.5');
  await writeFile(temporary('my.safetensors'), safetensorsFile(stateDict));
});

describe('tddfa convert', () => {
  test('makes a pack of a folder, then adds a checkpoint to it', async () => {
    const out = temporary('made/pack');
    const made = await runCli(['convert', temporary('upstream'), '--out', out]);
    expect(made.status).toBe(0);
    expect(made.stdout.split('\n')[0]).toBe(out);
    expect(made.stdout).toMatch(/^ {2}mb025 +regressor +mobilenet-v1 x0.25 62 outputs +.* MB +MIT$/m);
    // Whoever converts the morphable model is told whose it is.
    expect(made.stderr).toMatch(/^note: bfm, face-maps: The Basel Face Model is for academic research only/);

    const added = await runCli(['convert', temporary('my.safetensors'), '--out', out, '--name', 'mine']);
    expect(added).toEqual({
      status: 0,
      stdout: expect.stringMatching(/\n {2}mine {2}regressor .* not stated\n$/),
      stderr: "note: using mean and std of the outputs from 'param-mean-std-62d' in the pack\n",
    });
    const again = await runCli(['convert', temporary('my.safetensors'), '--out', out, '--name', 'mine']);
    expect(again.stderr).toMatch('note: replaced: mine\n');
    const pack = await openPack(fileWeights(out));
    await pack.verify();
    expect(pack.modelsOf('regressor').map((model) => model.name)).toEqual(['mb025', 'mine']);
  });

  test('makes of a checkpoint alone a pack that works alone, and says so', async () => {
    const out = temporary('alone/pack');
    const file = fixturePath('checkpoints', 'ema.pth.gz');
    const arguments_ = ['convert', file, '--mean-std', fixturePath('checkpoints', 'row.mat'), '--out'];
    const { status, stdout, stderr } = await runCli([...arguments_, out, '--state', 'ema']);
    expect(status).toBe(0);
    expect(stdout.split('\n').map((line) => line.trim().split(/ +/)[0])).toEqual([
      out,
      'ema',
      'ema-normalization',
      'open-faceboxes',
      'open-face',
      'open-face-maps',
      '',
    ]);
    expect(stderr).toContain(
      "note: using the weights in 'ema' (averaged); there are also 'model': select with --state NAME\n",
    );
    expect(stderr).toMatch(/note: taken from .*open to complete the pack: detector 'open-faceboxes', /);
    await (await openPack(fileWeights(out))).verify();

    const alone = await runCli([...arguments_, temporary('alone/bare'), '--no-base']);
    expect(alone.status).toBe(0);
    expect(alone.stdout).not.toContain('open-face');
    const nowhere = await runCli([...arguments_, temporary('alone/nowhere'), '--base', temporary('none')]);
    expect(nowhere).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^tddfa: --base: there is no pack in /),
    });
  });

  test('halves networks and bases with --storage float16', async () => {
    const out = temporary('half/pack');
    expect((await runCli(['convert', temporary('quick'), '--out', out, '--storage', 'float16'])).status).toBe(0);
    const half = await openPack(fileWeights(out));
    await half.verify();
    const bytes = (name: string) => half.model(name).files.find(({ path }) => path.endsWith('.bin'))?.bytes;
    const network = await half.readNetwork(half.model('mb025'));
    expect(bytes('mb025')).toBe(network.weightData.byteLength / 2);
    expect(bytes('bfm')).toBeLessThan((210 + 210 * 50 + 204) * 4);
  });

  test('stores large kernels as bytes with --storage uint8, and the rest in half precision', async () => {
    const out = temporary('bytes/pack');
    expect((await runCli(['convert', temporary('quick'), '--out', out, '--storage', 'uint8'])).status).toBe(0);
    const pack = await openPack(fileWeights(out));
    await pack.verify();
    const { weightSpecs } = await pack.readNetwork(pack.model('mb025'));
    const { weightsManifest } = JSON.parse(await readFile(join(out, 'mb025', 'model.json'), 'utf8')) as LayersFile;
    const stored = new Map(weightsManifest[0]?.weights.map(({ name, quantization }) => [name, quantization?.dtype]));
    expect(stored.get('dw4_1.conv_sep/kernel')).toBe('uint8');
    expect(stored.get('dw2_1.conv_sep/kernel')).toBe('float16');
    expect(stored.get('dw4_1.conv_dw/depthwise_kernel')).toBe('float16');
    expect(stored.get('fc/kernel')).toBe('float16');
    const sizes = weightSpecs.map(({ name, shape }) => {
      return shape.reduce((product, extent) => product * extent, 1) * (stored.get(name) === 'uint8' ? 1 : 2);
    });
    const bytes = pack.model('mb025').files.find(({ path }) => path.endsWith('.bin'))?.bytes;
    expect(bytes).toBe(sizes.reduce((total, size) => total + size, 0));
  });

  test.each([
    [['convert', 'x'], "required option '-o, --out <folder>' not specified"],
    [['convert', '--out', 'x'], "missing required argument 'source'"],
    [['convert', 'SOURCE', '--out', 'x', '--name', 'mine'], '--name is for checkpoints only'],
    [['convert', 'SOURCE', '--out', 'x', '--mean-std', 'y'], '--mean-std is for checkpoints only'],
    [['convert', 'SOURCE', '--out', 'x', '--state', 'ema'], '--state is for checkpoints only'],
    [['convert', 'SOURCE', '--out', 'x', '--base', 'y'], '--base is for checkpoints only'],
    [['convert', 'FILE', '--out', 'x', '--name', 'mine', '--shape-count', '5'], '--shape-count is for folders only'],
    [['convert', 'FILE', '--out', 'x', '--name', '../mine'], "option '--name <name>' argument '../mine' is invalid"],
    [['convert', 'SOURCE', '--out', 'x', '--storage', 'int4'], 'Allowed choices are float32, float16, uint8.'],
    [['convert', 'SOURCE', '--out', 'x', '--shape-count', '1.5'], "argument '1.5' is invalid"],
  ])('answers %j with status 2', async (args, message) => {
    const places: Record<string, string> = { SOURCE: temporary('upstream'), FILE: temporary('my.safetensors') };
    const { status, stdout, stderr } = await runCli(args.map((arg) => places[arg] ?? arg));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^tddfa: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  test('answers bad input with one line and status 1, and writes nothing', async () => {
    await mkdir(temporary('bad/empty'), { recursive: true });
    await writeFile(temporary('bad/text.pth'), 'hello');
    // A pickle of `os.system('true')`.
    await writeFile(temporary('bad/system.pth'), "cos\nsystem\n(S'true'\ntR.");
    await writeFile(temporary('bad/file'), 'x');
    const before = await readdir(temporary('bad'));
    for (const [source, out, message] of [
      ['bad/nowhere', 'bad/pack', 'nowhere: no such file or folder'],
      ['bad/empty', 'bad/pack', 'no 3DDFA_V2 files found'],
      ['bad/text.pth', 'bad/pack', 'is not a weight file of a known format'],
      ['bad/system.pth', 'bad/pack', 'system.pth'],
      ['my.safetensors', 'bad/pack', 'is a regressor: pass the mean and std'],
      ['upstream', 'bad/file', 'file: it is not a folder'],
      ['upstream', 'bad/file/pack', 'a part of the path is a file, not a folder'],
    ] as const) {
      const name = /\.(pth|safetensors)$/.test(source) ? ['--name', 'mine'] : [];
      const result = await runCli(['convert', temporary(source), '--out', temporary(out), ...name]);
      expect(result).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(/^tddfa: [^\n]+\n$/) });
      expect(result.stderr).toContain(message);
    }
    expect(await readdir(temporary('bad'))).toEqual(before);
  });

  test('ends with status 130 when it is interrupted, and writes nothing', async () => {
    const signal = AbortSignal.abort();
    const { status, stderr } = await runCli(['convert', temporary('upstream'), '--out', temporary('never')], {
      signal,
    });
    expect({ status, stderr }).toEqual({ status: 130, stderr: 'tddfa: interrupted\n' });
    expect(await readdir(temporary())).not.toContain('never');
  });

  test('shows a bar on a terminal and clears it', async () => {
    const args = ['convert', temporary('quick'), '--out', temporary('bar')];
    const { status, stdout, stderr } = await runCli(args, { isTTY: true, env: { NO_COLOR: '1' } });
    expect(status).toBe(0);
    expect(stderr).toContain('configs/');
    expect(stdout).not.toContain('\u001b');
  });
});
