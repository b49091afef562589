import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { encodePng } from '../../src/image-files/write-image.ts';
import { formulaPack } from '../support/formula-pack.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();
let pack = '';

/** Measured 1.8e-6 in the mean of 16 NMEs in per cent. */
const MAX_NME_DIFFERENCE = 6e-6;

beforeAll(async () => {
  pack = await formulaPack();
  writeFileSync(at('face.png'), encodePng({ width: 60, height: 50, data: new Uint8Array(60 * 50 * 3).fill(90) }));
});

function evaluate(annotations: unknown, ...args: string[]): Promise<CliResult> {
  writeFileSync(at('marks.json'), typeof annotations === 'string' ? annotations : JSON.stringify(annotations));
  return runCli(['eval', '--weights', pack, '--data', at('.'), '--annotations', at('marks.json'), ...args]);
}

const rows = [Array.from({ length: 68 }, (_, i) => i), Array.from({ length: 68 }, (_, i) => (i * 7) % 40)];

describe('tddfa eval', () => {
  test('aligns in the crops that are given and reports what it can', async () => {
    const result = await evaluate(
      [{ image: 'face.png', landmarks: rows, roiBox: [5, 5, 45, 45], yawDegrees: 10 }],
      '-j',
      '-',
    );
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const document = JSON.parse(result.stdout);
    expect(document.landmarks.given).toMatchObject({ faces: 1 });
    expect(document.landmarks.given.meanPercent).toBeGreaterThan(0);
    expect(document.pose.given.yawErrorDegrees).toBeGreaterThanOrEqual(0);
    expect(document.faces[0]).toMatchObject({ image: 'face.png', crop: 'given', yawDegrees: 10 });
  });

  test('takes landmarks as points too', async () => {
    const points = rows[0]?.map((x, i) => [x, rows[1]?.[i]]);
    const [asRows, asPoints] = [
      await evaluate([{ image: 'face.png', landmarks: rows, roiBox: [5, 5, 45, 45] }], '-j', '-'),
      await evaluate([{ image: 'face.png', landmarks: points, roiBox: [5, 5, 45, 45] }], '-j', '-'),
    ];
    expect(asPoints.stdout).toBe(asRows.stdout);
  });

  test('prints a table and writes JSON and a plot', async () => {
    const marks = [
      {
        image: 'face.png',
        faces: [{ box: [1, 1, 9, 9] }, { landmarks: rows, roiBox: [5, 5, 45, 45], box: [5, 5, 40, 40] }],
      },
    ];
    const result = await evaluate(marks, '--json', at('figures.json'), '--plot', at('plot.svg'));
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(/^\S+ on compiled, 1 image\nNME %, given crops +mean \d/);
    expect(result.stdout).toMatch(/detection, overlap 0.5 +AP \d/);
    expect(JSON.parse(readFileSync(at('figures.json'), 'utf8')).detection.faces).toBe(2);
    expect(readFileSync(at('plot.svg'), 'utf8')).toMatch(/^<svg/);
  });

  test.each([
    ['no JSON', '{', /this is not JSON/],
    ['no list', { image: 'face.png' }, /expected a list of pictures/],
    ['an empty list', [], /expected a list of pictures/],
    ['67 landmarks', [{ image: 'face.png', landmarks: [rows[0]?.slice(1), rows[1]?.slice(1)] }], /picture 0: /],
    ['a box inside out', [{ image: 'face.png', box: [9, 9, 1, 1] }], /picture 0: /],
    ['no such picture', [{ image: 'none.png', roiBox: [0, 0, 9, 9] }], /none\.png/],
    ['nothing to measure against', [{ image: 'face.png' }], /no landmarks, angles or boxes to measure against/],
  ])('says in one line that there is %s', async (_, annotations, line) => {
    const result = await evaluate(annotations, '--plot', at('must-not-be.svg'));
    expect(result.status).toBe(1);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(result.stderr).toMatch(line);
    if (!line.source.includes('to measure against')) expect(existsSync(at('must-not-be.svg'))).toBe(false);
  });

  test.each([
    ['--min-score', '2'],
    ['--min-overlap', 'half'],
    ['--subdivisions', '9'],
    ['--max-enlargement', '0.5'],
    ['--max-enlargement', 'twice'],
    ['--detector-strategy', 'fast'],
  ])('refuses %s %s', async (flag, value) => {
    expect(await evaluate([{ image: 'face.png' }], flag, value)).toMatchObject({ status: 2 });
  });
});

describeWithShared('tddfa eval on AFLW2000-3D', () => {
  test("agrees with the original's figures", async () => {
    const data = sharedPath('aflw2000');
    const reference = JSON.parse(readFileSync(join(data, 'reference-nme.json'), 'utf8')) as {
      nmePercentGivenRoiBox: number;
      nmePercentDetected: number;
    }[];
    const mean = (key: keyof (typeof reference)[number]): number =>
      reference.reduce((sum, entry) => sum + entry[key], 0) / reference.length;
    const result = await runCli([
      'eval',
      '--weights',
      await upstreamPack(),
      '--data',
      data,
      '--annotations',
      join(data, 'annotations.json'),
      '--json',
      '-',
    ]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const { landmarks, aligned } = JSON.parse(result.stdout);
    expect(aligned).toEqual({ found: 16, faces: 16 });
    expect(Math.abs(landmarks.given.meanPercent - mean('nmePercentGivenRoiBox'))).toBeLessThan(MAX_NME_DIFFERENCE);
    expect(Math.abs(landmarks.detected.meanPercent - mean('nmePercentDetected'))).toBeLessThan(MAX_NME_DIFFERENCE);
    expect(landmarks.given.bins).toHaveLength(3);
  });
});
