import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decode as decodePng, encode as encodeFastPng } from 'fast-png';
import { Jimp } from 'jimp';
import { ImageDecodeError } from '../../src/errors.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { encodePng } from '../../src/image-files/write-image.ts';
import fc from '../support/property.ts';
import { describeWithShared, repositoryRoot, sharedPath } from '../support/shared.ts';
import { orientedJpeg, smallJpeg } from './jpeg-samples.ts';

const astronautPng = readFileSync(join(repositoryRoot, 'examples/astronaut.png'));

/** Two grey pages: the first of 2x2 pixels 1, 2, 3, 4, the second without data. */
function tiffWithSecondPage(width: number, height: number): Uint8Array {
  const pages = [
    [2, 2],
    [width, height],
  ] as const;
  const entries = (w: number, h: number): [tag: number, value: number][] => [
    [256, w],
    [257, h],
    [258, 8],
    [259, 1],
    [262, 1],
    [273, 8],
    [277, 1],
    [278, h],
    [279, 4],
  ];
  const pageBytes = 2 + 9 * 12 + 4;
  const bytes = Buffer.alloc(12 + pages.length * pageBytes);
  bytes.set([0x49, 0x49, 42, 0, 12, 0, 0, 0, 1, 2, 3, 4]);
  for (const [index, [w, h]] of pages.entries()) {
    let position = bytes.writeUInt16LE(9, 12 + index * pageBytes);
    for (const [tag, value] of entries(w, h)) {
      position = bytes.writeUInt16LE(tag, position);
      position = bytes.writeUInt16LE(4, position);
      position = bytes.writeUInt32LE(1, position);
      position = bytes.writeUInt32LE(value, position);
    }
    bytes.writeUInt32LE(index === 0 ? 12 + pageBytes : 0, position);
  }
  return bytes;
}

async function errorOf(bytes: Uint8Array, options = {}): Promise<ImageDecodeError> {
  const error = await decodeImage(bytes, { path: 'photo', ...options }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ImageDecodeError);
  expect((error as Error).message).not.toContain('\n');
  return error as ImageDecodeError;
}

describe('decodeImage', () => {
  test('reads an RGB PNG as RGBA with the same colours', async () => {
    const image = await decodeImage(astronautPng);
    const expected = decodePng(astronautPng);
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    expect(image.data.length).toBe(image.width * image.height * 4);
    for (let pixel = 0; pixel < image.width * image.height; pixel += 97) {
      for (let channel = 0; channel < 3; channel++) {
        expect(image.data[pixel * 4 + channel]).toBe(expected.data[pixel * expected.channels + channel]);
      }
    }
  });

  test.each(['image/bmp', 'image/gif', 'image/tiff'] as const)('reads %s', async (mime) => {
    const source = new Jimp({ width: 7, height: 5, color: 0x20c040ff });
    const image = await decodeImage(await source.getBuffer(mime));
    expect([image.width, image.height]).toEqual([7, 5]);
    expect([...image.data.slice(0, 3)]).toEqual([0x20, 0xc0, 0x40]);
  });

  test('scales a grey 16-bit PNG to 8 bits', async () => {
    const data = new Uint16Array([0x0000, 0x12ff, 0x8080, 0xffff]);
    const image = await decodeImage(encodeFastPng({ width: 2, height: 2, data, depth: 16, channels: 1 }));
    const grey = [0, 1, 2, 3].map((pixel) => image.data[pixel * 4]);
    expect(grey).toEqual([0x00, 0x13, 0x80, 0xff]);
    expect(image.data[5]).toBe(image.data[4]);
  });

  test('keeps the colours under a transparent alpha', async () => {
    const image = await decodeImage(encodePng({ width: 1, height: 1, data: new Uint8Array([10, 20, 30, 0]) }));
    expect([...image.data.slice(0, 3)]).toEqual([10, 20, 30]);
  });

  test('turns a JPEG upright by its EXIF orientation', async () => {
    const upright = await decodeImage(smallJpeg());
    expect([upright.width, upright.height]).toEqual([16, 8]);
    const rotated = await decodeImage(orientedJpeg(6));
    expect([rotated.width, rotated.height]).toEqual([8, 16]);
    // Orientation 6: the stored left-bottom corner is shown at the left top.
    expect([...rotated.data.slice(0, 3)]).toEqual([...upright.data.slice(7 * 16 * 4, 7 * 16 * 4 + 3)]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('keeps the size that orientation %i asks for', async (orientation) => {
    const image = await decodeImage(orientedJpeg(orientation));
    expect([image.width, image.height]).toEqual(orientation >= 5 ? [8, 16] : [16, 8]);
  });

  test('refuses what is not a picture in one line', async () => {
    expect((await errorOf(new Uint8Array(0))).message).toBe('photo: the file is empty');
    expect((await errorOf(new TextEncoder().encode('just some text'))).message).toContain('photo: ');
    expect((await errorOf(new TextEncoder().encode('<svg width="5" height="5"></svg>'))).message).toContain('SVG');
  });

  test('refuses truncated files', async () => {
    const jpeg = smallJpeg();
    for (const share of [0.3, 0.6, 0.95]) {
      await errorOf(jpeg.subarray(0, Math.floor(jpeg.length * share)));
      await errorOf(astronautPng.subarray(0, Math.floor(astronautPng.length * share)));
    }
    await errorOf(jpeg.subarray(0, jpeg.length - 2));
  });

  test('refuses sizes of zero and beyond the limit before anything is allocated', async () => {
    const huge = Uint8Array.from(astronautPng.subarray(0, 100));
    new DataView(huge.buffer).setUint32(16, 20_000);
    new DataView(huge.buffer).setUint32(20, 20_000);
    expect((await errorOf(huge)).message).toContain('20000x20000 pixels are more than the limit of 100000000');
    new DataView(huge.buffer).setUint32(16, 0);
    expect((await errorOf(huge)).message).toContain('0x20000');
    expect((await errorOf(astronautPng, { maxPixels: 1000 })).message).toContain('limit of 1000');
  });

  test('takes the first page of a TIFF, whatever the others claim', async () => {
    const twoPages = tiffWithSecondPage(30_000, 30_000);
    const image = await decodeImage(twoPages);
    expect([image.width, image.height]).toEqual([2, 2]);
    expect([0, 4, 8, 12].map((at) => image.data[at])).toEqual([1, 2, 3, 4]);
  });

  test('refuses a GIF whose frame is larger than its canvas, and one whose data does not fill it', async () => {
    const gif = Uint8Array.from(await new Jimp({ width: 30, height: 20, color: 0x336699ff }).getBuffer('image/gif'));
    const frame = gif.lastIndexOf(0x2c);
    const tooWide = Uint8Array.from(gif);
    tooWide[frame + 6] = 0xff;
    expect((await errorOf(tooWide)).message).toContain('larger than the picture');
    const lower = Uint8Array.from(gif);
    lower[frame + 7] = 10;
    expect((await errorOf(lower)).message).toContain('damaged');
    expect((await errorOf(gif.subarray(0, gif.length - 8))).message).toContain('truncated');
  });

  test('answers damaged bytes with a picture or an ImageDecodeError, and then still decodes good ones', async () => {
    const jpeg = smallJpeg();
    const source = new Jimp({ width: 9, height: 4, color: 0x336699ff });
    const files: Uint8Array[] = [jpeg];
    for (const mime of ['image/png', 'image/bmp', 'image/gif', 'image/tiff'] as const) {
      files.push(await source.getBuffer(mime));
    }
    const damage = fc.record({ position: fc.nat(400), value: fc.nat(255), file: fc.constantFrom(...files) });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
        const bytes = Uint8Array.from(damages[0]?.file ?? jpeg);
        for (const { position, value } of damages) bytes[position % bytes.length] = value;
        const result = await decodeImage(bytes, { maxPixels: 1_000_000 }).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(ImageDecodeError);
        else expect(result).toHaveProperty('width');
      }),
      { numRuns: 300 },
    );
    expect((await decodeImage(jpeg)).width).toBe(16);
  });
});

describeWithShared('decodeImage on real photographs', () => {
  test.each(['JianzhuGuo', 'trump_hillary'])('%s.jpg has the pixels that the original saw', async (name) => {
    const image = await decodeImage(readFileSync(sharedPath('photos', `${name}.jpg`)));
    const expected = await decodeImage(readFileSync(sharedPath('reference', name, 'input.png')));
    expect(image.width).toBe(expected.width);
    expect(Buffer.compare(Buffer.from(image.data), Buffer.from(expected.data))).toBe(0);
  });
});
