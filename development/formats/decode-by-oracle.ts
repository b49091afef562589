import { readFile } from 'node:fs/promises';
import { decodePng } from '../../src/image-files/decode-png.ts';
import type { RgbaImage } from '../../src/types.ts';
import { magick, pillow, run } from './run-program.ts';
import type { Oracle, SourceOfPixels, Sources } from './variant.ts';

async function decodeByMagick(path: string, args: readonly string[] = []): Promise<RgbaImage> {
  // All kinds of colours become sRGB, without brightening a linear or grey picture.
  const asRgba = ['-colorspace', 'sRGB', '-depth', '8', 'rgba:-'];
  return withSize(
    await magick(`${path}[0]`, '-auto-orient', '-print', '%w %h\\n', '+profile', 'icc', ...args, ...asRgba),
  );
}

/** Parses a picture printed as a line with width and height, then RGBA bytes. */
function withSize(printed: Buffer): RgbaImage {
  const end = printed.indexOf('\n');
  const [width = 0, height = 0] = printed.subarray(0, end).toString().split(' ').map(Number);
  return { data: printed.subarray(end + 1), width, height };
}

const PILLOW_DECODE = [
  'i = Image.open(a[0])',
  'i.seek(0)',
  'i = ImageOps.exif_transpose(i)',
  'i = i.convert("RGBA")',
  'sys.stdout.buffer.write(b"%d %d\\n" % i.size + i.tobytes())',
].join('; ');

async function decodeByPillow(path: string): Promise<RgbaImage> {
  return withSize(await pillow(PILLOW_DECODE, path));
}

async function decodeToPng(path: string, decode: (png: string) => Promise<unknown>): Promise<RgbaImage> {
  const png = `${path}.oracle.png`;
  await decode(png);
  return decodePng(await readFile(png), () => {}).image;
}

async function decodeByLibtiff(path: string): Promise<RgbaImage> {
  const plain = `${path}.oracle.tif`;
  await run('tiff2rgba', '-c', 'none', path, plain);
  return decodeByPillow(plain);
}

const DECODERS: Readonly<Record<Oracle, (path: string) => Promise<RgbaImage>>> = {
  imagemagick: (path) => decodeByMagick(path),
  pillow: decodeByPillow,
  libtiff: decodeByLibtiff,
  ffmpeg: (path) =>
    decodeToPng(path, (png) =>
      run('ffmpeg', '-v', 'error', '-y', '-i', path, '-frames:v', '1', '-pix_fmt', 'rgba', png),
    ),
  libavif: (path) => decodeToPng(path, (png) => run('avifdec', '--depth', '8', path, png)),
  libheif: (path) => decodeToPng(path, (png) => run('heif-convert', path, png)),
};

/** Decodes a picture with another program. */
export function decodeByOracle(oracle: Oracle, path: string): Promise<RgbaImage> {
  return DECODERS[oracle](path);
}

/** The pixels of a source, changed by ImageMagick. */
export function decodeSource({ name, args }: SourceOfPixels, sources: Sources): Promise<RgbaImage> {
  return decodeByMagick(sources.path(name), args);
}
