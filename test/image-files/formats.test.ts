import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compareVariant } from '../../development/formats/compare-variant.ts';
import { decodeByOracle } from '../../development/formats/decode-by-oracle.ts';
import { makeSources } from '../../development/formats/make-sources.ts';
import {
  createPortraitLandmarks,
  FROM_PORTRAIT_PX,
  type PortraitLandmarks,
  SAME_PIXELS_PX,
} from '../../development/formats/portrait-landmarks.ts';
import { magick, missingPackages } from '../../development/formats/run-program.ts';
import { rowBeginning } from '../../development/formats/table-row.ts';
import type { Sources } from '../../development/formats/variant.ts';
import { variants } from '../../development/formats/variants.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { repositoryRoot } from '../support/shared.ts';

/** Levels of 255, on the mean. */
const CMYK_DIFFERENCE = 2;

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

  test('a CMYK JPEG of 20 megapixels: no decoder has a smaller limit than ours', async () => {
    const path = sources.path('cmyk-20.jpg');
    await magick(sources.path('rgb.png'), '-resize', '5472x3648!', '-colorspace', 'CMYK', '-quality', '90', path);
    const bytes = await readFile(path);
    const { data, width, height } = await decodeImage(bytes);
    expect([width, height]).toEqual([5472, 3648]);
    const other = await decodeByOracle('pillow', path);
    let sum = 0;
    let count = 0;
    // A part of them, in all places.
    for (let at = 0; at < data.length; at += 4 * 97, count++) sum += Math.abs(data[at] - other.data[at]);
    expect(sum / count).toBeLessThanOrEqual(CMYK_DIFFERENCE);
    await expect(decodeImage(bytes, { maxPixels: 19_961_855 })).rejects.toThrow(
      '5472x3648 pixels are more than the limit of 19961855',
    );
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
