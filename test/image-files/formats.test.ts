import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Comparison, compareVariant } from '../../development/formats/compare-variant.ts';
import { makeSources } from '../../development/formats/make-sources.ts';
import { missingPackages } from '../../development/formats/run-program.ts';
import { rowBeginning } from '../../development/formats/table-row.ts';
import type { Sources } from '../../development/formats/variant.ts';
import { variants } from '../../development/formats/variants.ts';
import type { FaceAligner } from '../../src/face-aligner.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { createFaceAligner } from '../../src/node.ts';
import type { FaceBox } from '../../src/types.ts';
import { repositoryRoot } from '../support/shared.ts';

/** How far landmarks may move from those of the source, px. */
const LANDMARK_PX = { exact: 0.5, lossy: 1.5 } as const;
/** As wished for the whole table. */
const LEAST_VARIANTS = 250;

const missing = await missingPackages();
const isCi = process.env.CI === 'true';

test('every row of the table of formats is one that is tested', async () => {
  const page = await readFile(join(repositoryRoot, 'docs/formats.md'), 'utf8');
  const table =
    page.split('<!-- end of the table -->')[0]?.split('<!-- written by scripts/compare-formats.ts -->')[1] ?? '';
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && !/^\| (container|-)/.test(line));
  expect(rows.filter((row) => row.includes('**wrong'))).toEqual([]);
  const beginnings = variants.map(rowBeginning);
  expect(new Set(beginnings).size).toBe(variants.length);
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  expect(cells.map(([, container, feature]) => `| ${container} | ${feature} |`)).toEqual(beginnings);
  expect(variants.length).toBeGreaterThanOrEqual(LEAST_VARIANTS);
});

const describeWithPrograms = missing.length === 0 || isCi ? describe : describe.skip;
const skipped = missing.length === 0 ? '' : `[${missing.join(', ')}] `;

describeWithPrograms(`${skipped}pictures of other programs`, () => {
  let sources: Sources;
  let aligner: FaceAligner;
  let box: FaceBox;
  const landmarksOfSources = new Map<string, Float32Array>();

  async function landmarksOf(bytes: Awaited<ReturnType<typeof decodeImage>>): Promise<Float32Array> {
    const [face] = await aligner.align(bytes, [box]);
    if (face === undefined) throw new Error('there is no face');
    return aligner.reconstruct(face);
  }

  beforeAll(async () => {
    if (missing.length > 0) throw new Error(`these Debian packages are missing: ${missing.join(' ')}`);
    sources = await makeSources(await mkdtemp(join(tmpdir(), 'tddfa-formats-')));
    aligner = await createFaceAligner();
    const portrait = await decodeImage(await readFile(sources.path('rgb.png')));
    const [found] = await aligner.detect(portrait);
    if (found === undefined) throw new Error('there is no face in the portrait');
    box = found;
  });
  afterAll(async () => {
    aligner?.dispose();
    if (sources !== undefined) await rm(sources.folder, { recursive: true, force: true });
  });

  async function farthestLandmark({ variant, image }: Comparison): Promise<number> {
    const source = variant.portrait;
    if (source === undefined || image === undefined) return 0;
    const known = landmarksOfSources.get(source);
    const expected = known ?? (await landmarksOf(await decodeImage(await readFile(sources.path(source)))));
    landmarksOfSources.set(source, expected);
    const found = await landmarksOf(image);
    let farthest = 0;
    for (let i = 0; i < expected.length; i += 3) {
      farthest = Math.max(farthest, Math.hypot(found[i] - expected[i], found[i + 1] - expected[i + 1]));
    }
    return farthest;
  }

  test.each(variants.map((variant) => [`${variant.container}: ${variant.feature}`, variant] as const))(
    '%s',
    async (_, variant) => {
      const comparison = await compareVariant(variant, sources);
      expect(comparison.fault).toBeUndefined();
      expect(await farthestLandmark(comparison)).toBeLessThanOrEqual(LANDMARK_PX[variant.isLossy ? 'lossy' : 'exact']);
    },
  );
});
