import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../paths.ts';
import { magick } from './run-program.ts';
import type { Sources } from './variant.ts';

/** The portrait: odd sizes, so that rows are padded if a format pads them. */
const CROP = '181x175+138+18';

/** Makes the sources of variants: the portrait in colours, grey, with alpha, with few colours and in black and white. */
export async function makeSources(folder: string): Promise<Sources> {
  const path = (name: string): string => join(folder, name);
  const portrait = path('rgb.png');
  await magick(join(repositoryRoot, 'examples/astronaut.png'), '-crop', CROP, '+repage', '-strip', `PNG24:${portrait}`);
  await magick(portrait, '-colorspace', 'Gray', '-depth', '8', path('grey.png'));
  await magick(portrait, '-monochrome', '-depth', '1', path('bilevel.png'));
  for (const [orientation, args] of STORED.entries())
    await magick(portrait, ...args, `PNG24:${path(turnedSource(orientation + 1))}`);
  for (const colours of [256, 16, 4]) {
    await magick(portrait, '-dither', 'FloydSteinberg', '-colors', String(colours), `PNG8:${path(`${colours}.png`)}`);
  }
  // Alpha runs from left to right, from opaque to fully transparent.
  await magick(
    portrait,
    '(',
    '-size',
    '175x181',
    'gradient:white-black',
    '-rotate',
    '90',
    ')',
    ...ALPHA,
    path('rgba.png'),
  );
  await magick(path('rgba.png'), '-colorspace', 'Gray', path('grey-alpha.png'));
  // Uses all 16 bits: the portrait with a slope of less than one 8-bit level.
  await magick(
    portrait,
    '-depth',
    '16',
    '(',
    '-size',
    '181x175',
    'gradient:gray(1)-gray(0)',
    '-evaluate',
    'multiply',
    '0.004',
    ')',
    ...SLOPED,
    path('rgb16.png'),
  );
  await magick(path('rgb16.png'), '-colorspace', 'Gray', '-depth', '16', path('grey16.png'));
  return { folder, path };
}

/** What is stored for each EXIF orientation, 1..8, so that applying it gives an upright picture. */
const STORED = [
  [],
  ['-flop'],
  ['-rotate', '180'],
  ['-flip'],
  ['-transpose'],
  ['-rotate', '270'],
  ['-transverse'],
  ['-rotate', '90'],
] as const;

/** The source of a picture with an EXIF orientation, 1..8: the portrait, which that orientation turns upright. */
export const turnedSource = (orientation: number): string => `turned-${orientation}.png`;

const ALPHA = ['-alpha', 'off', '-compose', 'CopyOpacity', '-composite', '-define', 'png:color-type=6'];
const SLOPED = ['-compose', 'plus', '-composite', '-define', 'png:bit-depth=16', '-define', 'png:color-type=2'];

/** Makes a file from another one by changing its bytes. */
export async function patch(from: string, to: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
  await writeFile(to, change(await readFile(from)));
}
