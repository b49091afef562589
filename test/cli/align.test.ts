import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { readReference } from '../../development/reference.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { encodePng } from '../../src/image-files/write-image.ts';
import { smallJpeg } from '../image-files/jpeg-samples.ts';
import { expectClose } from '../support/expect-close.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { describeWithShared, repositoryRoot, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { tensorflowIsInstalled } from '../support/tensorflow.ts';

const at = useTemporaryFolder();
let pack = '';

/** A grey picture with one box to align in, so that no detector has to find anything. */
const BOX = { xMin: 8, yMin: 6, xMax: 30, yMax: 28, score: 0.9 };

function greyPng(width: number, height: number): Uint8Array {
  return encodePng({ width, height, data: new Uint8Array(width * height * 3).fill(120) });
}

beforeAll(async () => {
  pack = await formulaPack();
  writeFileSync(at('photo.png'), greyPng(40, 36));
  writeFileSync(at('boxes.json'), JSON.stringify([BOX]));
});

function align(...args: string[]): Promise<CliResult> {
  return runCli(['align', '--weights', pack, ...args]);
}

/** Exit 1, one line, and nothing new in the folder. */
async function expectFailure(args: string[], line: RegExp): Promise<void> {
  const out = at('must-stay-empty');
  const result = await align(...args, '--out', out, '--json', join(out, 'result.json'));
  expect(result).toMatchObject({ status: 1, stdout: '' });
  const lines = result.stderr.trimEnd().split('\n');
  expect(lines[0]).toMatch(line);
  expect(existsSync(out)).toBe(false);
}

describe('tddfa align', () => {
  test('writes a JSON document of its schema to stdout and nothing else', async () => {
    const result = await align(at('photo.png'), '--boxes', at('boxes.json'), '--json', '-');
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const document = JSON.parse(result.stdout);
    expect(document.images).toHaveLength(1);
    expect(document.images[0]).toMatchObject({ file: at('photo.png'), width: 40, height: 36 });
    expect(document.images[0].faces[0]).toMatchObject({ box: BOX });
    expect(document.images[0].faces[0].params).toHaveLength(62);
    expect(document.images[0].faces[0].landmarks).toHaveLength(68);
    const schema = JSON.parse(readFileSync(join(repositoryRoot, 'schemas/align.schema.json'), 'utf8'));
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema);
    expect(validate(document) || validate.errors).toBe(true);
  });

  test('reads the boxes of a document it wrote', async () => {
    const first = await align(at('photo.png'), '--boxes', at('boxes.json'), '--json', at('first.json'));
    expect(first.status).toBe(0);
    const again = await align(at('photo.png'), '--boxes', at('first.json'), '--json', '-');
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(readFileSync(at('first.json'), 'utf8')));
  });

  test('writes a picture of each kind, and a number behind names that are there twice', async () => {
    mkdirSync(at('other'));
    cpSync(at('photo.png'), at('other', 'photo.png'));
    const args = ['--boxes', at('boxes.json'), '--out', at('drawn'), '--draw', 'landmarks,pose,box'];
    const result = await align(at('photo.png'), at('other', 'photo.png'), ...args);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(at('drawn')).sort()).toEqual(
      ['photo-2', 'photo'].flatMap((name) => ['boxes', 'landmarks', 'pose'].map((kind) => `${name}.${kind}.png`)),
    );
  });

  test('takes the pictures of a folder in order, by number', async () => {
    mkdirSync(at('folder'));
    for (const name of ['b10.png', 'b9.png', 'notes.txt']) writeFileSync(at('folder', name), greyPng(20, 20));
    const args = ['--boxes', at('boxes.json'), '--json', '-'];
    const result = await align(at('folder'), ...args);
    const files = JSON.parse(result.stdout).images.map(({ file }: { file: string }) => file);
    expect(files).toEqual([at('folder', 'b9.png'), at('folder', 'b10.png')]);
  });

  test('reports a bad file, goes on with the others and says so in its status', async () => {
    writeFileSync(at('bad.jpg'), 'this is text');
    const result = await align(at('bad.jpg'), at('photo.png'), '--boxes', at('boxes.json'), '--json', '-');
    expect(result.status).toBe(1);
    expect(JSON.parse(result.stdout).images).toHaveLength(1);
    expect(result.stderr).toMatch(/^tddfa: .*bad\.jpg: .*\ntddfa: 1 input failed\n$/);
  });

  test('finds nothing in a picture of one pixel, which is no error', async () => {
    writeFileSync(at('pixel.png'), greyPng(1, 1));
    for (const strategy of ['full', 'coarse-to-fine']) {
      const flags = ['--min-score', '1', '--detector-strategy', strategy, '--json', '-'];
      const result = await align(at('pixel.png'), ...flags);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(JSON.parse(result.stdout).images[0]).toMatchObject({ width: 1, height: 1, faces: [] });
    }
  });

  test('says in words what it found where no JSON goes to stdout', async () => {
    const { status, stdout } = await align(at('photo.png'), '--boxes', at('boxes.json'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/photo\.png {2}40x36 {2}1 face\n {2}1 {2}score 0\.900 {2}yaw .*box 8, 6, 30, 28\n$/);
  });

  test('works on every backend that tfjs has without a graphics card', async () => {
    const results = [];
    for (const backend of ['wasm', 'cpu']) {
      const args = ['--boxes', at('boxes.json'), '--json', '-', '--backend', backend];
      results.push(JSON.parse((await align(at('photo.png'), ...args)).stdout).images[0].faces[0].landmarks.flat());
    }
    expectClose(results[1], results[0], { maxAbs: 1e-3 });
  });
});

describe('tddfa align on bad input', () => {
  test('a file that is not there', () => expectFailure([at('nowhere.jpg')], /nowhere\.jpg: no such file$/));

  test('a folder without pictures', async () => {
    mkdirSync(at('empty'));
    await expectFailure([at('empty')], /empty: there are no pictures in this folder$/);
  });

  test('an empty file', async () => {
    writeFileSync(at('empty.jpg'), '');
    await expectFailure([at('empty.jpg')], /empty\.jpg: the file is empty$/);
  });

  test('a truncated JPEG and a truncated PNG', async () => {
    writeFileSync(at('cut.jpg'), smallJpeg().subarray(0, 500));
    await expectFailure([at('cut.jpg')], /cut\.jpg: .*truncated$/);
    writeFileSync(at('cut.png'), greyPng(40, 36).subarray(0, 90));
    await expectFailure([at('cut.png')], /cut\.png: /);
  });

  test('text that is called .jpg', async () => {
    writeFileSync(at('text.jpg'), 'hello');
    await expectFailure([at('text.jpg')], /text\.jpg: this is not a picture/);
  });

  test.each([
    [0, 0],
    [20_000, 20_000],
  ])('a picture of %i x %i pixels', async (width, height) => {
    const png = Buffer.from(greyPng(2, 2));
    png.writeUInt32BE(width, 16);
    png.writeUInt32BE(height, 20);
    writeFileSync(at('size.png'), png);
    await expectFailure([at('size.png')], new RegExp(`size\\.png: .*${width}x${height}`));
  });

  test.each([
    ['NaN', '[{"xMin": NaN}]', /bad-boxes\.json: this is not JSON$/],
    ['null', '[{"xMin": null, "yMin": 0, "xMax": 5, "yMax": 5}]', /bad-boxes\.json: expected a list/],
    ['inverted', '[{"xMin": 9, "yMin": 0, "xMax": 5, "yMax": 5}]', /photo\.png: boxes\[0\]: expected finite corners/],
    ['outside', '[{"xMin": 90, "yMin": 0, "xMax": 95, "yMax": 5}]', /photo\.png: boxes\[0\]: .*overlaps/],
    ['too small', '[{"xMin": 1, "yMin": 1, "xMax": 1.2, "yMax": 1.2}]', /photo\.png: /],
  ])('boxes that are %s', async (_, json, line) => {
    writeFileSync(at('bad-boxes.json'), json);
    await expectFailure([at('photo.png'), '--boxes', at('bad-boxes.json')], line);
  });

  test('a file of boxes that is not there', () =>
    expectFailure([at('photo.png'), '--boxes', at('no.json')], /no\.json: no such file/));

  test('a pack with one flipped byte', async () => {
    cpSync(pack, at('flipped'), { recursive: true });
    const [shard] = readdirSync(at('flipped', 'mb025')).filter((name) => name.endsWith('.bin'));
    const path = at('flipped', 'mb025', shard);
    const bytes = readFileSync(path);
    bytes[1000] = bytes[1000] ^ 1;
    writeFileSync(path, bytes);
    await expectFailure([at('photo.png'), '--weights', at('flipped')], /mb025\/.*\.bin: .*(sha|SHA)/);
  });

  test('a pack that is not there, and a regressor that is not in it', async () => {
    await expectFailure([at('photo.png'), '--weights', at('no-pack')], /there is no pack in/);
    await expectFailure([at('photo.png'), '--regressor', 'mb9'], /no regressor 'mb9', only mb025$/);
  });

  test('an output folder that cannot be written', async () => {
    writeFileSync(at('a-file'), 'keep');
    const args = [at('photo.png'), '--boxes', at('boxes.json'), '--out', at('a-file', 'folder')];
    const result = await align(...args);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^tddfa: cannot write .*a-file\/folder\/photo\.landmarks\.png: .*\n/);
    expect(readFileSync(at('a-file'), 'utf8')).toBe('keep');
  });

  test.each([
    [['--backend', 'abacus'], /abacus/],
    [['--draw', 'portrait'], /--draw: there is no 'portrait'/],
    [['--min-score', '7'], /--min-score .*expected 0\.\.1, got '7'/],
    [[], /missing required argument/],
  ])('%j is bad usage', async (flags, line) => {
    const result = await align(...(flags.length > 0 ? [at('photo.png')] : []), ...flags);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toMatch(line);
    expect(result.stderr.trimEnd()).not.toContain('\n');
  });

  const testWithoutTensorflow = tensorflowIsInstalled ? test.skip : test;
  testWithoutTensorflow('a backend that is not installed names those that are', async () => {
    const result = await align(at('photo.png'), '--backend', 'tensorflow');
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^tddfa: backend 'tensorflow' is not available: .*npm install.*wasm.*\n$/);
  });

  test('Ctrl-C ends it', async () => {
    const args = ['align', '--weights', pack, at('photo.png')];
    const result = await runCli(args, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ status: 130, stderr: 'tddfa: interrupted\n' });
  });
});

describe('names with control characters', () => {
  const NAME = 'a\u001b[2Jb\nc';

  beforeAll(() => {
    writeFileSync(at(`${NAME}.png`), greyPng(40, 36));
    cpSync(pack, at(NAME), { recursive: true });
  });

  test.each<[string, () => Promise<CliResult>]>([
    [
      'align',
      () => align(at(`${NAME}.png`), '--boxes', at('boxes.json'), '--draw', 'pose', '--out', at(`${NAME}.out`)),
    ],
    ['align that fails', () => align(at(`${NAME}.jpg`))],
    ['weights list', () => runCli(['weights', 'list'], { env: { TDDFA_WEIGHTS: at(NAME), TDDFA_CACHE: at('cache') } })],
    ['weights verify', () => runCli(['weights', 'verify', at(NAME)])],
    [
      'convert',
      () => {
        const checkpoint = join(repositoryRoot, 'test/fixtures/checkpoints/plain.pth.gz');
        const meanStd = join(repositoryRoot, 'test/fixtures/checkpoints/same.npz');
        return runCli(['convert', checkpoint, '--mean-std', meanStd, '--no-base', '--out', at(`${NAME}.pack`)]);
      },
    ],
  ])('neither command the terminal nor break the line: %s', async (_, run) => {
    const { stdout, stderr } = await run();
    expect(stdout + stderr).toContain('a\ufffd[2Jb c');
    const lines = (stdout + stderr).split('\n');
    expect(lines.filter((line) => /\p{Cc}/u.test(line) || line.endsWith('Jb'))).toEqual([]);
  });
});

describe('tddfa info', () => {
  test('says what is here', async () => {
    const { status, stdout } = await runCli(['info', '--json'], {
      env: { TDDFA_WEIGHTS: pack, TDDFA_CACHE: at('cache') },
    });
    expect(status).toBe(0);
    const info = JSON.parse(stdout);
    expect(info.backends).toEqual(['compiled', 'wasm', 'cpu', ...(tensorflowIsInstalled ? ['tensorflow'] : [])]);
    expect(info.packs[0]).toMatchObject({ location: pack, foundBy: 'TDDFA_WEIGHTS' });
    const inWords = await runCli(['info'], { env: { TDDFA_WEIGHTS: pack, TDDFA_CACHE: at('cache') } });
    expect(inWords.stdout).toContain(pack);
    expect(inWords.stdout).toMatch(/^backends {2}compiled {4}works \(default\)$/m);
    expect(inWords.stdout).toMatch(/^ {10}wasm {8}works$/m);
  });

  test('names the command that makes a backend work that does not', async () => {
    const { stdout } = await runCli(['info', '--json'], { env: { TDDFA_WEIGHTS: pack, TDDFA_CACHE: at('cache') } });
    const { otherBackends } = JSON.parse(stdout);
    const page = (name: string) => ({
      backend: name,
      reason: 'it runs only in browsers, and the page needs its packages',
      command: `npm install @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-layers@4.22.0 @tensorflow/tfjs-backend-${name}@4.22.0`,
    });
    const missing = {
      backend: 'tensorflow',
      reason: 'its packages are not installed',
      command:
        process.platform === 'linux' && process.arch === 'x64'
          ? 'npm run backend:tensorflow'
          : 'npm install @tensorflow/tfjs-node@4.22.0',
    };
    expect(otherBackends).toEqual([...(tensorflowIsInstalled ? [] : [missing]), page('webgl'), page('webgpu')]);
  });
});

describeWithShared('tddfa align with the original weights', () => {
  test('gives what the original gives for a photograph', async () => {
    const photo = sharedPath('photos', 'trump_hillary.jpg');
    const result = await runCli(['align', photo, '--weights', await upstreamPack(), '--json', '-']);
    expect(result.stderr).toBe('');
    const { faces } = JSON.parse(result.stdout).images[0];
    const reference = readReference('trump_hillary');
    expect(faces).toHaveLength(reference.faces.length);
    for (const [index, { landmarks, pose }] of reference.faces.entries()) {
      for (let axis = 0; axis < 3; axis++) {
        const ours = faces[index].landmarks.map((point: number[]) => point[axis]);
        expectClose(ours, landmarks[axis], { maxAbs: 0.1 });
      }
      expectClose(Object.values(faces[index].pose), [pose.yaw, pose.pitch, pose.roll], { maxAbs: 0.02 });
    }
  });
});
