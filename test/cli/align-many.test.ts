/** Folders and lists of pictures: every way out for results, `--resume`, errors. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { encodePng } from '../../src/image-files/write-image.ts';
import { buildPackage } from '../support/build-package.ts';
import { runCliWithFileLimit } from '../support/file-size-limit.ts';
import { formulaPack, formulaPackWithoutModel } from '../support/formula-pack.ts';
import { type CliResult, type CliTestOptions, runCli } from '../support/run-cli.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
let pack = '';

const BOXES = [
  { xMin: 8, yMin: 6, xMax: 30, yMax: 28, score: 0.9 },
  { xMin: 12, yMin: 8, xMax: 34, yMax: 30, score: 0.8 },
];
/** In the order in which they come. */
const PICTURES = ['2.png', '10.png', 'bad.png', 'inner/a,"b".png', 'inner/a,"b".tif'];

beforeAll(async () => {
  pack = await formulaPack();
  mkdirSync(at('photos/inner'), { recursive: true });
  const png = encodePng({ width: 40, height: 36, data: new Uint8Array(40 * 36 * 3).fill(120) });
  for (const name of [...PICTURES, '._2.png']) writeFileSync(at('photos', name), name === 'bad.png' ? 'text' : png);
  writeFileSync(at('boxes.json'), JSON.stringify(BOXES));
  writeFileSync(at('none.json'), '[]');
});

function align(args: readonly string[], options?: CliTestOptions): Promise<CliResult> {
  return runCli(['align', '--weights', pack, '--boxes', at('boxes.json'), ...args], options);
}

const all = (...args: string[]): string[] => [at('photos'), '--recursive', ...args];

function linesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

/** The cells of a row of CSV, as they are written. */
const cellsOf = (row: string): string[] =>
  [...row.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, cell]) => cell ?? '');

const pathsOf = (lines: readonly string[]): string[] => lines.map((line) => JSON.parse(line).path);

describe('tddfa align of many pictures', () => {
  test('--jsonl: a header, then a line for each picture or its error, in order, of its schema', async () => {
    const result = await align(all('--jsonl', at('a.jsonl')));
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^tddfa: .*bad\.png: this is not a picture that can be read\n5 pictures in \d+\.\d s, [\d.]+ a second: 4 with 8 faces, 0 without, 1 failed\ntddfa: 1 input failed\n$/,
    );
    const [header, ...lines] = linesOf(at('a.jsonl'));
    expect(JSON.parse(header ?? '')).toMatchObject({
      format: 1,
      weights: { name: 'whole' },
      options: { regressor: 'mb025' },
    });
    expect(pathsOf(lines)).toEqual(PICTURES.map((name) => at('photos', name)));
    const schema = JSON.parse(readFileSync(join(repositoryRoot, 'schemas/align-lines.schema.json'), 'utf8'));
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema);
    for (const line of [header, ...lines]) expect(validate(JSON.parse(line ?? '')) || validate.errors).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      width: 40,
      height: 36,
      faces: [{ box: BOXES[0] }, { box: BOXES[1] }],
    });
    expect(JSON.parse(lines[2] ?? '')).toEqual({
      path: at('photos/bad.png'),
      size: 4,
      mtimeMs: expect.any(Number),
      error: 'this is not a picture that can be read',
    });
  });

  test('gives what one picture alone gives, in any number of threads', async () => {
    await buildPackage();
    const alone = await align([at('photos/10.png'), '--json', '-']);
    const { faces } = JSON.parse(alone.stdout).images[0];
    const results = [];
    for (const jobs of ['1', '2', '3']) {
      const { stdout } = await align(all('--jsonl', '-', '--jobs', jobs));
      const lines = stdout.trimEnd().split('\n');
      expect(pathsOf(lines)).toEqual(PICTURES.map((name) => at('photos', name)));
      expect(JSON.parse(lines[1] ?? '').faces).toEqual(faces);
      results.push(stdout);
    }
    expect(new Set(results).size).toBe(1);
  });

  test('--json stays one document', async () => {
    const { stdout } = await align(all('--json', '-'));
    const { images } = JSON.parse(stdout);
    expect(images.map(({ file }: { file: string }) => file)).toEqual(
      PICTURES.filter((name) => name !== 'bad.png').map((name) => at('photos', name)),
    );
  });

  test('--csv: a row for each face, for a picture without one and for an error', async () => {
    await align(all('--csv', at('a.csv')));
    const [columns = [], ...rows] = linesOf(at('a.csv')).map(cellsOf);
    expect(columns.slice(0, 8)).toEqual(['path', 'size', 'mtimeMs', 'width', 'height', 'error', 'face', 'xMin']);
    expect(columns.at(-1)).toBe('z_67');
    expect(rows.map((row) => row.length)).toEqual(Array(9).fill(columns.length));
    expect(rows.map((row) => row[6])).toEqual(['1', '2', '1', '2', '', '1', '2', '1', '2']);
    expect(rows[4]?.[5]).toBe('this is not a picture that can be read');
    expect(rows[5]?.[0]).toBe(`"${at('photos')}/inner/a,""b"".png"`);
    const document = JSON.parse((await align([at('photos/2.png'), '--json', '-'])).stdout);
    const x30 = Number(rows[1]?.[columns.indexOf('x_30')]);
    expect(x30).toBe(document.images[0].faces[1].landmarks[30][0]);
    const faceless = await align([at('photos/2.png'), '--boxes', at('none.json'), '--csv', '-']);
    expect(faceless.stdout.split('\n')[1]).toMatch(/^[^,]+,\d+,\d+,40,36,+$/);
  });

  test('--pts: a file for each face, in the folders of the pictures, counted from 1', async () => {
    await align(all('--pts', at('pts'), '--jsonl', at('pts.jsonl')));
    const files = readdirSync(at('pts'), { recursive: true }).sort();
    // The second picture of a name has a number.
    const stems = ['10', '2', 'inner/a,"b"', 'inner/a,"b"-2'];
    expect(files).toEqual([...stems.flatMap((stem) => [`${stem}-face-2.pts`, `${stem}.pts`]), 'inner'].sort());
    const text = readFileSync(at('pts/2-face-2.pts'), 'utf8');
    const { faces } = JSON.parse(linesOf(at('pts.jsonl'))[1] ?? '');
    const points = faces[1].landmarks.map(
      ([x, y]: number[]) => `${((x ?? 0) + 1).toFixed(6)} ${((y ?? 0) + 1).toFixed(6)}`,
    );
    expect(text).toBe(`version: 1\nn_points: 68\n{\n${points.join('\n')}\n}\n`);
  });

  test('--coco: pictures, boxes and keypoints', async () => {
    await align(all('--coco', at('coco.json'), '--jsonl', at('coco.jsonl')));
    const coco = JSON.parse(readFileSync(at('coco.json'), 'utf8'));
    expect(coco.images).toHaveLength(4);
    expect(coco.images[3]).toEqual({ id: 4, file_name: at('photos', PICTURES[4] ?? ''), width: 40, height: 36 });
    expect(coco.annotations.map(({ image_id }: { image_id: number }) => image_id)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    const [category] = coco.categories;
    expect(category.keypoints).toHaveLength(68);
    expect(new Set(category.skeleton.flat())).toEqual(new Set(Array.from({ length: 68 }, (_, i) => i + 1)));
    const { landmarks } = JSON.parse(linesOf(at('coco.jsonl'))[1] ?? '').faces[1];
    expect(coco.annotations[1]).toMatchObject({
      id: 2,
      category_id: 1,
      bbox: [12, 8, 22, 22],
      area: 484,
      num_keypoints: 68,
    });
    expect(coco.annotations[1].keypoints).toEqual(landmarks.flatMap(([x, y]: number[]) => [x, y, 2]));
    expect(readdirSync(at('.')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('--files-from: what it lists, from a file or stdin, beside what is named', async () => {
    writeFileSync(at('list'), `${at('photos/10.png')}\r\n\n${at('nowhere.png')}\n${at('photos')}`);
    const result = await align([at('photos/2.png'), '--files-from', at('list'), '--jsonl', '-', '--jobs', '1']);
    const lines = result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ error }) => error)).toEqual([undefined, undefined, 'no such file', 'this is a folder']);
    expect(lines[2]).toEqual({ path: at('nowhere.png'), error: 'no such file' });
  });

  test('pictures and meshes lie in the folders of their photos', async () => {
    await align(all('--out', at('drawn'), '--draw', 'boxes', '--mesh', 'obj'));
    const files = readdirSync(at('drawn'), { recursive: true });
    expect(files).toEqual(
      expect.arrayContaining(['2.boxes.png', '2.obj', 'inner/a,"b".obj', 'inner/a,"b"-2.boxes.png']),
    );
    expect(readFileSync(at('drawn/inner/a,"b".obj'), 'utf8')).toContain('mtllib a,"b".mtl\n');
  });

  test('a terminal sees the rate and the time left', async () => {
    const { stderr } = await align(all('--jsonl', at('tty.jsonl')), { isTTY: true });
    expect(stderr).toMatch(/\d\/s/);
    expect(stderr).toMatch(/0:0\d left [345]\/5/);
  });
});

describe('tddfa align --resume', () => {
  test('adds what is missing or has changed, and nothing else, to every output', async () => {
    const outputs = [
      '--jsonl',
      at('r.jsonl'),
      '--csv',
      at('r.csv'),
      '--coco',
      at('r.coco.json'),
      '--json',
      at('r.json'),
    ];
    await align(all(...outputs));
    const whole = [at('r.jsonl'), at('r.csv'), at('r.coco.json'), at('r.json')].map((path) =>
      readFileSync(path, 'utf8'),
    );
    // Two whole results, and the half of a third.
    const lines = linesOf(at('r.jsonl'));
    writeFileSync(at('r.jsonl'), `${lines.slice(0, 3).join('\n')}\n${lines[3]?.slice(0, 20)}`);
    const again = await align(all(...outputs, '--resume'));
    expect(again.stderr).toContain('3 pictures in');
    expect(again.stderr).toContain('2 already there');
    expect(
      [at('r.jsonl'), at('r.csv'), at('r.coco.json'), at('r.json')].map((path) => readFileSync(path, 'utf8')),
    ).toEqual(whole);
    const third = await align(all(...outputs, '--resume'));
    expect(third.status).toBe(0);
    expect(readFileSync(at('r.jsonl'), 'utf8')).toBe(whole[0]);

    const changed = at('photos/10.png');
    const before = readFileSync(changed);
    appendFileSync(changed, 'bytes after the end');
    await align(all('--jsonl', at('r.jsonl'), '--resume'));
    expect(pathsOf(linesOf(at('r.jsonl')).slice(6))).toEqual([changed]);
    writeFileSync(changed, before);
  });

  test('names of .pts files do not depend on where it was interrupted', async () => {
    const args = all('--jsonl', at('n.jsonl'), '--pts', at('n'));
    await align(args);
    const whole = readdirSync(at('n'), { recursive: true }).sort();
    writeFileSync(at('n.jsonl'), `${linesOf(at('n.jsonl')).slice(0, 5).join('\n')}\n`);
    rmSync(at('n/inner'), { recursive: true });
    await align([...args, '--resume']);
    expect(readdirSync(at('n/inner')).sort()).toEqual(['a,"b"-2-face-2.pts', 'a,"b"-2.pts']);
    expect(whole).toContain('inner/a,"b"-2.pts');
  });

  test.each([
    [
      ['--min-score', '0.4'],
      /made with minScore at its default, not 0\.4; --resume adds only results of the same kind/,
    ],
    [['--boxes', 'none'], /made with boxes [0-9a-f]{64}, not [0-9a-f]{64}/],
    [['--backend', 'cpu'], /made with backend compiled, not cpu/],
  ])('%j: results of another kind are refused, and nothing is touched', async (flags, line) => {
    const [jsonl, csv] = [at('kind.jsonl'), at('kind.csv')];
    if (!existsSync(jsonl)) await align(all('--jsonl', jsonl, '--csv', csv));
    const before = [jsonl, csv].map((path) => readFileSync(path, 'utf8'));
    const given = flags.map((flag) => (flag === 'none' ? at('none.json') : flag));
    const result = await align(all('--jsonl', jsonl, '--csv', csv, '--resume', ...given));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(line);
    expect([jsonl, csv].map((path) => readFileSync(path, 'utf8'))).toEqual(before);
  });

  test('what is there is never begun anew', async () => {
    await align(all('--jsonl', at('there.jsonl'), '--csv', at('there.csv')));
    const before = readFileSync(at('there.jsonl'), 'utf8');
    const lines = await align(all('--jsonl', at('there.jsonl')));
    expect([lines.status, lines.stderr]).toEqual([
      1,
      `tddfa: ${at('there.jsonl')}: this file already contains results; add to them with --resume, or remove it\n`,
    ]);
    const table = await align(all('--csv', at('there.csv')));
    expect(table.stderr).toContain('this file already contains a table');
    expect(readFileSync(at('there.jsonl'), 'utf8')).toBe(before);
  });
});

describe('tddfa align of many pictures on bad input', () => {
  test('--max-errors gives up, and keeps what there is', async () => {
    const list = Array.from({ length: 30 }, (_, i) => at(i % 2 ? 'photos/2.png' : 'photos/bad.png'));
    writeFileSync(at('errors'), list.join('\n'));
    const args = ['--files-from', at('errors'), '--jsonl', at('errors.jsonl'), '--jobs', '1', '--max-errors', '3'];
    const result = await align(args);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/tddfa: gave up: more than 3 pictures failed \(--max-errors\)\n$/);
    expect(linesOf(at('errors.jsonl'))).toHaveLength(1 + 7);
    expect(
      (await align(['--files-from', at('errors'), '--csv', '-', '--jobs', '1', '--max-errors', '15'])).stderr,
    ).toMatch(/tddfa: 15 inputs failed\n$/);
  });

  test.each([
    [['--resume'], /--resume: needs --jsonl with a file/],
    [['--resume', '--jsonl', '-'], /--resume: needs --jsonl with a file/],
    [['--jsonl', '-', '--csv', '-'], /--csv: '-' is already the output of --jsonl/],
    [['--jsonl', 'x', '--json', './x'], /--jsonl: 'x' is already the output of --json/],
    [['--coco', '-'], /--coco: needs a file, not stdout/],
    [['--jobs', '0'], /--jobs .*at least 1/],
    [['--jobs', '65'], /--jobs .*at most 64/],
    [['--max-errors', '-1'], /--max-errors .*at least 0/],
    [['--null'], /--null: only with --files-from/],
    [['-', '--files-from', '-'], /standard input is the list/],
    [['-', '--resume', '--jsonl', 'x.jsonl'], /--resume: a picture from standard input/],
  ])('%j is bad usage', async (flags, line) => {
    const result = await align([at('photos/2.png'), ...flags]);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toMatch(line);
    expect(result.stderr.trimEnd()).not.toContain('\n');
  });

  test('a list that is not there, and one from a terminal', async () => {
    const missing = await align(['--files-from', at('no-list'), '--jsonl', at('no.jsonl'), '--jobs', '1']);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain(`tddfa: ${at('no-list')}: no such file or folder\n`);
    const terminal = await align(['--files-from', '-', '--jsonl', at('no2.jsonl'), '--jobs', '1'], { isTTY: true });
    expect(terminal.status).toBe(2);
    expect(terminal.stderr).toContain('--files-from -: standard input is a terminal');
  });

  test.each(['--pts', '--coco'])('%s of a pack without a face model', async (flag) => {
    const result = await align(all(flag, at('none'), '--weights', await formulaPackWithoutModel()));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(new RegExp(`^tddfa: ${flag}: the pack networks has no face model`));
    expect(existsSync(at('none'))).toBe(false);
  });

  test.each(['--jsonl', '--csv', '--coco', '--pts'])(
    'a full disk under %s is one line, and whole lines stay',
    (flag) => {
      const target = at(`full${flag}`);
      writeFileSync(at('full-list'), Array(40).fill(at('photos/2.png')).join('\n'));
      const args = ['--files-from', at('full-list'), '--jobs', '1', flag, target];
      const result = runCliWithFileLimit(flag === '--pts' ? 1 : 64, [
        'align',
        '-w',
        pack,
        '--boxes',
        at('boxes.json'),
        ...args,
      ]);
      expect(result.status).toBe(1);
      const shown = flag === '--pts' ? join(target, at('photos/2.pts')) : target;
      const errors = result.stderr.split('\n').filter((line) => line.startsWith('tddfa: '));
      expect(errors).toEqual([`tddfa: cannot write ${shown}: the file is too large for the system`]);
      if (flag === '--jsonl' || flag === '--csv') expect(linesOf(target).length).toBeGreaterThan(3);
      else expect(existsSync(shown)).toBe(false);
      expect(readdirSync(at('.')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  test('a device that is full is one line', async () => {
    const result = await align(all('--jsonl', '/dev/full'));
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('tddfa: cannot write /dev/full: the disk is full\n');
  });
});
