import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../converters/write-pack.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { runCli } from '../support/run-cli.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const OPEN = join(repositoryRoot, 'weights/open');
const PORTRAIT = join(repositoryRoot, 'examples/astronaut.png');
/** Of landmarks of a face 90 px wide; about three times what was measured. */
const MAX_DISTANCE = 3;

const temporary = useTemporaryFolder();

async function landmarksOf(pack: string, ...flags: string[]): Promise<number[][]> {
  const out = temporary('faces.json');
  const { status, stderr } = await runCli([
    'align',
    PORTRAIT,
    '--weights',
    pack,
    '-r',
    'mb05',
    '--json',
    out,
    ...flags,
  ]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const document = JSON.parse(await readFile(out, 'utf8')) as { images: { faces: { landmarks: number[][] }[] }[] };
  return document.images[0].faces[0].landmarks;
}

describe('tddfa quantize', () => {
  beforeAll(async () => {
    await mkdir(temporary('pictures'), { recursive: true });
    await copyFile(PORTRAIT, temporary('pictures/a.png'));
  });

  test('gives a pack ranges that int8 works with, and leaves its weights as they are', async () => {
    const out = temporary('pack');
    const args = [
      'quantize',
      OPEN,
      '--calibrate',
      temporary('pictures'),
      '--out',
      out,
      '--only',
      'open-mb05,open-faceboxes',
    ];
    const { status, stdout } = await runCli(args);
    expect(status).toBe(0);
    expect(stdout).toMatch(/open-faceboxes/);
    const pack = await openPack(fileWeights(out));
    await pack.verify();
    const before = await openPack(fileWeights(OPEN));
    expect(pack.manifest.models.map(({ name }) => name)).toEqual(before.manifest.models.map(({ name }) => name));
    expect(pack.model('open-mb05')).toMatchObject({ ranges: 'open-mb05/ranges.json', precision: 'int8' });
    expect(pack.model('open-mb05').files).not.toEqual(before.model('open-mb05').files);
    expect(pack.model('open-mb1')).toEqual(before.model('open-mb1'));

    const exact = await landmarksOf(OPEN);
    expect(await landmarksOf(out, '--precision', 'float32')).toEqual(exact);
    const bytes = await landmarksOf(out);
    expect(bytes).toEqual(await landmarksOf(out, '--precision', 'int8'));
    const distances = bytes.map(([x, y], i) => Math.hypot(x - exact[i][0], y - exact[i][1]));
    const mean = distances.reduce((sum, distance) => sum + distance) / distances.length;
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(MAX_DISTANCE);
  }, 120_000);

  test('ends in one line for what cannot be', async () => {
    const out = temporary('none');
    await mkdir(temporary('empty'), { recursive: true });
    await mkdir(temporary('broken'), { recursive: true });
    await writeFile(temporary('broken/a.png'), 'no picture');
    const quantize = (...args: string[]) => runCli(['quantize', OPEN, '--out', out, ...args]);
    expect(await quantize('--calibrate', temporary('empty'))).toMatchObject({ status: 1 });
    expect(await quantize('--calibrate', temporary('broken'))).toMatchObject({ status: 1 });
    const unknown = await quantize('--calibrate', temporary('pictures'), '--only', 'mb7');
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toMatch(/^tddfa: there is no model 'mb7'.*\n$/);
    const table = await quantize('--calibrate', temporary('pictures'), '--only', 'open-face');
    expect(table.stderr).toMatch(/'open-face' is not a network/);
    expect(await quantize('--calibrate', temporary('pictures'), '--precision', 'int4')).toMatchObject({ status: 2 });
    // A pack without ranges.
    const opened = await openPack(fileWeights(OPEN));
    const copies = opened.manifest.models.map(({ ranges, precision: _, ...model }) => ({
      pack: opened,
      model: { ...model, files: model.files.filter(({ path }) => ranges === undefined || !/ranges\./.test(path)) },
    }));
    await writePack(temporary('floats'), { name: 'floats', description: 'floats', models: [], copies });
    const missing = await runCli(['align', PORTRAIT, '--weights', temporary('floats'), '--precision', 'int8']);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/^tddfa: .*has no ranges.*\n$/);
    const other = await runCli(['align', PORTRAIT, '--weights', OPEN, '--precision', 'int8', '--backend', 'cpu']);
    expect(other.stderr).toBe('tddfa: precision: int8 needs the backend compiled, not cpu\n');
  }, 60_000);
});
