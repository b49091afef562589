import { readdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { ImageDecodeError, VideoFileError } from '../../src/errors.ts';
import { writeImage } from '../../src/image-files/write-image.ts';
import { isImagePattern, parseImagePattern } from '../../src/video-files/image-pattern.ts';
import { findImageSequence, readImageSequence, writeImageSequence } from '../../src/video-files/image-sequence.ts';
import type { VideoFrame } from '../../src/video-files/video-frame.ts';
import { noise } from '../support/noise.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

describe('parseImagePattern', () => {
  test('makes and knows names', () => {
    const { folder, pathOf, numberOf } = parseImagePattern('a/b/f-%03d.png');
    expect(folder).toBe('a/b');
    expect([0, 12, 1234].map(pathOf)).toEqual(['a/b/f-000.png', 'a/b/f-012.png', 'a/b/f-1234.png']);
    expect(['f-000.png', 'f-012.png', 'f-1234.png'].map(numberOf)).toEqual([0, 12, 1234]);
    expect(['f-12.png', 'f-0x1.png', 'f-001.jpg', 'g-001.png', 'f-001.png.tmp'].map(numberOf)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
    expect(parseImagePattern('%d.png').pathOf(7)).toBe('7.png');
  });

  test('tells patterns from names, and refuses two numbers', () => {
    expect([isImagePattern('%d.png'), isImagePattern('a%05d'), isImagePattern('100%.png')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(() => parseImagePattern('a.png')).toThrow(RangeError);
    expect(() => parseImagePattern('%d-%d.png')).toThrow(RangeError);
    expect(() => parseImagePattern('%d/%d.png')).toThrow(RangeError);
  });
});

describe('image sequences', () => {
  const inFolder = useTemporaryFolder();
  const images = [1, 2, 3, 4, 5].map((seed) => noise(8, 6, 4, seed));
  for (const { data } of images) for (let i = 3; i < data.length; i += 4) data[i] = 255;

  async function readAll(frames: AsyncIterable<VideoFrame>): Promise<VideoFrame[]> {
    const all: VideoFrame[] = [];
    for await (const frame of frames) all.push(frame);
    return all;
  }

  test('what is written is read again', async () => {
    const pattern = inFolder('new', 'folder', '%04d.png');
    const sink = writeImageSequence(pattern, 9);
    for (const image of images) await sink.write(image);
    await sink.finish();
    expect((await readdir(inFolder('new', 'folder'))).sort()).toEqual(
      ['0009', '0010', '0011', '0012', '0013'].map((name) => `${name}.png`),
    );
    const source = readImageSequence(await findImageSequence(pattern), { frameRate: 10 });
    expect([source.frameRate, source.frameCount, source.hasAudio]).toEqual([10, 5, false]);
    const frames = await readAll(source.frames());
    expect(frames.map(({ index, timeMs }) => [index, timeMs])).toEqual([0, 1, 2, 3, 4].map((i) => [i, 100 * i]));
    for (const [i, { image }] of frames.entries())
      expect(Buffer.from(image.data)).toEqual(Buffer.from(images[i]?.data ?? []));
  });

  test('reads a range, and no more than there is', async () => {
    const paths = images.map((_, i) => inFolder(`${i}.png`));
    for (const [i, path] of paths.entries()) await writeImage(path, images[i] ?? noise(1, 1, 4, 1));
    const read = async (start: number, end?: number): Promise<number[]> => {
      const range = { start, ...(end !== undefined && { end }) };
      return (await readAll(readImageSequence(paths, range).frames())).map(({ index }) => index);
    };
    expect(await read(1, 3)).toEqual([1, 2, 3]);
    expect(await read(3, 100)).toEqual([3, 4]);
    expect(await read(5)).toEqual([]);
    expect(() => readImageSequence(paths, { start: 2, end: 1 })).toThrow(RangeError);
    expect(() => readImageSequence(paths, { start: -1 })).toThrow(RangeError);
    expect(() => readImageSequence(paths, { frameRate: 0 })).toThrow(RangeError);
    expect(() => readImageSequence([])).toThrow(VideoFileError);
  });

  test('a picture that cannot be read fails when it is its turn', async () => {
    const good = inFolder('good.png');
    const bad = inFolder('bad.png');
    await writeImage(good, images[0] ?? noise(1, 1, 4, 1));
    await writeFile(bad, 'this is no picture');
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { index } of readImageSequence([good, bad, good]).frames()) seen.push(index);
    })();
    await expect(reading).rejects.toThrow(ImageDecodeError);
    expect(seen).toEqual([0]);
  });

  test('a pattern without files, and one of other files, are refused', async () => {
    await expect(findImageSequence(inFolder('%d.jpg'))).rejects.toThrow('no file matches this pattern');
    await expect(findImageSequence(inFolder('nowhere', '%d.jpg'))).rejects.toThrow(VideoFileError);
    expect(() => writeImageSequence(inFolder('%d.jpg'))).toThrow('expected PNG files');
  });
});
