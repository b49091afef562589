import { writeFile } from 'node:fs/promises';
import { turnedSource } from './make-sources.ts';
import { exifOf, patched, type RightOptions, variantsOf } from './new-variant.ts';
import { run } from './run-program.ts';
import type { Variant } from './variant.ts';

const { right: rightOrLossy, refused } = variantsOf('WebP', 'webp');
const lossy = (feature: string, make: Variant['make'], options: RightOptions = {}): Variant =>
  rightOrLossy(feature, 'pillow', make, { isLossy: true, ...options });
const lossless = (feature: string, make: Variant['make'], options: RightOptions = {}): Variant =>
  rightOrLossy(feature, 'pillow', make, options);

const byCwebp =
  (source: string, ...args: string[]): Variant['make'] =>
  async (sources, path) => {
    await run('cwebp', '-quiet', ...args, sources.path(source), '-o', path);
  };

const byImg2webp =
  (...args: string[]): Variant['make'] =>
  async (sources, path) => {
    await run('img2webp', ...args, sources.path('rgb.png'), sources.path('16.png'), '-o', path);
  };

const withExif =
  (make: Variant['make'], orientation: number): Variant['make'] =>
  async (sources, path) => {
    const plain = `${path}.plain.webp`;
    const exif = `${path}.exif`;
    await make(sources, plain);
    await writeFile(exif, exifOf(orientation));
    await run('webpmux', '-set', 'exif', exif, plain, '-o', path);
  };

const plain = byCwebp('rgb.png', '-q', '90');

/** All WebP variants under test. */
export const webpVariants: readonly Variant[] = [
  lossy('lossy, quality 90', plain),
  lossy('lossy, quality 40', byCwebp('rgb.png', '-q', '40'), { detail: 'coarse' }),
  lossy('lossy, sharp colours', byCwebp('rgb.png', '-q', '90', '-sharp_yuv')),
  lossy('lossy, 8 partitions', byCwebp('rgb.png', '-q', '90', '-partition_limit', '50', '-segments', '4', '-m', '6')),
  lossy('lossy with alpha', byCwebp('rgba.png', '-q', '90')),
  lossy('lossy with alpha, not compressed', byCwebp('rgba.png', '-q', '90', '-alpha_method', '0')),
  lossless('lossless', byCwebp('rgb.png', '-lossless')),
  lossless('lossless, fast', byCwebp('rgb.png', '-lossless', '-z', '0')),
  lossless('lossless with alpha, colours under it kept', byCwebp('rgba.png', '-lossless', '-exact')),
  lossless('lossless, 16 colours', byCwebp('16.png', '-lossless'), { detail: 'coarse' }),
  lossless('nearly lossless', byCwebp('rgb.png', '-near_lossless', '40'), { detail: 'less' }),
  lossless('lossless, grey', byCwebp('grey.png', '-lossless'), { isGrey: true }),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation) =>
    lossy(`EXIF orientation ${orientation}`, withExif(byCwebp(turnedSource(orientation), '-q', '90'), orientation)),
  ),
  lossy('animated: the first frame', byImg2webp('-lossy', '-q', '90')),
  lossless('animated, lossless: the first frame', byImg2webp('-lossless')),
  lossy(
    'bytes after the end',
    patched(plain, (bytes) => Buffer.concat([bytes, Buffer.alloc(50, 9)])),
  ),
  refused(
    'cut off',
    'the file is truncated',
    patched(plain, (bytes) => bytes.subarray(0, bytes.length - 600)),
  ),
  refused(
    'a canvas of another size',
    'the size of its picture does not match its header',
    patched(withExif(plain, 1), (bytes) => {
      bytes.writeUInt16LE(500, 24);
      return bytes;
    }),
  ),
];
