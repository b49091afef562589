/**
 * Writes the table of docs/formats.md: makes every picture in it with other programs, decodes it with our decoders and
 * with another program's, and compares the two. Needs Debian packages; any that are missing are named.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Comparison, compareVariant } from '../development/formats/compare-variant.ts';
import { makeSources } from '../development/formats/make-sources.ts';
import { createPortraitLandmarks, type LandmarkDistances } from '../development/formats/portrait-landmarks.ts';
import { missingPackages } from '../development/formats/run-program.ts';
import { rowBeginning } from '../development/formats/table-row.ts';
import { variants } from '../development/formats/variants.ts';
import { repositoryRoot } from '../development/paths.ts';

const PAGE = join(repositoryRoot, 'docs/formats.md');
const TABLE = /(<!-- written by scripts\/compare-formats\.ts -->\n)[\s\S]*(<!-- end of the table -->)/;
const ORACLES = {
  imagemagick: 'ImageMagick',
  pillow: 'Pillow',
  libtiff: 'libtiff',
  ffmpeg: 'ffmpeg',
  libavif: 'libavif',
  libheif: 'libheif',
} as const;

function resultOf({ variant, difference, refusal, fault }: Comparison): string {
  if (fault !== undefined) return `**wrong**: ${fault}`;
  if (difference === undefined || !('oracle' in variant.expected)) return `refused: ${refusal ?? ''}`;
  const { oracle, source } = variant.expected;
  const against = source === undefined ? ORACLES[oracle] : 'the source';
  return `right: ${difference.mean.toFixed(2)} on average, ${difference.largest} at most (${against})`;
}

function landmarksOf(distances: LandmarkDistances | undefined): string {
  return distances === undefined ? '' : `${distances.fromPortrait.toFixed(2)} (${distances.fromOther.toFixed(2)})`;
}

const missing = await missingPackages();
if (missing.length > 0) throw new Error(`these packages are missing: apt install ${missing.join(' ')}`);
const folder = await mkdtemp(join(tmpdir(), 'tddfa-formats-'));
try {
  const sources = await makeSources(folder);
  const landmarks = await createPortraitLandmarks(sources);
  const rows: string[] = [];
  let wrong = 0;
  for (const [index, variant] of variants.entries()) {
    const comparison = await compareVariant(variant, sources);
    if (comparison.fault !== undefined) wrong++;
    const distances = await landmarks.distances(comparison);
    rows.push(`${rowBeginning(variant)} ${resultOf(comparison)} | ${landmarksOf(distances)} |`);
    process.stderr.write(`\r${index + 1} of ${variants.length}, ${wrong} wrong`);
  }
  process.stderr.write('\n');
  landmarks.dispose();
  const table = [
    '',
    '| container | feature | result | landmarks, px |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '',
  ].join('\n');
  const page = await readFile(PAGE, 'utf8');
  await writeFile(
    PAGE,
    page.replace(TABLE, (_, start: string, end: string) => `${start}${table}${end}`),
  );
  if (wrong > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
