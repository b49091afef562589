import { writeFile } from 'node:fs/promises';
import { turnedSource } from './make-sources.ts';
import { byMagick, byPillow, exifOf, patched, type RightOptions, variantsOf } from './new-variant.ts';
import { magick, run } from './run-program.ts';
import type { Variant } from './variant.ts';

const { right: rightOrLossy, refused } = variantsOf('JPEG', 'jpg');
const right = (
  feature: string,
  oracle: 'imagemagick' | 'pillow',
  make: Variant['make'],
  options: RightOptions = {},
): Variant => rightOrLossy(feature, oracle, make, { isLossy: true, ...options });

const sampled = (factors: string, ...more: string[]) =>
  byMagick('rgb.png', ['-quality', '92', '-sampling-factor', factors, ...more]);
const plain = sampled('1x1');
const turned = (orientation: number) =>
  byMagick(turnedSource(orientation), ['-quality', '92', '-sampling-factor', '1x1']);

const byCjpeg =
  (...args: string[]): Variant['make'] =>
  async (sources, path) => {
    const ppm = `${path}.ppm`;
    await magick(sources.path('rgb.png'), ppm);
    await run('cjpeg', '-quality', '92', ...args, '-outfile', path, ppm);
  };

/** Inserts a segment after the start of the file. */
const withSegment =
  (marker: number, content: Uint8Array) =>
  (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(content.length + 2);
    return Buffer.concat([bytes.subarray(0, 2), Uint8Array.of(0xff, marker), length, content, bytes.subarray(2)]);
  };

const withExif = (orientation: number) =>
  withSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exifOf(orientation)]));

/** Changes the marker of the frame, or a byte of its header. */
const inFrame =
  (change: (bytes: Buffer, frame: number) => void) =>
  (bytes: Buffer): Buffer => {
    change(bytes, bytes.indexOf(Buffer.from([0xff, 0xc0])));
    return bytes;
  };
const withCoding = (marker: number) => inFrame((bytes, frame) => bytes.writeUInt8(marker, frame + 1));

const cmyk = 'i = i.convert("CMYK")';

/** All JPEG variants under test. */
export const jpegVariants: readonly Variant[] = [
  ...['1x1', '2x1', '2x2', '1x2', '4x1', '4x2'].flatMap((factors) => [
    right(`baseline, colours sampled ${factors}`, 'imagemagick', sampled(factors)),
    right(`progressive, colours sampled ${factors}`, 'imagemagick', sampled(factors, '-interlace', 'JPEG')),
  ]),
  right('grey', 'imagemagick', byMagick('grey.png', ['-quality', '92']), { isGrey: true }),
  right('grey, progressive', 'imagemagick', byMagick('grey.png', ['-quality', '92', '-interlace', 'JPEG']), {
    isGrey: true,
  }),
  right('quality 30', 'imagemagick', byMagick('rgb.png', ['-quality', '30']), { detail: 'coarse' }),
  right('quality 100', 'imagemagick', byMagick('rgb.png', ['-quality', '100'])),
  right('RGB, not YCbCr', 'pillow', byCjpeg('-rgb')),
  right('restart markers', 'pillow', byCjpeg('-restart', '1')),
  right('optimised tables', 'pillow', byCjpeg('-optimize')),
  right('smoothed, own scans', 'pillow', byCjpeg('-progressive', '-smooth', '10')),
  right('by Pillow', 'pillow', byPillow('rgb.png', '', 'quality=90')),
  right("CMYK with Adobe's marker", 'pillow', byPillow('rgb.png', cmyk, 'quality=92')),
  right('CMYK, progressive', 'pillow', byPillow('rgb.png', cmyk, 'quality=92, progressive=True')),
  right('CMYK by ImageMagick', 'pillow', byMagick('rgb.png', ['-colorspace', 'CMYK', '-quality', '92'])),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation) =>
    right(`EXIF orientation ${orientation}`, 'imagemagick', patched(turned(orientation), withExif(orientation))),
  ),
  right('EXIF orientation 9 (none)', 'pillow', patched(plain, withExif(9))),
  right('EXIF orientation in CMYK', 'pillow', patched(byPillow(turnedSource(6), cmyk, 'quality=92'), withExif(6))),
  right(
    'bytes after the end',
    'pillow',
    patched(plain, (bytes) => Buffer.concat([bytes, Buffer.alloc(1000, 0xff)])),
  ),
  right(
    'another JPEG after the end',
    'pillow',
    patched(plain, (bytes) => Buffer.concat([bytes, bytes])),
  ),
  right(
    'fill bytes before a marker',
    'pillow',
    patched(plain, (bytes) => {
      const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
      return Buffer.concat([bytes.subarray(0, frame), Buffer.alloc(7, 0xff), bytes.subarray(frame)]);
    }),
  ),
  right(
    'a comment and an unknown segment',
    'pillow',
    patched(plain, (bytes) => withSegment(0xec, Buffer.alloc(300))(withSegment(0xfe, Buffer.from('face'))(bytes))),
  ),
  refused('arithmetic coding', 'arithmetic-coded JPEG is not supported', byCjpeg('-arithmetic')),
  refused('lossless', 'lossless JPEG is not supported', patched(plain, withCoding(0xc3))),
  refused('hierarchical', 'hierarchical JPEG is not supported', patched(plain, withCoding(0xc5))),
  refused(
    '12 bits',
    'JPEG of 12 bits is not supported',
    patched(
      plain,
      inFrame((bytes, frame) => bytes.writeUInt8(12, frame + 4)),
    ),
  ),
  refused(
    'no height in its header',
    'JPEG without a height',
    patched(
      plain,
      inFrame((bytes, frame) => bytes.writeUInt16BE(0, frame + 5)),
    ),
  ),
  refused(
    "CMYK without Adobe's marker",
    "CMYK JPEG without Adobe's marker",
    patched(byPillow('rgb.png', cmyk, 'quality=92'), (bytes) => {
      bytes.write('Nobody', bytes.indexOf('Adobe'), 'latin1');
      return bytes;
    }),
  ),
  refused(
    'cut off',
    'the file is truncated',
    patched(plain, (bytes) => bytes.subarray(0, bytes.length / 2)),
  ),
  refused('JPEG 2000', 'JPEG 2000 pictures are not supported', async (_, path) =>
    writeFile(path, Buffer.from('0000000c6a5020200d0a870a', 'hex')),
  ),
];
