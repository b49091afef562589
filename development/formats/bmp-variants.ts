import { writeFile } from 'node:fs/promises';
import { byMagick, byPillow, NO_FACE, patched, variantsOf } from './new-variant.ts';
import { run } from './run-program.ts';
import type { Detail, Variant } from './variant.ts';

const { right, refused } = variantsOf('BMP', 'bmp');

const byFfmpeg =
  (format: string): Variant['make'] =>
  async (sources, path) => {
    await run('ffmpeg', '-v', 'error', '-y', '-i', sources.path('rgb.png'), '-pix_fmt', format, path);
  };

/** Saved in each depth, with a header of 40 bytes. */
const BY_DEPTH: readonly (readonly [depth: string, detail: Detail, make: Variant['make']])[] = [
  ['1 bit', 'coarse', byPillow('bilevel.png', 'i = i.convert("1")')],
  ['4 bit', 'coarse', byMagick('16.png', ['-type', 'Palette', '-compress', 'None'], 'BMP3:')],
  ['8 bit', 'less', byMagick('256.png', ['-type', 'Palette', '-compress', 'None'], 'BMP3:')],
  ['24 bit', 'all', byMagick('rgb.png', [], 'BMP3:')],
  ['32 bit', 'all', byFfmpeg('bgra')],
];

/** Moves the pixels away from the header. */
function withGap(bytes: Buffer, gap: number): Buffer {
  const offset = bytes.readUInt32LE(10);
  const moved = Buffer.concat([bytes.subarray(0, offset), Buffer.alloc(gap, 0xab), bytes.subarray(offset)]);
  moved.writeUInt32LE(offset + gap, 10);
  moved.writeUInt32LE(moved.length, 2);
  return moved;
}

/** Reverses the rows of an uncompressed file, and marks it so. */
function topDown(bytes: Buffer): Buffer {
  const offset = bytes.readUInt32LE(10);
  const height = bytes.readInt32LE(22);
  const stride = Math.floor((bytes.readInt32LE(18) * bytes.readUInt16LE(28) + 31) / 32) * 4;
  const rows = Array.from({ length: height }, (_, i) => bytes.subarray(offset + i * stride, offset + (i + 1) * stride));
  const turned = Buffer.concat([bytes.subarray(0, offset), ...rows.reverse()]);
  turned.writeInt32LE(-height, 22);
  return turned;
}

/** Extends the 40-byte header of a file; the new fields are zero or as given. */
function withHeader(bytes: Buffer, headerBytes: number, fields: Readonly<Record<number, number>> = {}): Buffer {
  const old = bytes.readUInt32LE(14);
  const longer = Buffer.alloc(headerBytes);
  bytes.copy(longer, 0, 14, 14 + Math.min(old, headerBytes));
  longer.writeUInt32LE(headerBytes, 0);
  for (const [at, value] of Object.entries(fields)) longer.writeUInt32LE(value, Number(at));
  const changed = Buffer.concat([bytes.subarray(0, 14), longer, bytes.subarray(14 + old)]);
  changed.writeUInt32LE(bytes.readUInt32LE(10) + headerBytes - old, 10);
  changed.writeUInt32LE(changed.length, 2);
  return changed;
}

/** Run-length encodes a 4- or 8-bit file. @param withJumps - ends rows early where only the first colour follows. */
function runLengths(bytes: Buffer, withJumps = false): Buffer {
  const offset = bytes.readUInt32LE(10);
  const width = bytes.readInt32LE(18);
  const height = bytes.readInt32LE(22);
  const depth = bytes.readUInt16LE(28);
  const stride = Math.floor((width * depth + 31) / 32) * 4;
  const pixel = (x: number, y: number): number => {
    const byte = bytes[offset + y * stride + ((x * depth) >> 3)] ?? 0;
    return depth === 8 ? byte : x % 2 === 0 ? byte >> 4 : byte & 15;
  };
  const out: number[] = [];
  for (let y = 0; y < height; y++) {
    let x = 0;
    while (x < width) {
      let length = 1;
      while (x + length < width && length < 255 && pixel(x + length, y) === pixel(x, y)) length++;
      const literal = Math.min(width - x, 9);
      if (withJumps && length > 4 && pixel(x, y) === 0 && x + length < width) {
        out.push(0, 2, length, 0);
        x += length;
      } else if (length < 3 && literal >= 3) {
        out.push(0, literal);
        const values = Array.from({ length: literal }, (_, i) => pixel(x + i, y));
        const packed =
          depth === 8
            ? values
            : Array.from(
                { length: Math.ceil(literal / 2) },
                (_, i) => ((values[2 * i] ?? 0) << 4) | (values[2 * i + 1] ?? 0),
              );
        out.push(...packed, ...(packed.length % 2 === 1 ? [0] : []));
        x += literal;
      } else {
        out.push(length, depth === 8 ? pixel(x, y) : pixel(x, y) * 17);
        x += length;
      }
    }
    out.push(0, 0);
  }
  out.push(0, 1);
  const coded = Buffer.concat([bytes.subarray(0, offset), Uint8Array.from(out)]);
  coded.writeUInt32LE(depth === 8 ? 1 : 2, 30);
  coded.writeUInt32LE(out.length, 34);
  coded.writeUInt32LE(coded.length, 2);
  return coded;
}

/** Gives a 32-bit file other masks and another depth. */
const withMasks =
  (masks: readonly number[], headerBytes: number, depth: 16 | 32 = 32) =>
  (bytes: Buffer): Buffer => {
    const fields = Object.fromEntries([[16, 3], ...masks.map((mask, i) => [40 + 4 * i, mask])]);
    const changed = withHeader(bytes, headerBytes, fields);
    changed.writeUInt16LE(depth, 28);
    const offset = changed.readUInt32LE(10);
    const width = changed.readInt32LE(18);
    const rowBytes = Math.ceil((width * depth) / 32) * 4;
    const pixels = Buffer.alloc(rowBytes * Math.abs(changed.readInt32LE(22)));
    for (let i = 0; offset + 4 * i < changed.length; i++) {
      const [blue = 0, green = 0, red = 0, alpha = 0] = changed.subarray(offset + 4 * i, offset + 4 * i + 4);
      let pixel = 0;
      for (const [channel, value] of [red, green, blue, alpha].entries()) {
        const mask = masks[channel] ?? 0;
        if (mask === 0) continue;
        const shift = 31 - Math.clz32(mask & -mask);
        pixel += Math.round((value * (mask >>> shift)) / 255) * 2 ** shift;
      }
      pixels.writeUIntLE(pixel, Math.floor(i / width) * rowBytes + ((i % width) * depth) / 8, depth / 8);
    }
    return Buffer.concat([changed.subarray(0, offset), pixels]);
  };

const change =
  (at: number, value: number) =>
  (bytes: Buffer): Buffer => {
    bytes.writeUInt32LE(value, at);
    return bytes;
  };

const small = byMagick('rgb.png', ['-crop', '5x3+90+60', '+repage'], 'BMP3:');
const rgb24 = byMagick('rgb.png', [], 'BMP3:');
const bgra = byFfmpeg('bgra');
const indexed8 = byMagick('256.png', ['-type', 'Palette', '-compress', 'None'], 'BMP3:');
const indexed4 = byMagick('16.png', ['-type', 'Palette', '-compress', 'None'], 'BMP3:');

/** All BMP variants under test. */
export const bmpVariants: readonly Variant[] = [
  ...BY_DEPTH.flatMap(([depth, detail, make]) => [
    right(depth, 'pillow', make, { detail, isGrey: depth === '1 bit' }),
    right(
      `${depth}, a gap of 64 bytes before the pixels`,
      'pillow',
      patched(make, (bytes) => withGap(bytes, 64)),
      { detail, isGrey: depth === '1 bit' },
    ),
    right(
      `${depth}, an odd gap before the pixels`,
      'pillow',
      patched(make, (bytes) => withGap(bytes, 3)),
      { detail, isGrey: depth === '1 bit' },
    ),
    right(`${depth}, from top to bottom`, 'pillow', patched(make, topDown), { detail, isGrey: depth === '1 bit' }),
    right(
      `${depth}, header V4`,
      'pillow',
      patched(make, (bytes) => withHeader(bytes, 108)),
      { detail, isGrey: depth === '1 bit' },
    ),
    right(
      `${depth}, header V5`,
      'pillow',
      patched(make, (bytes) => withHeader(bytes, 124)),
      { detail, isGrey: depth === '1 bit' },
    ),
    right(
      `${depth}, header of OS/2 2 (64 bytes)`,
      'pillow',
      patched(make, (bytes) => withHeader(bytes, 64)),
      { detail, isGrey: depth === '1 bit' },
    ),
    right(
      `${depth}, bytes after the end`,
      'pillow',
      patched(make, (bytes) => Buffer.concat([bytes, Buffer.alloc(99, 7)])),
      { detail, isGrey: depth === '1 bit' },
    ),
  ]),
  right('1 bit, header of OS/2 1', 'imagemagick', byMagick('bilevel.png', [], 'BMP2:'), {
    detail: 'coarse',
    isGrey: true,
  }),
  right('8 bit, header of OS/2 1', 'imagemagick', byMagick('256.png', ['-type', 'Palette'], 'BMP2:'), {
    detail: 'less',
  }),
  right('24 bit, header of OS/2 1', 'imagemagick', byMagick('rgb.png', [], 'BMP2:')),
  right('4 colours in 4 bits', 'imagemagick', byMagick('4.png', ['-type', 'Palette', '-compress', 'None'], 'BMP3:'), {
    detail: 'coarse',
  }),
  right('8 bit grey', 'pillow', byPillow('grey.png', 'i = i.convert("L")'), { isGrey: true }),
  right('16 bit, RGB 555', 'ffmpeg', byFfmpeg('rgb555le'), { detail: 'less' }),
  right('16 bit, RGB 565', 'ffmpeg', byFfmpeg('rgb565le'), { detail: 'less' }),
  right('16 bit, RGB 565 by ImageMagick', 'imagemagick', byMagick('rgb.png', ['-define', 'bmp:subtype=RGB565']), {
    detail: 'less',
  }),
  right('16 bit, RGB 555 by ImageMagick', 'imagemagick', byMagick('rgb.png', ['-define', 'bmp:subtype=RGB555']), {
    detail: 'less',
  }),
  right('16 bit, ARGB 4444', 'imagemagick', patched(bgra, withMasks([0xf00, 0xf0, 0xf, 0xf000], 108, 16)), {
    // ImageMagick and ffmpeg read the brightest of 16 levels as 240.
    source: { name: 'rgb.png', args: ['+dither', '-posterize', '16'] },
    detail: 'less',
  }),
  right(
    '16 bit, masks of 5 bits, blue first',
    'imagemagick',
    patched(bgra, withMasks([0x1f, 0x3e0, 0x7c00, 0], 108, 16)),
    {
      source: { name: 'rgb.png', args: ['+dither', '-posterize', '32'] },
      detail: 'less',
    },
  ),
  right('16 bit, ARGB 1555', 'imagemagick', byMagick('rgba.png', ['-define', 'bmp:subtype=ARGB1555']), {
    detail: 'less',
  }),
  right('24 bit, header V5 by ImageMagick', 'imagemagick', byMagick('rgb.png', [])),
  right('32 bit with alpha, header V5', 'imagemagick', byMagick('rgba.png', [])),
  right('32 bit with alpha by Pillow', 'pillow', byPillow('rgba.png', '')),
  right('32 bit, masks BGRA', 'imagemagick', patched(bgra, withMasks([0xff0000, 0xff00, 0xff, 0xff000000], 108))),
  right('32 bit, masks RGBA', 'imagemagick', patched(bgra, withMasks([0xff, 0xff00, 0xff0000, 0xff000000], 108))),
  right('32 bit, masks of 10 bits', 'imagemagick', patched(bgra, withMasks([0x3ff00000, 0xffc00, 0x3ff, 0], 108))),
  right(
    '8 bit RLE by ImageMagick',
    'imagemagick',
    byMagick('256.png', ['-type', 'Palette', '-compress', 'RLE'], 'BMP3:'),
    { detail: 'less' },
  ),
  right(
    '8 bit RLE',
    'ffmpeg',
    patched(indexed8, (bytes) => runLengths(bytes)),
    { detail: 'less' },
  ),
  right(
    '8 bit RLE with jumps',
    'imagemagick',
    patched(indexed8, (bytes) => runLengths(bytes, true)),
    { detail: 'less' },
  ),
  right(
    '8 bit RLE, a gap',
    'imagemagick',
    patched(indexed8, (bytes) => withGap(runLengths(bytes), 10)),
    { detail: 'less' },
  ),
  right(
    '4 bit RLE',
    'ffmpeg',
    patched(indexed4, (bytes) => runLengths(bytes)),
    { detail: 'coarse' },
  ),
  right(
    '4 bit RLE with jumps',
    'imagemagick',
    patched(indexed4, (bytes) => runLengths(bytes, true)),
    { detail: 'coarse' },
  ),
  right(
    '4 bit RLE, header V5',
    'imagemagick',
    patched(indexed4, (bytes) => withHeader(runLengths(bytes), 124)),
    { detail: 'coarse' },
  ),
  right('24 bit, 5x3 pixels', 'pillow', small, NO_FACE),
  right('1 bit, 1x1 pixel', 'pillow', byPillow('bilevel.png', 'i = i.convert("1").crop((0, 0, 1, 1))'), NO_FACE),
  refused('JPEG inside', 'JPEG compression in a BMP is not supported', patched(rgb24, change(30, 4))),
  refused('PNG inside', 'PNG compression in a BMP is not supported', patched(rgb24, change(30, 5))),
  refused(
    'Huffman of OS/2',
    'Huffman compression in a BMP is not supported',
    patched(rgb24, (bytes) => withHeader(bytes, 64, { 16: 3 })),
  ),
  refused(
    'RLE24 of OS/2',
    'RLE24 compression in a BMP is not supported',
    patched(rgb24, (bytes) => withHeader(bytes, 64, { 16: 4 })),
  ),
  refused('a header of 200 bytes', 'a header of 200 bytes is unknown', patched(rgb24, change(14, 200))),
  refused('pixels inside the header', 'its pixel offset points into its header', patched(rgb24, change(10, 20))),
  refused(
    'cut off',
    'the file is truncated',
    patched(rgb24, (bytes) => bytes.subarray(0, bytes.length - 1000)),
  ),
  refused(
    'RLE from top to bottom',
    'RLE from top to bottom',
    patched(indexed8, (bytes) => change(22, 2 ** 32 - 175)(runLengths(bytes))),
  ),
  refused('masks that overlap', 'its masks are damaged', patched(bgra, withMasks([0xff0000, 0xff0000, 0xff, 0], 108))),
  refused('bitmap array of OS/2', 'bitmap array (OS/2) pictures are not supported', async (_, path) =>
    writeFile(path, Buffer.from(`BA${'\0'.repeat(99)}`)),
  ),
];
