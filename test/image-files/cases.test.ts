import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ImageDecodeError } from '../../src/errors.ts';
import { decodeImage } from '../../src/image-files/decode-image.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { smallJpeg } from './jpeg-samples.ts';

/** Levels of 255, on the mean. */
const MEAN_DIFFERENCE = 1;
const EXPECTED = '.expected.png';

describeWithShared('pictures that were once read wrongly', () => {
  const folder = sharedPath('cases', 'images');
  // A skipped body runs all the same.
  const names = existsSync(folder) ? readdirSync(folder) : [];

  test.each(names.length === 0 ? ['none'] : names.filter((name) => !name.endsWith(EXPECTED)))('%s', async (name) => {
    const bytes = readFileSync(join(folder, name));
    if (name === 'arithmetic.jpg') {
      await expect(decodeImage(bytes)).rejects.toThrow('arithmetic-coded JPEG is not supported');
      return;
    }
    const image = await decodeImage(bytes);
    const expected = await decodeImage(readFileSync(join(folder, `${name}${EXPECTED}`)));
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    let sum = 0;
    for (let i = 0; i < image.data.length; i++) sum += i % 4 < 3 ? Math.abs(image.data[i] - expected.data[i]) : 0;
    expect(sum / (image.width * image.height * 3)).toBeLessThanOrEqual(MEAN_DIFFERENCE);
  });

  test.each(['png-hang.bin', 'tiff-0x9.bin'])('%s is refused', async (name) => {
    await expect(decodeImage(readFileSync(sharedPath('cases', 'hostile', name)))).rejects.toThrow(ImageDecodeError);
  });
});

describe('what a header claims costs nothing', () => {
  /** A JPEG of many empty scans: each costs a decoder all pixels. */
  function manyScans(count: number): Buffer {
    const jpeg = Buffer.from(smallJpeg());
    jpeg[jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 1] = 0xc2;
    const start = jpeg.indexOf(Buffer.from([0xff, 0xda]));
    const scan = jpeg.subarray(start, -2);
    return Buffer.concat([jpeg.subarray(0, start), ...Array.from({ length: count }, () => scan), jpeg.subarray(-2)]);
  }

  test('a JPEG of 1,000 scans', async () => {
    await expect(decodeImage(manyScans(1000))).rejects.toThrow('it has 1000 scans, more than any photo needs');
  });

  test('a JPEG that is larger than its data can fill, and one with zeros behind its start', async () => {
    const huge = Buffer.from(smallJpeg());
    const frame = huge.indexOf(Buffer.from([0xff, 0xc0]));
    huge.writeUInt16BE(9000, frame + 5);
    huge.writeUInt16BE(9000, frame + 7);
    await expect(decodeImage(huge)).rejects.toThrow('the file is truncated');
    const zeros = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(1_000_000)]);
    await expect(decodeImage(zeros)).rejects.toThrow('the file is truncated');
  });

  test('devices and pipes are no pictures', async () => {
    await expect(readImage('/dev/zero')).rejects.toThrow('/dev/zero: this is a device or pipe, not a file');
  });

  const inFolder = useTemporaryFolder();
  test('a pipe that nobody writes to', async () => {
    execFileSync('mkfifo', [inFolder('pipe.png')]);
    await expect(readImage(inFolder('pipe.png'))).rejects.toThrow('this is a device or pipe, not a file');
  });
});
