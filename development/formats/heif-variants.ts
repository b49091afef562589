import { turnedSource } from './make-sources.ts';
import { patched, variantsOf } from './new-variant.ts';
import { run } from './run-program.ts';
import type { Oracle, Variant } from './variant.ts';

const avif = variantsOf('AVIF', 'avif');
const heic = variantsOf('HEIC', 'heic');
const right = (feature: string, make: Variant['make'], oracle: Oracle = 'libavif', isGrey = false): Variant =>
  avif.right(feature, oracle, make, { isLossy: true, isGrey });
/** libavif's tool of Debian 12 does not turn pictures; libheif's does. */
const turned = (feature: string, orientation: number, ...args: string[]): Variant =>
  right(feature, byAvifenc(turnedSource(orientation), ...args), 'libheif');
const rightHeic = (feature: string, make: Variant['make'], isGrey = false): Variant =>
  heic.right(feature, 'libheif', make, { isLossy: true, isGrey });

/** EXIF orientations that quarter turns against the clock make, and those that mirroring on an axis makes of them. */
const TURNED = [1, 8, 3, 6] as const;
const MIRRORED = [
  [4, 5, 2, 7],
  [2, 7, 4, 5],
] as const;

const byAvifenc =
  (source: string, ...args: string[]): Variant['make'] =>
  async (sources, path) => {
    await run('avifenc', '--speed', '9', '--min', '10', '--max', '20', ...args, sources.path(source), path);
  };

const byHeifEnc =
  (source: string, ...args: string[]): Variant['make'] =>
  async (sources, path) => {
    await run('heif-enc', '-q', '85', ...args, sources.path(source), '-o', path);
  };

const plain = byAvifenc('rgb.png');

/** All that is tested of AVIF. */
export const avifVariants: readonly Variant[] = [
  ...['444', '422', '420', '400'].flatMap((yuv) =>
    ['8', '10', '12'].map((depth) =>
      right(`YUV ${yuv}, ${depth} bits`, byAvifenc('rgb.png', '-y', yuv, '-d', depth), 'libavif', yuv === '400'),
    ),
  ),
  right('lossless', byAvifenc('rgb.png', '--lossless')),
  right('limited range', byAvifenc('rgb.png', '-r', 'limited')),
  right('with alpha', byAvifenc('rgba.png')),
  right('16-bit source', byAvifenc('rgb16.png', '-d', '10')),
  right('tiles', byAvifenc('rgb.png', '--tilerowslog2', '1', '--tilecolslog2', '1')),
  right('by libheif', byHeifEnc('rgb.png', '-A'), 'libheif'),
  ...[1, 2, 3].map((turns) => turned(`turned ${turns} times (irot)`, TURNED[turns], '--irot', String(turns))),
  ...MIRRORED.map(([orientation], axis) => turned(`mirrored (imir ${axis})`, orientation, '--imir', String(axis))),
  ...[1, 2, 3].flatMap((turns) =>
    MIRRORED.map((orientations, axis) =>
      turned(
        `turned ${turns} times and mirrored ${axis}`,
        orientations[turns],
        ...['--irot', String(turns), '--imir', String(axis)],
      ),
    ),
  ),
  avif.refused(
    'cropped (clap)',
    'a cropped picture (clap) is not supported',
    byAvifenc('rgb.png', '--crop', '10,10,100,100', '-y', '444'),
  ),
  avif.refused(
    'cut off',
    'the AVIF data is damaged',
    patched(plain, (bytes) => bytes.subarray(0, bytes.length - 800)),
  ),
];

/** All that is tested of HEIC, with the optional package. */
export const heicVariants: readonly Variant[] = [
  rightHeic('8 bits', byHeifEnc('rgb.png')),
  rightHeic('YUV 444', byHeifEnc('rgb.png', '-p', 'chroma=444')),
  rightHeic('with alpha', byHeifEnc('rgba.png')),
  rightHeic('10 bits', byHeifEnc('rgb16.png', '-b', '10')),
  rightHeic('with a thumbnail', byHeifEnc('rgb.png', '-t', '64')),
  rightHeic('grey', byHeifEnc('grey.png'), true),
];
