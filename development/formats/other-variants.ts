import { copyFile, writeFile } from 'node:fs/promises';
import { byMagick, variantsOf } from './new-variant.ts';
import { run } from './run-program.ts';
import type { Variant } from './variant.ts';

/** Kinds of pictures that are refused by name, as written by ImageMagick. */
const WRITTEN: readonly (readonly [name: string, format: string, args?: readonly string[]])[] = [
  ['Photoshop (PSD)', 'PSD'],
  ['PCX', 'PCX'],
  ['TGA', 'TGA'],
  ['icon (ICO)', 'ICO'],
  ['DDS', 'DDS'],
  ['Radiance (HDR)', 'HDR'],
  ['SGI', 'SGI'],
  ['Sun raster', 'SUN'],
  ['XPM', 'XPM'],
  ['XBM', 'XBM'],
  ['FITS', 'FITS'],
  ['MNG', 'MNG'],
  ['JNG', 'JNG'],
  ['DPX', 'DPX'],
  ['ImageMagick (MIFF)', 'MIFF'],
  ['Netpbm', 'PBM', ['-compress', 'None']],
  ['Netpbm', 'PGM', ['-compress', 'None']],
  ['Netpbm', 'PPM', ['-compress', 'None']],
  ['Netpbm', 'PBM'],
  ['Netpbm', 'PGM'],
  ['Netpbm', 'PPM'],
  ['Netpbm', 'PAM'],
  ['Netpbm', 'PFM'],
];

/** Kinds that no Debian package of the tests writes, by their first bytes. */
const BEGINNINGS: readonly (readonly [name: string, beginning: string])[] = [
  ['JPEG 2000', '\0\0\0\x0cjP  \r\n\x87\n'],
  ['JPEG 2000', '\xff\x4f\xff\x51\0\x2f\0\0'],
  ['JPEG XL', '\0\0\0\x0cJXL \r\n\x87\n'],
  ['JPEG XL', '\xff\x0a\xfa\x7f\x01\x90'],
  ['JPEG XR', 'II\xbc\x01\x20\0\0\0'],
  ['TGA', '\0\0\x0a\0\0\0\0\0\0\0\0\0\xb5\0\xaf\0\x18\0'],
  ['cursor (CUR)', '\0\0\x02\0\x01\0\x20\x20\0\0'],
  ['OpenEXR', 'v/1\x01\x02\0\0\0'],
  ['QOI', 'qoif\0\0\0\xb5\0\0\0\xaf\x03\0'],
  ['GIMP (XCF)', 'gimp xcf v011\0'],
  ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['SVG', '\xef\xbb\xbf\n<?xml version="1.0"?><svg/>'],
  ['PDF', '%PDF-1.7\n'],
  ['PostScript', '%!PS-Adobe-3.0 EPSF-3.0\n'],
  ['raw (Olympus)', 'IIRO\x08\0\0\0'],
  ['raw (Panasonic)', 'IIU\0\x18\0\0\0'],
  ['raw (Fujifilm)', 'FUJIFILMCCD-RAW 0201'],
  ['raw (Canon)', '\0\0\0\x18ftypcrx \0\0\0\x01crx isom'],
];

const all = [
  ...WRITTEN.map(
    ([name, format, args]) =>
      [name, args === undefined ? format : `${format}, text`, byMagick('rgb.png', args ?? [], `${format}:`)] as const,
  ),
  ...BEGINNINGS.map(
    ([name, beginning]) =>
      [name, '', async (_: unknown, path: string) => writeFile(path, beginning, 'latin1')] as const,
  ),
];

const { refused } = variantsOf('other', 'bin');

/** Pictures of kinds that are not decoded, and files that are not pictures; each is refused by name. */
export const otherVariants: readonly Variant[] = [
  ...all.map(([name, format, make], i) => {
    const isAgain = all.some(([other], at) => other === name && at < i);
    const feature = name === 'Netpbm' ? `${name} (${format})` : isAgain ? `${name}, the other signature` : name;
    return refused(feature, `${name} pictures are not supported`, make);
  }),
  ...['mp4', 'mkv', 'avi'].map((ending) =>
    refused(`a video (${ending})`, 'this is a video (', async (sources, path) => {
      const film = `${path}.${ending}`;
      const size = ['-vf', 'scale=64:64', '-c:v', 'mpeg4', '-frames:v', '1'];
      await run('ffmpeg', '-v', 'error', '-y', '-i', sources.path('rgb.png'), ...size, film);
      await copyFile(film, path);
    }),
  ),
  refused('a web page instead', 'this is a web page (HTML), not a picture', async (_, path) =>
    writeFile(path, '\n<!DOCTYPE html>\n<html><body>404</body></html>\n'),
  ),
];
