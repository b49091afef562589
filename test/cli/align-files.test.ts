import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger, WebIO } from '@gltf-transform/core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decode } from 'fast-png';
import validator from 'gltf-validator';
import type { Group } from 'three';
import { MTLLoader } from 'three/examples/jsm/loaders/MTLLoader.js';
import { OBJLoader } from 'three/examples/jsm/loaders/OBJLoader.js';
import { readPng } from '../../development/read-png.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { encodePng } from '../../src/image-files/write-image.ts';
import { runCliWithFileLimit } from '../support/file-size-limit.ts';
import { formulaPack, formulaPackWithoutModel } from '../support/formula-pack.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
let pack = '';

const BOXES = [
  { xMin: 8, yMin: 6, xMax: 30, yMax: 28, score: 0.9 },
  { xMin: 34, yMin: 6, xMax: 56, yMax: 28, score: 0.8 },
];

beforeAll(async () => {
  pack = await formulaPack();
  writeFileSync(at('my photo.png'), encodePng({ width: 64, height: 36, data: new Uint8Array(64 * 36 * 3).fill(120) }));
  writeFileSync(at('boxes.json'), JSON.stringify(BOXES));
  writeFileSync(at('none.json'), '[]');
});

function align(out: string, ...args: string[]): Promise<CliResult> {
  return runCli([
    'align',
    at('my photo.png'),
    '--weights',
    pack,
    '--out',
    at(out),
    '--boxes',
    at('boxes.json'),
    ...args,
  ]);
}

describe('tddfa align --draw', () => {
  const kinds = ['landmarks', 'points', 'render', 'depth', 'pncc', 'uv-texture', 'frontal', 'pose', 'boxes'];

  test('writes every kind, by its own name or by the original one', async () => {
    const names = [
      '2d_sparse',
      '2d_dense',
      '3d',
      'depth',
      'pncc',
      'uv_tex',
      'frontal',
      'pose',
      'box',
      'depth-16',
      'depth-float',
    ];
    expect(await align('all', '--draw', names.join(','))).toMatchObject({ status: 0, stderr: '' });
    const expected = [...kinds.map((kind) => `${kind}.png`), 'depth-16.png', 'depth-float.f32'];
    expect(readdirSync(at('all')).sort()).toEqual(expected.map((name) => `my photo.${name}`).sort());
    expect(readPng(at('all', 'my photo.uv-texture.png'))).toMatchObject({ width: 512, height: 256 });
    expect(readPng(at('all', 'my photo.render.png'))).toMatchObject({ width: 64, height: 36 });
    expect(decode(readFileSync(at('all', 'my photo.depth-16.png')))).toMatchObject({
      depth: 16,
      channels: 1,
      width: 64,
    });
    expect(statSync(at('all', 'my photo.depth-float.f32')).size).toBe(64 * 36 * 4);
  });

  test('writes one sheet, on black and with a small texture where asked', async () => {
    const args = ['--draw', 'landmarks,render,uv-texture', '--sheet', '--background', 'black', '--texture-size', '32'];
    expect(await align('sheet', ...args)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(at('sheet'))).toEqual(['my photo.sheet.png']);
    const sheet = readPng(at('sheet', 'my photo.sheet.png'));
    // Three labelled pictures of 64 x 36, enlarged to 256 x 144, as near to a square as they come.
    expect([sheet.width, sheet.height]).toEqual([2 * 256 + 3, 2 * (144 + 22) + 3]);
    expect([...sheet.data.subarray(0, 3)]).toEqual([0, 0, 0]);
  });

  test('a sheet holds what there is to draw, and data files lie beside it', async () => {
    const args = ['--boxes', at('none.json'), '--draw', 'uv-texture,pose,depth-16,frontal,boxes', '--sheet'];
    expect(await align('bare-sheet', ...args)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(at('bare-sheet')).sort()).toEqual(['my photo.depth-16.png', 'my photo.sheet.png']);
    expect(readPng(at('bare-sheet', 'my photo.sheet.png')).height).toBe(2 * (144 + 22) + 3);
    expect(await align('only-skin', '--boxes', at('none.json'), '--draw', 'uv-texture', '--sheet')).toMatchObject({
      status: 0,
    });
    expect(existsSync(at('only-skin'))).toBe(false);
  });

  test('draws the photo where there is no face, and neither texture nor portrait', async () => {
    const args = ['--boxes', at('none.json'), '--draw', kinds.join(','), '--mesh', 'glb,obj,ply'];
    expect(await align('no-face', ...args)).toMatchObject({ status: 0, stderr: '' });
    const drawn = kinds
      .filter((kind) => kind !== 'uv-texture' && kind !== 'frontal')
      .map((kind) => `my photo.${kind}.png`);
    expect(readdirSync(at('no-face')).sort()).toEqual(drawn.sort());
  });
});

describe('tddfa align --mesh', () => {
  test('writes one file for all faces, textured, that readers accept', async () => {
    expect(await align('meshes', '--mesh', 'glb,obj,ply')).toMatchObject({ status: 0, stderr: '' });
    const names = ['my photo.glb', 'my photo.obj', 'my photo.ply'];
    const textures = ['my_photo.mtl', 'my_photo.texture-1.png', 'my_photo.texture-2.png'];
    expect(readdirSync(at('meshes')).sort()).toEqual([...names, ...textures].sort());
    const glb = new Uint8Array(readFileSync(at('meshes', 'my photo.glb')));
    expect((await validator.validateBytes(glb)).issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    const obj = readFileSync(at('meshes', 'my photo.obj'), 'utf8');
    expect(obj).toContain('mtllib my_photo.mtl\n');
    expect(readFileSync(at('meshes', 'my_photo.mtl'), 'utf8')).toContain('map_Kd my_photo.texture-2.png\n');
    expect(readPng(at('meshes', 'my_photo.texture-1.png'))).toMatchObject({ width: 256, height: 256 });
    expect(readFileSync(at('meshes', 'my photo.ply')).toString('latin1', 0, 200)).toContain('element vertex 140\n');
  });

  test('importers find materials and textures whatever the photo is called', async () => {
    const photos = ['日本', 'Zoë 𝄞', 'a b', 'a_b', 'A B', '-x', 'half #1 50%'];
    for (const name of photos) copyFileSync(at('my photo.png'), at(`${name}.png`));
    const args = ['--weights', pack, '--boxes', at('boxes.json'), '--mesh', 'obj', '--json', at('named.json')];
    const inputs = photos.map((name) => at(`${name}.png`));
    expect(await runCli(['align', ...inputs, ...args, '--out', at('named')])).toMatchObject({ status: 0, stderr: '' });
    const read = (name: string): string =>
      new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(at('named', name)));
    const written = readdirSync(at('named'));
    const objects = written.filter((name) => name.endsWith('.obj'));
    expect(objects).toContain('日本.obj');
    expect(objects).toHaveLength(photos.length);
    expect(written).toHaveLength(photos.length * 4);
    const found = objects.flatMap((name) => {
      const { materialLibraries } = new OBJLoader().parse(read(name)) as Group & { materialLibraries: string[] };
      return materialLibraries.flatMap((library) => {
        const { materialsInfo } = new MTLLoader().parse(read(library), '');
        return [library, ...Object.values(materialsInfo).map(({ map_kd }) => map_kd ?? '')];
      });
    });
    expect(found.sort()).toEqual(written.filter((name) => !name.endsWith('.obj')).sort());
    expect(found).toContain('日本.texture-2.png');
    const { images } = JSON.parse(readFileSync(at('named.json'), 'utf8')) as { images: { file: string }[] };
    expect(images.map(({ file }) => file)).toEqual(inputs);
  });

  test('writes a file for each face, coloured and without texture', async () => {
    const args = ['--mesh', 'glb,obj,ply', '--separate', '--no-texture', '--ply-format', 'ascii'];
    expect(await align('separate', ...args)).toMatchObject({ status: 0, stderr: '' });
    const expected = [1, 2].flatMap((face) => ['glb', 'obj', 'ply'].map((kind) => `my photo-face-${face}.${kind}`));
    expect(readdirSync(at('separate')).sort()).toEqual(expected.sort());
    expect(readFileSync(at('separate', 'my photo-face-2.obj'), 'utf8')).not.toContain('vt ');
    expect(readFileSync(at('separate', 'my photo-face-2.ply'), 'utf8')).toContain(
      'format ascii 1.0\nelement vertex 70\n',
    );
  });

  test('scales by the distance between the eyes', async () => {
    const width = async (folder: string): Promise<number> => {
      const reader = new WebIO().setLogger(new Logger(Logger.Verbosity.SILENT));
      const document = await reader.readBinary(new Uint8Array(readFileSync(at(folder, 'my photo-face-1.glb'))));
      const [primitive] = document.getRoot().listMeshes()[0]?.listPrimitives() ?? [];
      const position = primitive?.getAttribute('POSITION');
      return (position?.getMax([])[0] as number) - (position?.getMin([])[0] as number);
    };
    await align('wide', '--mesh', 'glb', '--separate', '--no-texture', '--interocular', '126');
    await align('usual', '--mesh', 'glb', '--separate', '--no-texture');
    expect((await width('wide')) / (await width('usual'))).toBeCloseTo(2, 4);
  });

  test("writes the original's files where asked", async () => {
    const args = ['--mesh', 'obj,ply', '--compatibility', 'upstream'];
    expect(await align('upstream', ...args)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(at('upstream')).sort()).toEqual(['my photo.obj', 'my photo.ply']);
    expect(readFileSync(at('upstream', 'my photo.ply'), 'utf8')).toContain('end_header\n\n');
    expect(readFileSync(at('upstream', 'my photo.obj'), 'utf8')).toMatch(
      /^v -?\d+\.\d\d -?\d+\.\d\d \d+\.\d\d 0\.47 0\.47 0\.47\n/,
    );
  });
});

describe('tddfa align --draw and --mesh on bad input', () => {
  test.each([
    [['--mesh', 'stl'], /--mesh: there is no 'stl'; choose from glb, obj, ply/],
    [['--draw', 'ply'], /--draw: there is no 'ply'; it is a mesh: --mesh ply/],
    [['--mesh', 'glb', '--interocular', 'far'], /--interocular: expected a length/],
    [['--mesh', 'glb', '--interocular', '63', '--frame', 'photo'], /--interocular: only --frame metric/],
    [['--draw', 'uv-texture', '--texture-size', '0'], /--texture-size: expected a whole number/],
    [['--background', 'green'], /green/],
    [['--compatibility', 'full'], /full/],
    [['--hidden', 'smear'], /smear/],
  ])('%j is bad usage', async (flags, line) => {
    const result = await align('bad-usage', ...flags);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toMatch(line);
    expect(existsSync(at('bad-usage'))).toBe(false);
  });

  test.each([['render'], ['points'], ['landmarks'], ['uv-texture']])('%s of a pack without a model', async (kind) => {
    const result = await align('no-model', '--weights', await formulaPackWithoutModel(), '--draw', kind);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^tddfa: .*my photo\.png: networks: this pack has no .*\ntddfa: 1 input failed\n$/);
    expect(existsSync(at('no-model'))).toBe(false);
  });

  test('a mesh that cannot be written leaves nothing behind', async () => {
    mkdirSync(at('taken', 'my photo.glb'), { recursive: true });
    const result = await align('taken', '--mesh', 'glb');
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^tddfa: cannot write .*my photo\.glb: .*\n/);
    expect(readdirSync(at('taken'))).toEqual(['my photo.glb']);
  });
});

describe('a disk that fills', () => {
  test.each([
    ['--draw', 'depth-float', 'my photo.depth-float.f32'],
    ['--mesh', 'glb', 'my photo.glb'],
    ['--mesh', 'ply', 'my photo.ply'],
    ['--mesh', 'obj', 'my photo.obj'],
    ['--json', 'faces.json', 'faces.json'],
  ])('%s %s is one line, leaves no half of a file and keeps the old one', (flag, value, name) => {
    const folder = `disk-${name}`;
    mkdirSync(at(folder));
    writeFileSync(at(folder, name), 'old');
    const args = ['--weights', pack, '--boxes', at('boxes.json'), flag, flag === '--json' ? at(folder, value) : value];
    // One KiB is less than any of them has.
    const result = runCliWithFileLimit(1, [
      'align',
      at('my photo.png'),
      ...args,
      ...(flag === '--json' ? [] : ['--out', at(folder)]),
    ]);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(
      /^tddfa: cannot write .*: the file is too large for the system\n(tddfa: 1 input failed\n)?$/,
    );
    expect(readFileSync(at(folder, name), 'utf8')).toBe('old');
    const left = readdirSync(at(folder)).filter((file) => !/^my_photo\.(mtl|texture-\d\.png)$/.test(file));
    expect(left).toEqual([name]);
  });

  test('with room enough the same files are written', () => {
    mkdirSync(at('roomy'));
    const args = ['--weights', pack, '--boxes', at('boxes.json'), '--mesh', 'glb', '--out', at('roomy')];
    expect(runCliWithFileLimit(2048, ['align', at('my photo.png'), ...args])).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(at('roomy'))).toEqual(['my photo.glb']);
  });
});

describeWithShared('tddfa align --draw and --mesh with the original weights', () => {
  // Ours and the original's networks differ by some 0.001 px; a vertex on a pixel's border can go either way.
  const MIN_SAME_PIXELS = 0.995;

  test("come close to the original's pictures of a photograph, from photo to file", async () => {
    const photo = sharedPath('reference', 'astronaut', 'input.png');
    const kinds = { pncc: 'pncc', depth: 'depth', 'uv-texture': 'uv_texture' };
    const args = ['--draw', Object.keys(kinds).join(','), '--compatibility', 'upstream', '--background', 'black'];
    const result = await runCli(['align', photo, '--weights', await upstreamPack(), '--out', at('chain'), ...args]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    for (const [kind, file] of Object.entries(kinds)) {
      const ours = readPng(join(at('chain'), `input.${kind}.png`));
      const target = readPng(sharedPath('reference', 'astronaut', `${file}.png`));
      let same = 0;
      for (let i = 0; i < target.data.length; i++) {
        if (Math.abs(ours.data[i] - target.data[i]) <= 2) same++;
      }
      expect(same / target.data.length).toBeGreaterThan(MIN_SAME_PIXELS);
    }
  });
});
