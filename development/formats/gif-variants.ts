import { byMagick, byPillow, NO_FACE, patched, type RightOptions, variantsOf } from './new-variant.ts';
import { magick, run } from './run-program.ts';
import type { Variant } from './variant.ts';

const { right: rightOf, refused } = variantsOf('GIF', 'gif');
const right = (
  feature: string,
  oracle: 'imagemagick' | 'pillow',
  make: Variant['make'],
  options: RightOptions = { detail: 'less' },
) => rightOf(feature, oracle, make, options);

/** 16 colours and fewer. */
const COARSE = { detail: 'coarse' } as const;

const plain = byMagick('256.png', []);
const interlaced = byMagick('256.png', ['-interlace', 'GIF']);
const transparent = byMagick('16.png', ['-transparent', 'rgb(0,0,0)', '-fuzz', '20%', '-transparent', 'white']);

/** A frame that fills part of its canvas. */
const partial =
  (...args: string[]): Variant['make'] =>
  async (sources, path) => {
    await magick('-page', '200x190+7+9', sources.path('256.png'), ...args, path);
  };

/** All GIF variants under test. */
export const gifVariants: readonly Variant[] = [
  right('256 colours', 'imagemagick', plain),
  right('16 colours', 'imagemagick', byMagick('16.png', []), COARSE),
  right('4 colours', 'imagemagick', byMagick('4.png', []), COARSE),
  right('2 colours', 'imagemagick', byMagick('bilevel.png', []), { ...COARSE, isGrey: true }),
  right('version 87a', 'imagemagick', byMagick('256.png', [], 'GIF87:')),
  right('interlaced', 'imagemagick', interlaced),
  right(
    'interlaced, 5x3 pixels',
    'imagemagick',
    byMagick('256.png', ['-crop', '5x3+90+60', '+repage', '-interlace', 'GIF']),
    NO_FACE,
  ),
  right('by Pillow', 'pillow', byPillow('rgb.png', '')),
  right('by ffmpeg', 'pillow', async (sources, path) => {
    await run('ffmpeg', '-v', 'error', '-y', '-i', sources.path('256.png'), path);
  }),
  right('grey', 'pillow', byMagick('grey.png', []), { isGrey: true }),
  right('a transparent colour', 'pillow', transparent, COARSE),
  right('a frame on a larger canvas', 'pillow', partial('-background', 'black'), { detail: 'less', corner: [7, 9] }),
  right('animated: the first frame', 'pillow', async (sources, path) => {
    await magick('-delay', '10', sources.path('256.png'), sources.path('16.png'), '-loop', '0', path);
  }),
  right('a comment', 'imagemagick', byMagick('256.png', ['-set', 'comment', 'a face'])),
  right(
    'bytes after the end',
    'pillow',
    patched(plain, (bytes) => Buffer.concat([bytes, Buffer.from('more')])),
  ),
  refused(
    'cut off',
    'the file is truncated',
    patched(plain, (bytes) => bytes.subarray(0, bytes.length - 500)),
  ),
  refused(
    'a frame larger than the canvas',
    'a frame of the GIF is larger than the picture',
    patched(plain, (bytes) => {
      bytes.writeUInt16LE(100, 6);
      return bytes;
    }),
  ),
];
