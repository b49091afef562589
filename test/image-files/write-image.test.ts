import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { TddfaError } from '../../src/errors.ts';
import { writeFailure } from '../../src/files/write-file-atomically.ts';
import { readImage } from '../../src/image-files/read-image.ts';
import { writeImage } from '../../src/image-files/write-image.ts';

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
    expect(failure(join(folder, 'no', 'such'))).toBe('its folder cannot be made');
    expect(failure(folder)).toBe('a folder is in its place');
  });

  test('refuses data that does not fit the size', async () => {
    await expect(writeImage(join(folder, 'b.png'), { ...image, width: 5 })).rejects.toThrow(RangeError);
  });
});

describe('readImage', () => {
  test('names the file and the reason', async () => {
    await expect(readImage(join(folder, 'nothing.jpg'))).rejects.toThrow('nothing.jpg: no such file');
    await expect(readImage(folder)).rejects.toThrow('this is a folder');
  });
});
