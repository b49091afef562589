import { deflateSync } from 'node:zlib';
import { turnedSource } from './make-sources.ts';
import { byMagick, byPillow, exifOf, NO_FACE, patched, variantsOf } from './new-variant.ts';
import { pngChunk, withPngChunk } from './png-chunk.ts';
import { run } from './run-program.ts';
import type { Detail, Variant } from './variant.ts';

const { right, refused } = variantsOf('PNG', 'png');

const INTERLACING = [
  ['', 'None'],
  [', interlaced', 'PNG'],
] as const;

/** Colour types and depths, and their sources. */
const KINDS: readonly (readonly [name: string, source: string, type: number, depth: number, detail: Detail])[] = [
  ['grey 1 bit', 'bilevel.png', 0, 1, 'coarse'],
  ['grey 2 bit', 'grey.png', 0, 2, 'coarse'],
  ['grey 4 bit', 'grey.png', 0, 4, 'less'],
  ['grey 8 bit', 'grey.png', 0, 8, 'all'],
  ['grey 16 bit', 'grey16.png', 0, 16, 'all'],
  ['RGB 8 bit', 'rgb.png', 2, 8, 'all'],
  ['RGB 16 bit', 'rgb16.png', 2, 16, 'all'],
  ['palette 1 bit', 'bilevel.png', 3, 1, 'coarse'],
  ['palette 2 bit', '4.png', 3, 2, 'coarse'],
  ['palette 4 bit', '16.png', 3, 4, 'coarse'],
  ['palette 8 bit', '256.png', 3, 8, 'less'],
  ['grey with alpha 8 bit', 'grey-alpha.png', 4, 8, 'all'],
  ['grey with alpha 16 bit', 'grey-alpha.png', 4, 16, 'all'],
  ['RGB with alpha 8 bit', 'rgba.png', 6, 8, 'all'],
  ['RGB with alpha 16 bit', 'rgba.png', 6, 16, 'all'],
];

const saved = (source: string, type: number, depth: number, ...args: string[]) => {
  // ImageMagick writes a full palette only if not instructed to.
  const isFullPalette = type === 3 && depth === 8;
  const kind = ['-define', `png:color-type=${type}`, '-define', `png:bit-depth=${depth}`];
  return byMagick(
    source,
    [...args, '-depth', String(depth), ...(isFullPalette ? [] : kind)],
    isFullPalette ? 'PNG8:' : '',
  );
};

const plain = saved('rgb.png', 2, 8);

/** Splits the data into many chunks. */
function inPieces(bytes: Buffer): Buffer {
  const start = bytes.indexOf('IDAT') - 4;
  const length = bytes.readUInt32BE(start);
  const data = bytes.subarray(start + 8, start + 8 + length);
  const pieces = Array.from({ length: Math.ceil(length / 100) }, (_, i) =>
    pngChunk('IDAT', data.subarray(100 * i, 100 * (i + 1))),
  );
  return Buffer.concat([bytes.subarray(0, start), ...pieces, bytes.subarray(start + 12 + length)]);
}

/** Inserts a chunk before the end marker. */
const withLastChunk =
  (name: string, content: Uint8Array) =>
  (bytes: Buffer): Buffer =>
    Buffer.concat([bytes.subarray(0, -12), pngChunk(name, content), bytes.subarray(-12)]);

/** EXIF as ImageMagick wrote it before PNG had a chunk for it. */
function rawProfile(kind: 'exif' | 'APP1', orientation: number, isCompressed: boolean): Buffer {
  const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exifOf(orientation)]);
  const lines = exif.toString('hex').replace(/.{72}/g, '$&\n');
  const text = Buffer.from(
    `\n${kind === 'exif' ? kind : 'generic profile'}\n${String(exif.length).padStart(8)}\n${lines}\n`,
    'latin1',
  );
  const key = Buffer.from(`Raw profile type ${kind}\0`, 'latin1');
  return isCompressed ? Buffer.concat([key, Uint8Array.of(0), deflateSync(text)]) : Buffer.concat([key, text]);
}

/** All PNG variants under test. */
export const pngVariants: readonly Variant[] = [
  ...KINDS.flatMap(([name, source, type, depth, detail]) =>
    INTERLACING.map(([suffix, interlace]) =>
      right(`${name}${suffix}`, 'imagemagick', saved(source, type, depth, '-interlace', interlace), {
        detail,
        isGrey: /^(grey|bilevel)/.test(source),
      }),
    ),
  ),
  ...[1, 2, 3, 5, 8, 9].map((size) =>
    right(
      `interlaced, ${size} pixels wide`,
      'imagemagick',
      saved('rgb.png', 2, 8, '-crop', `${size}x7+90+60`, '+repage', '-interlace', 'PNG'),
      NO_FACE,
    ),
  ),
  ...[0, 1, 2, 3, 4].map((filter) =>
    right(`filter ${filter}`, 'imagemagick', saved('rgb.png', 2, 8, '-define', `png:compression-filter=${filter}`)),
  ),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation) =>
    right(
      `EXIF orientation ${orientation}`,
      'pillow',
      patched(saved(turnedSource(orientation), 2, 8), withPngChunk('eXIf', exifOf(orientation))),
    ),
  ),
  right('EXIF after the pixels', 'pillow', patched(saved(turnedSource(6), 2, 8), withLastChunk('eXIf', exifOf(6)))),
  ...(
    [
      ['exif', 6, true],
      ['exif', 3, false],
      ['APP1', 8, true],
      ['APP1', 5, false],
    ] as const
  ).map(([kind, orientation, isCompressed]) =>
    right(
      `EXIF orientation ${orientation} in ${isCompressed ? 'compressed ' : ''}text (${kind})`,
      'imagemagick',
      patched(
        saved(turnedSource(orientation), 2, 8),
        withPngChunk(isCompressed ? 'zTXt' : 'tEXt', rawProfile(kind, orientation, isCompressed)),
      ),
      // ImageMagick itself reads one of the two.
      { source: { name: 'rgb.png', args: [] } },
    ),
  ),
  right('a transparent grey', 'pillow', byPillow('grey.png', 'i = i.convert("L")', 'transparency=200'), {
    isGrey: true,
  }),
  right('a transparent RGB colour', 'pillow', byPillow('rgb.png', '', 'transparency=i.getpixel((90, 60))')),
  right('a palette with alpha', 'pillow', byPillow('256.png', '', 'transparency=bytes(range(256))'), {
    detail: 'less',
  }),
  right('in chunks of 100 bytes', 'imagemagick', patched(plain, inPieces)),
  right('gamma 1 (ignored)', 'pillow', patched(plain, withPngChunk('gAMA', Uint8Array.of(0, 1, 0x86, 0xa0)))),
  right(
    'bytes after the end',
    'pillow',
    patched(plain, (bytes) => Buffer.concat([bytes, Buffer.from('\n')])),
  ),
  right('animated (APNG): the first picture', 'pillow', async (sources, path) => {
    const frames = ['-loop', '1', '-i', sources.path('rgb.png'), '-frames:v', '3', '-f', 'apng'];
    await run('ffmpeg', '-v', 'error', '-y', ...frames, path);
  }),
  refused(
    "Apple's variant (CgBI)",
    "Apple's variant of PNG (CgBI) is not supported",
    patched(plain, (bytes) =>
      Buffer.concat([bytes.subarray(0, 8), pngChunk('CgBI', new Uint8Array(4)), bytes.subarray(8)]),
    ),
  ),
  refused(
    'two headers',
    'its header is not where it should be',
    patched(plain, (bytes) => Buffer.concat([bytes.subarray(0, 33), bytes.subarray(8, 33), bytes.subarray(33)])),
  ),
  refused(
    'a palette that is missing',
    'it has no palette',
    patched(saved('256.png', 3, 8), (bytes) => {
      const start = bytes.indexOf('PLTE') - 4;
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 12 + bytes.readUInt32BE(start))]);
    }),
  ),
  refused(
    'a header that was changed',
    'the checksum of its IHDR chunk is wrong',
    patched(plain, (bytes) => {
      bytes.writeUInt32BE(180, 16);
      return bytes;
    }),
  ),
  refused(
    'cut off',
    'the file is truncated',
    patched(plain, (bytes) => bytes.subarray(0, bytes.length - 2000)),
  ),
];
