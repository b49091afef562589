import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compareVariant } from '../../development/formats/compare-variant.ts';
import { makeSources } from '../../development/formats/make-sources.ts';
import {
  createPortraitLandmarks,
  FROM_PORTRAIT_PX,
  type PortraitLandmarks,
  SAME_PIXELS_PX,
} from '../../development/formats/portrait-landmarks.ts';
import { missingPackages } from '../../development/formats/run-program.ts';
import { rowBeginning } from '../../development/formats/table-row.ts';
import type { Sources } from '../../development/formats/variant.ts';
import { variants } from '../../development/formats/variants.ts';
import { repositoryRoot } from '../support/shared.ts';

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
  let landmarks: PortraitLandmarks;

  beforeAll(async () => {
    if (missing.length > 0) throw new Error(`these Debian packages are missing: ${missing.join(' ')}`);
    sources = await makeSources(await mkdtemp(join(tmpdir(), 'tddfa-formats-')));
    landmarks = await createPortraitLandmarks(sources);
  });
  afterAll(async () => {
    landmarks?.dispose();
    if (sources !== undefined) await rm(sources.folder, { recursive: true, force: true });
  });

  test.each(variants.map((variant) => [`${variant.container}: ${variant.feature}`, variant] as const))(
    '%s',
    async (_, variant) => {
      const comparison = await compareVariant(variant, sources);
      expect(comparison.fault).toBeUndefined();
      const distances = await landmarks.distances(comparison);
      expect(distances !== undefined).toBe('oracle' in variant.expected && variant.corner !== undefined);
      if (distances === undefined) return;
      expect(distances.fromOther).toBeLessThanOrEqual(SAME_PIXELS_PX);
      expect(distances.fromPortrait).toBeLessThanOrEqual(FROM_PORTRAIT_PX[variant.detail]);
    },
  );
});
