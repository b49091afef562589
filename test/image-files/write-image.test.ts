import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { TddfaError } from '../../src/errors.ts';
import { writeFailure } from '../../src/files/write-file-atomically.ts';
import { type EncodeJpegOptions, encodeJpeg } from '../../src/image-files/encode-jpeg.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { writeImage } from '../../src/image-files/write-image.ts';
import { repositoryRoot } from '../support/shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'tddfa-write-image-'));
const image = { width: 3, height: 2, data: Uint8Array.from({ length: 24 }, (_, i) => i * 10) };

describe('writeImage', () => {
  test('writes what readImage reads back, and makes the folder', async () => {
    const path = join(folder, 'new', 'a.png');
    await writeImage(path, image);
    expect([...(await readImage(path)).data]).toEqual([...image.data]);
    expect(readdirSync(join(folder, 'new'))).toEqual(['a.png']);
  });

  test('a path that cannot be written gives a typed error and leaves nothing behind', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'keep me');
    await expect(writeImage(join(file, 'a.png'), image)).rejects.toThrow(TddfaError);
    await expect(writeImage('/proc/tddfa/a.png', image)).rejects.toThrow('cannot write /proc/tddfa/a.png');
    expect(readFileSync(file, 'utf8')).toBe('keep me');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('what the system says of a full disk is said in words', () => {
    const failure = (path: string): string => {
      try {
        writeFileSync(path, 'more than fits');
      } catch (error) {
        return writeFailure(error);
      }
      return 'written';
    };
    // A device that is always full; other systems than Linux may not have it.
    if (existsSync('/dev/full')) expect(failure('/dev/full')).toBe('the disk is full');
    expect(failure(join(folder, 'no', 'such'))).toBe('its folder cannot be created');
    expect(failure(folder)).toBe('there is a folder in its place');
  });

  test('refuses data that does not fit the size', async () => {
    await expect(writeImage(join(folder, 'b.png'), { ...image, width: 5 })).rejects.toThrow(RangeError);
  });
});

describe('a JPEG', () => {
  const portrait = join(repositoryRoot, 'examples', 'astronaut.png');
  /** Levels; 1.9 measured. */
  const MAX_MEAN_DIFFERENCE = 6;

  /** RGB as ImageMagick decodes a file. */
  const decodedElsewhere = (path: string): Buffer =>
    execFileSync('convert', [path, '-depth', '8', 'rgb:-'], { maxBuffer: 1e8 });

  test('shows the picture to another decoder, by either ending, and RGB as RGBA', async () => {
    const photo = await readImage(portrait);
    const pixels = photo.width * photo.height;
    const rgb = new Uint8Array(pixels * 3).map((_, i) => photo.data[Math.floor(i / 3) * 4 + (i % 3)]);
    await writeImage(join(folder, 'a.jpg'), photo);
    await writeImage(join(folder, 'b.JPEG'), { ...photo, data: rgb });
    expect(readFileSync(join(folder, 'b.JPEG'))).toEqual(readFileSync(join(folder, 'a.jpg')));
    const decoded = decodedElsewhere(join(folder, 'a.jpg'));
    expect(decoded.length).toBe(rgb.length);
    expect(rgb.reduce((sum, value, i) => sum + Math.abs(value - decoded[i]), 0) / rgb.length).toBeLessThan(
      MAX_MEAN_DIFFERENCE,
    );
  });

  test('is smaller with less quality', async () => {
    const photo = await readImage(portrait);
    const [poor, usual, best] = await Promise.all(
      [{ quality: 20 }, {}, { quality: 100 }].map(async (options) => (await encodeJpeg(photo, options)).length),
    );
    expect(poor).toBeLessThan(usual / 3);
    expect(usual).toBeLessThan(best / 2);
  });

  test('of one pixel, and without its alpha', async () => {
    await writeImage(join(folder, 'one.jpg'), { width: 1, height: 1, data: Uint8Array.of(200, 200, 200, 0) });
    const [grey] = decodedElsewhere(join(folder, 'one.jpg'));
    expect(Math.abs(grey - 200)).toBeLessThan(3);
  });

  test('takes what lies within a larger array', async () => {
    const part = { ...image, data: new Uint8Array(Uint8Array.from({ length: 40 }, (_, i) => i * 6).buffer, 8, 24) };
    expect(await encodeJpeg(part)).toEqual(await encodeJpeg({ ...part, data: part.data.slice() }));
  });

  test.each([
    ['c.webp', image, {}, RangeError, 'ends in .png, .jpg or .jpeg'],
    ['c', image, {}, RangeError, 'ends in .png, .jpg or .jpeg'],
    ['c.jpg', image, { quality: 0 }, RangeError, 'quality: expected a number from 1 to 100'],
    ['c.png', image, { quality: 101 }, RangeError, 'quality: expected a number from 1 to 100'],
    ['c.jpg', image, { qualty: 9 }, TypeError, "did you mean 'quality'?"],
    ['c.jpg', { ...image, width: 5 }, {}, RangeError, 'expected 3 or 4 for each of 5x2 pixels'],
    ['c.jpg', { width: 65_536, height: 1, data: new Uint8Array(65_536 * 4) }, {}, RangeError, 'image.width'],
    ['c.jpg', { width: 0, height: 0, data: new Uint8Array(0) }, {}, RangeError, 'image.data has 0 bytes'],
  ])('%s is refused where it makes no sense, and nothing written', async (name, picture, options, type, message) => {
    const error = await writeImage(join(folder, name), picture, options as EncodeJpegOptions).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(type);
    expect(String(error)).toContain(message);
    expect(existsSync(join(folder, name))).toBe(false);
  });
});

describe('readImage', () => {
  test('names the file and the reason', async () => {
    await expect(readImage(join(folder, 'nothing.jpg'))).rejects.toThrow('nothing.jpg: no such file');
    await expect(readImage(folder)).rejects.toThrow('this is a folder');
  });
});
