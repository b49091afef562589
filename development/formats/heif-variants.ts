import { transformBox, withProperties, withStatedSize } from './heif-boxes.ts';
import { turnedSource } from './make-sources.ts';
import { NO_FACE, patched, variantsOf } from './new-variant.ts';
import { magick, run } from './run-program.ts';
import type { Oracle, Variant } from './variant.ts';

const avif = variantsOf('AVIF', 'avif');
const heic = variantsOf('HEIC', 'heic');
const right = (feature: string, make: Variant['make'], oracle: Oracle = 'libavif', isGrey = false): Variant =>
  avif.right(feature, oracle, make, { isLossy: true, isGrey });
/** Debian 12's libavif tool does not rotate pictures; libheif's does. */
const turned = (feature: string, orientation: number, ...args: string[]): Variant =>
  right(feature, byAvifenc(turnedSource(orientation), ...args), 'libheif');
const rightHeic = (feature: string, make: Variant['make'], isGrey = false): Variant =>
  heic.right(feature, 'libheif', make, { isLossy: true, isGrey });

/** EXIF orientations for anticlockwise quarter turns, and what mirroring about an axis makes of them. */
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

const byFfmpeg =
  (...args: string[]): Variant['make'] =>
  async (sources, path) => {
    const coding = ['-frames:v', '1', '-c:v', 'libaom-av1', '-cpu-used', '8', '-crf', '20', ...args];
    await run('ffmpeg', '-v', 'error', '-y', '-i', sources.path('rgb.png'), ...coding, '-f', 'avif', path);
  };

const byHeifEnc =
  (source: string, ...args: string[]): Variant['make'] =>
  async (sources, path) => {
    await run('heif-enc', '-q', '85', ...args, sources.path(source), '-o', path);
  };

const plain = byAvifenc('rgb.png');

/** All rotations and mirrorings: anticlockwise quarter turns, then the axis of mirroring, if any. */
const TRANSFORMS: readonly (readonly [turns: number, axis: number | undefined])[] = [0, 1, 2, 3].flatMap((turns) =>
  [undefined, 0, 1].flatMap((axis) => (turns === 0 && axis === undefined ? [] : [[turns, axis] as const])),
);

function transformName(turns: number, axis: number | undefined): string {
  if (axis === undefined) return `rotated ${90 * turns}° (irot)`;
  return turns === 0 ? `mirrored (imir ${axis})` : `rotated ${90 * turns}° and mirrored ${axis}`;
}

const heicTurned = (turns: number, axis: number | undefined): Variant => {
  const orientation = axis === undefined ? TURNED[turns] : MIRRORED[axis]?.[turns];
  const boxes = [
    ...(turns === 0 ? [] : [transformBox('irot', turns)]),
    ...(axis === undefined ? [] : [transformBox('imir', axis)]),
  ];
  const stored = byHeifEnc(turnedSource(orientation ?? 1));
  return rightHeic(transformName(turns, axis), patched(stored, withProperties(...boxes)));
};

/** A quarter turn after mirroring: equal to mirroring about the other axis before it. */
const mirroredFirst = (axis: 0 | 1) => withProperties(transformBox('imir', axis), transformBox('irot', 1));
const storedForMirroredFirst = (axis: 0 | 1): string => turnedSource(MIRRORED[axis === 0 ? 1 : 0][1]);

/** Marks the pictures of a file as coded in another way. */
const withType =
  (from: string, to: string) =>
  (bytes: Buffer): Buffer => {
    bytes.write(to, bytes.indexOf(from, bytes.indexOf('infe')), 'latin1');
    return bytes;
  };

/** All AVIF variants under test. */
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
  right('by ffmpeg', byFfmpeg('-still-picture', '1')),
  right('by ffmpeg, as a video of one frame', byFfmpeg()),
  avif.right(
    'tiles with properties of their own (grid)',
    'libavif',
    async (sources, path) => {
      await magick(sources.path('rgb.png'), '-crop', '160x160+10+8', '+repage', `${path}.png`);
      await run('avifenc', '--speed', '9', '-y', '444', '--grid', '2x2', `${path}.png`, path);
    },
    { isLossy: true, ...NO_FACE },
  ),
  ...[1, 2, 3].map((turns) => turned(`rotated ${90 * turns}° (irot)`, TURNED[turns], '--irot', String(turns))),
  ...MIRRORED.map(([orientation], axis) => turned(`mirrored (imir ${axis})`, orientation, '--imir', String(axis))),
  ...[1, 2, 3].flatMap((turns) =>
    MIRRORED.map((orientations, axis) =>
      turned(
        `rotated ${90 * turns}° and mirrored ${axis}`,
        orientations[turns],
        ...['--irot', String(turns), '--imir', String(axis)],
      ),
    ),
  ),
  ...([0, 1] as const).map((axis) =>
    right(
      `mirrored ${axis} and then rotated 90°`,
      patched(byAvifenc(storedForMirroredFirst(axis)), mirroredFirst(axis)),
      'libheif',
    ),
  ),
  ...(
    [
      [90, 87],
      [300, 290],
    ] as const
  ).map(([width, height]) =>
    avif.refused(
      `a header of ${width}x${height} pixels, AV1 of 181x175`,
      `its AV1 data has 181x175 pixels, but its header has ${width}x${height}`,
      patched(plain, withStatedSize(width, height)),
    ),
  ),
  avif.refused(
    'cropped (clap)',
    'a cropped picture (clap) is not supported',
    byAvifenc('rgb.png', '--crop', '10,10,100,100', '-y', '444'),
  ),
  avif.refused(
    'cut off',
    'the file is truncated',
    patched(plain, (bytes) => bytes.subarray(0, bytes.length - 800)),
  ),
];

/** All HEIC variants under test, with the optional package. */
export const heicVariants: readonly Variant[] = [
  rightHeic('8 bits', byHeifEnc('rgb.png')),
  rightHeic('YUV 444', byHeifEnc('rgb.png', '-p', 'chroma=444')),
  rightHeic('with alpha', byHeifEnc('rgba.png')),
  rightHeic('10 bits', byHeifEnc('rgb16.png', '-b', '10')),
  rightHeic('with a thumbnail', byHeifEnc('rgb.png', '-t', '64')),
  rightHeic('grey', byHeifEnc('grey.png'), true),
  ...TRANSFORMS.map(([turns, axis]) => heicTurned(turns, axis)),
  ...([0, 1] as const).map((axis) =>
    rightHeic(
      `mirrored ${axis} and then rotated 90°`,
      patched(byHeifEnc(storedForMirroredFirst(axis)), mirroredFirst(axis)),
    ),
  ),
  ...(
    [
      [90, 87],
      [300, 290],
    ] as const
  ).map(([width, height]) =>
    heic.refused(
      `a header of ${width}x${height} pixels, HEVC of 181x175`,
      `pixels, but its header has ${width}x${height}`,
      patched(byHeifEnc('rgb.png'), withStatedSize(width, height)),
    ),
  ),
  heic.refused(
    'an overlay of pictures',
    'an overlay of pictures (iovl) is not supported',
    patched(byHeifEnc('rgb.png'), withType('grid', 'iovl')),
  ),
  heic.refused(
    'coded as H.264',
    'a picture coded as "avc1" is not supported',
    patched(byHeifEnc('rgb.png'), withType('grid', 'avc1')),
  ),
  heic.refused(
    'cut off',
    'the file is truncated',
    patched(byHeifEnc('rgb.png'), (bytes) => bytes.subarray(0, bytes.length - 800)),
  ),
];
