import { readFile, writeFile } from 'node:fs/promises';
import { turnedSource } from './make-sources.ts';
import { byMagick, byPillow, NO_FACE, patched, variantsOf } from './new-variant.ts';
import { magick, pillow, run } from './run-program.ts';
import type { Detail, Oracle, Sources, Variant } from './variant.ts';
import { type TiffPage, writeTiff } from './write-tiff.ts';

const { right, refused } = variantsOf('TIFF', 'tif');

const tiff = (source: string, ...args: string[]) => byMagick(source, ['-compress', 'None', ...args], 'TIFF:');

/** Writes with ImageMagick and copies with libtiff's tool, which supports more ways to store pixels. */
const copied =
  (make: Variant['make'], ...args: string[]): Variant['make'] =>
  async (sources, path) => {
    const plain = `${path}.plain.tif`;
    await make(sources, plain);
    await run('tiffcp', ...args, plain, path);
  };

/** YCbCr that is not JPEG, by ffmpeg. */
const yCbCr =
  (format: string, compression: string): Variant['make'] =>
  async (sources, path) => {
    const how = ['-pix_fmt', format, '-compression_algo', compression];
    await run('ffmpeg', '-v', 'error', '-y', '-i', sources.path('rgb.png'), ...how, path);
  };

const grey = tiff('grey.png', '-depth', '8');
const rgb = tiff('rgb.png', '-depth', '8');
const rgba = tiff('rgba.png', '-depth', '8');
const rgb16 = tiff('rgb16.png', '-depth', '16');
/** ImageMagick cannot write it without compression. */
const float = (bits: string, source = 'rgb16.png') =>
  tiff(source, '-compress', 'Zip', '-define', 'quantum:format=floating-point', '-depth', bits);
const cmyk = tiff('rgb.png', '-colorspace', 'CMYK', '-depth', '8');
const palette = tiff('256.png', '-type', 'Palette');

/** Sets the value of a field, a short or long one, of the first page. */
const withField =
  (tag: number, value: number) =>
  (bytes: Buffer): Buffer => {
    const isLittleEndian = bytes[0] === 0x49;
    const short = (at: number): number => (isLittleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
    const page = isLittleEndian ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4);
    for (let i = 0; i < short(page); i++) {
      const entry = page + 2 + 12 * i;
      if (short(entry) !== tag) continue;
      if (isLittleEndian) bytes.writeUInt16LE(value, entry + 8);
      else bytes.writeUInt16BE(value, entry + 8);
      return bytes;
    }
    throw new Error(`this TIFF has no field ${tag}`);
  };

const SIZE = { 256: [181], 257: [175] } as const;

/** Samples of the portrait from Pillow, after a change to its image `i`: `raw` or a JPEG of quality 92. */
async function samplesOf(sources: Sources, path: string, change: string, coding: 'raw' | 'jpeg'): Promise<Buffer> {
  const out = `${path}.${coding}`;
  const save = coding === 'raw' ? 'open(a[1], "wb").write(i.tobytes())' : 'i.save(a[1], quality=92, subsampling=0)';
  await pillow(`i = Image.open(a[0]); ${change}; ${save}`, sources.path('rgb.png'), out);
  return readFile(out);
}

/** Each colour in its own plane, a grey JPEG. */
const jpegPlanes =
  (mode: 'RGB' | 'YCbCr'): Variant['make'] =>
  async (sources, path) => {
    const strips: Buffer[] = [];
    for (const plane of [0, 1, 2]) {
      strips.push(await samplesOf(sources, `${path}.${plane}`, `i = i.convert("${mode}").split()[${plane}]`, 'jpeg'));
    }
    const colours = { 262: [mode === 'RGB' ? 2 : 6], 530: [1, 1] };
    const fields = { ...SIZE, ...colours, 258: [8, 8, 8], 259: [7], 277: [3], 278: [175], 284: [2] };
    await writeFile(path, writeTiff([{ fields, strips }]));
  };

const TILE = 64;

/** YCbCr in which four pixels share their colours, without JPEG, in tiles. */
const yCbCrTiles: Variant['make'] = async (sources, path) => {
  const plane = (index: number, size: string): Promise<Buffer> =>
    samplesOf(
      sources,
      `${path}.${index}`,
      `i = i.convert("YCbCr").crop((0, 0, 192, 192)).split()[${index}]${size}`,
      'raw',
    );
  const [luma, blue, red] = [
    await plane(0, ''),
    await plane(1, '.resize((96, 96), Image.BOX)'),
    await plane(2, '.resize((96, 96), Image.BOX)'),
  ];
  const strips = Array.from({ length: 9 }, (_, tile) => {
    const [left, top] = [(tile % 3) * TILE, Math.floor(tile / 3) * TILE];
    const blocks: number[] = [];
    for (let y = top; y < top + TILE; y += 2) {
      for (let x = left; x < left + TILE; x += 2) {
        const at = y * 192 + x;
        const colour = (y / 2) * 96 + x / 2;
        for (const sample of [luma[at], luma[at + 1], luma[at + 192], luma[at + 193], blue[colour], red[colour]])
          blocks.push(sample ?? 0);
      }
    }
    return Uint8Array.from(blocks);
  });
  const tiling = { 322: [TILE], 323: [TILE] };
  const fields = { ...SIZE, ...tiling, 258: [8, 8, 8], 259: [1], 262: [6], 277: [3], 530: [2, 2] };
  await writeFile(path, writeTiff([{ fields, strips, isTiled: true }]));
};

const THUMBNAIL = { 254: [1], 256: [32], 257: [31], 258: [8, 8, 8], 259: [1], 262: [2], 277: [3], 278: [31] } as const;

/** A thumbnail, with the picture as a page inside or after it. @param marks - further fields of the first page. */
const afterThumbnail =
  (place: 'inside' | 'after', picture: TiffPage['fields'], marks: TiffPage['fields'] = {}): Variant['make'] =>
  async (sources, path) => {
    const small = await samplesOf(sources, `${path}.small`, 'i = i.resize((32, 31))', 'raw');
    const whole = await samplesOf(sources, path, 'pass', 'raw');
    const full: TiffPage = {
      fields: { 254: [0], ...SIZE, 258: [8, 8, 8], 259: [1], 262: [2], 277: [3], 278: [175], ...picture },
      strips: [whole],
    };
    const thumbnail: TiffPage = { fields: { ...THUMBNAIL, ...marks }, strips: [small] };
    await writeFile(path, writeTiff(place === 'inside' ? [{ ...thumbnail, inside: [full] }] : [thumbnail, full]));
  };

/** Sensor samples: one colour per pixel. */
const SENSOR = { 258: [8], 262: [32803], 277: [1] } as const;

/** A file with the first bytes and the one field that identify a camera's raw file. */
const ofCanon: Variant['make'] = async (sources, path) => {
  const small = await samplesOf(sources, path, 'i = i.resize((32, 31))', 'raw');
  await writeFile(path, writeTiff([{ fields: THUMBNAIL, strips: [small] }], Buffer.from('CR\x02\0', 'latin1')));
};

const FULL = { source: { name: 'rgb.png', args: [] } } as const;

const KINDS: readonly (readonly [name: string, make: Variant['make'], oracle: Oracle, detail: Detail])[] = [
  ['grey 8 bit', grey, 'imagemagick', 'all'],
  ['RGB 8 bit', rgb, 'libtiff', 'all'],
  ['RGB 16 bit', rgb16, 'imagemagick', 'all'],
  ['RGB with alpha 8 bit', rgba, 'imagemagick', 'all'],
  ['palette 8 bit', palette, 'imagemagick', 'less'],
  ['CMYK 8 bit', cmyk, 'imagemagick', 'all'],
];
const WAYS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['LZW', ['-c', 'lzw']],
  ['deflate', ['-c', 'zip']],
  ['PackBits', ['-c', 'packbits']],
  ['tiles of 64x32, LZW', ['-t', '-w', '64', '-l', '32', '-c', 'lzw']],
  ['in planes', ['-p', 'separate']],
  ['in planes and tiles, deflate', ['-p', 'separate', '-t', '-w', '48', '-l', '16', '-c', 'zip']],
  ['big-endian, LZW with predictor', ['-B', '-c', 'lzw:2']],
  ['little-endian, deflate with predictor', ['-L', '-c', 'zip:2']],
  ['strips of 7 rows', ['-r', '7']],
];

/** libtiff's tool does not support 16-bit planes, nor a predictor with a palette. */
const isPossible = (kind: string, way: string): boolean =>
  !(way.includes('predictor') && kind.startsWith('palette')) && !(way.includes('planes') && kind.includes('16 bit'));

/** All TIFF variants under test. */
export const tiffVariants: readonly Variant[] = [
  ...KINDS.flatMap(([name, make, oracle, detail]) => [
    right(name, oracle, make, { detail, isGrey: make === grey }),
    ...WAYS.filter(([way]) => isPossible(name, way)).map(([way, args]) =>
      right(`${name}, ${way}`, oracle, copied(make, ...args), { detail, isGrey: make === grey }),
    ),
  ]),
  right('grey 1 bit', 'imagemagick', tiff('bilevel.png', '-depth', '1', '-type', 'bilevel'), {
    detail: 'coarse',
    isGrey: true,
  }),
  right('grey 1 bit, bits reversed', 'imagemagick', copied(tiff('bilevel.png', '-depth', '1'), '-f', 'lsb2msb'), {
    detail: 'coarse',
    isGrey: true,
  }),
  right('grey 1 bit, white is zero', 'imagemagick', tiff('bilevel.png', '-define', 'quantum:polarity=min-is-white'), {
    detail: 'coarse',
    isGrey: true,
  }),
  ...[2, 4].map((bits) =>
    right(`grey ${bits} bit`, 'imagemagick', tiff('grey.png', '-depth', String(bits)), {
      detail: bits === 4 ? 'less' : 'coarse',
      isGrey: true,
    }),
  ),
  ...[10, 12, 14, 16, 32].map((bits) =>
    right(`grey ${bits} bit`, 'imagemagick', tiff('grey16.png', '-depth', String(bits)), { isGrey: true }),
  ),
  right('grey 8 bit, white is zero', 'imagemagick', tiff('grey.png', '-define', 'quantum:polarity=min-is-white'), {
    // ImageMagick sets the field but leaves the samples: a negative.
    ...NO_FACE,
  }),
  right('RGB 16 bit, in planes', 'imagemagick', tiff('rgb16.png', '-depth', '16', '-interlace', 'plane')),
  right('grey with alpha', 'imagemagick', tiff('grey-alpha.png', '-depth', '8'), { isGrey: true }),
  ...[4, 12, 32].map((bits) =>
    right(`RGB ${bits} bit`, 'imagemagick', tiff('rgb16.png', '-depth', String(bits)), {
      detail: bits > 4 ? 'all' : 'less',
    }),
  ),
  ...['16', '32', '64'].map((bits) => right(`RGB floating point ${bits} bit`, 'imagemagick', float(bits))),
  ...['none', 'lzw', 'zip'].map((compression) =>
    right(
      `RGB floating point 32 bit, ${compression}`,
      'imagemagick',
      copied(float('32'), '-c', compression === 'none' ? compression : `${compression}:3`),
    ),
  ),
  right('grey floating point 32 bit', 'imagemagick', float('32', 'grey16.png'), { isGrey: true }),
  right('RGB floating point 32 bit, big-endian', 'imagemagick', copied(float('32'), '-B', '-c', 'none')),
  right('RGB with associated alpha', 'imagemagick', tiff('rgba.png', '-define', 'tiff:alpha=associated')),
  right(
    'RGB with a fourth sample of no stated meaning',
    'pillow',
    tiff('rgba.png', '-define', 'tiff:alpha=unspecified'),
  ),
  right('CMYK 16 bit', 'imagemagick', tiff('rgb16.png', '-colorspace', 'CMYK', '-depth', '16')),
  right('palette 4 bit', 'imagemagick', tiff('16.png', '-type', 'Palette', '-depth', '4'), { detail: 'coarse' }),
  right('palette 1 bit', 'imagemagick', byPillow('bilevel.png', 'i = i.convert("P")'), {
    detail: 'coarse',
    isGrey: true,
  }),
  ...['yuv444p', 'yuv422p', 'yuv420p', 'yuv411p', 'yuv440p', 'yuv410p'].flatMap((format) =>
    ['raw', 'lzw', 'packbits', 'deflate'].map((compression) =>
      right(`YCbCr (${format}), ${compression}`, 'libtiff', yCbCr(format, compression), {
        detail: format === 'yuv444p' ? 'all' : 'less',
      }),
    ),
  ),
  right('JPEG, grey', 'imagemagick', copied(grey, '-c', 'jpeg:90', '-r', '176'), {
    isLossy: true,
    isGrey: true,
  }),
  right('JPEG, YCbCr', 'libtiff', copied(rgb, '-c', 'jpeg:90', '-r', '176'), { isLossy: true }),
  right('JPEG, RGB', 'libtiff', copied(rgb, '-c', 'jpeg:90:r', '-r', '176'), { isLossy: true }),
  right('JPEG, tiles', 'imagemagick', copied(rgb, '-c', 'jpeg:90', '-t', '-w', '64', '-l', '64'), { isLossy: true }),
  right('JPEG, strips of 16 rows', 'imagemagick', copied(rgb, '-c', 'jpeg:90', '-r', '16'), { isLossy: true }),
  right('JPEG, RGB in planes', 'libtiff', jpegPlanes('RGB'), { isLossy: true }),
  right('JPEG, YCbCr in planes', 'libtiff', jpegPlanes('YCbCr'), { isLossy: true }),
  right('YCbCr (yuv420p), tiles', 'libtiff', yCbCrTiles, { detail: 'less' }),
  right('JPEG by ImageMagick', 'imagemagick', byMagick('rgb.png', ['-compress', 'JPEG', '-quality', '90'], 'TIFF:'), {
    isLossy: true,
  }),
  right('by Pillow, deflate', 'pillow', byPillow('rgb.png', '', 'compression="tiff_adobe_deflate"')),
  right('by Pillow, with alpha', 'pillow', byPillow('rgba.png', '')),
  right('BigTIFF', 'imagemagick', byMagick('rgb.png', ['-compress', 'None'], 'TIFF64:')),
  right('BigTIFF, LZW', 'imagemagick', copied(rgb, '-8', '-c', 'lzw')),
  right('several pages: the first', 'imagemagick', async (sources, path) => {
    await magick(sources.path('rgb.png'), sources.path('grey.png'), '-compress', 'None', path);
  }),
  right('a thumbnail, the picture after it', 'imagemagick', afterThumbnail('after', {}), FULL),
  right('a thumbnail, the picture inside it', 'imagemagick', afterThumbnail('inside', {}), FULL),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation) =>
    right(
      `orientation ${orientation}`,
      'imagemagick',
      patched(tiff(turnedSource(orientation), '-depth', '8'), withField(274, orientation)),
    ),
  ),
  right(
    'bytes after the end',
    'imagemagick',
    patched(rgb, (bytes) => Buffer.concat([bytes, Buffer.alloc(77, 1)])),
  ),
  refused(
    'CCITT fax group 3',
    'compression 3, CCITT fax (group 3), is not supported',
    copied(tiff('bilevel.png', '-depth', '1'), '-c', 'g3'),
  ),
  refused(
    'CCITT fax group 4',
    'compression 4, CCITT fax (group 4), is not supported',
    copied(tiff('bilevel.png', '-depth', '1'), '-c', 'g4'),
  ),
  refused('LZMA', 'compression 34925, LZMA, is not supported', copied(rgb, '-c', 'lzma')),
  refused('Zstandard', 'compression 50000, Zstandard, is not supported', copied(rgb, '-c', 'zstd')),
  refused(
    'WebP inside',
    'compression 50001, WebP, is not supported',
    byMagick('rgb.png', ['-compress', 'WebP'], 'TIFF:'),
  ),
  refused('old-style JPEG', 'compression 6, old-style JPEG, is not supported', patched(rgb, withField(259, 6))),
  refused('JPEG 2000 inside', 'compression 34712, JPEG 2000, is not supported', patched(rgb, withField(259, 34712))),
  refused(
    'CIE Lab',
    'photometric interpretation 8, CIE Lab colours, is not supported',
    tiff('rgb.png', '-colorspace', 'Lab'),
  ),
  refused('a raw photo', 'a raw photo of a camera (CFA), is not supported', patched(grey, withField(262, 32803))),
  refused(
    'signed samples',
    'signed samples are not supported',
    tiff('grey.png', '-define', 'quantum:format=signed', '-depth', '16'),
  ),
  refused('signed samples by Pillow', 'signed samples are not supported', byPillow('grey16.png', '')),
  refused(
    'floating point beyond white',
    'floating-point samples outside 0..1 are not supported',
    byPillow('grey.png', 'i = i.convert("F")'),
  ),
  refused(
    'a raw photo behind a thumbnail (NEF, ARW)',
    'photometric interpretation 32803, a raw photo of a camera (CFA), is not supported',
    afterThumbnail('inside', SENSOR),
  ),
  refused(
    'a raw photo behind a thumbnail (DNG)',
    'a raw photo of a camera (DNG) is not supported',
    afterThumbnail('inside', SENSOR, { 50706: [1, 4, 0, 0] }),
  ),
  refused('a raw photo of Canon (CR2)', 'raw (Canon) pictures are not supported', ofCanon),
  refused(
    'JPEG, YCbCr in planes of different size',
    'YCbCr in planes of different sizes is not supported',
    patched(jpegPlanes('YCbCr'), withField(530, 2)),
  ),
  refused(
    'JPEG with alpha',
    'JPEG compression of 4 samples per pixel is not supported',
    patched(copied(rgba, '-c', 'lzw'), withField(259, 7)),
  ),
  refused('CMYK in JPEG', 'JPEG compression of CMYK pixels is not supported', copied(cmyk, '-c', 'jpeg', '-r', '176')),
  refused(
    'cut off',
    'the file is truncated',
    patched(rgb, (bytes) => bytes.subarray(0, bytes.length - 3000)),
  ),
];
