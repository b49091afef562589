/** Videos as pictures, one file per frame; does not need ffmpeg. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { VideoFileError } from '../errors.ts';
import { readImage } from '../image-files/read-image.ts';
import { writeImage } from '../image-files/write-image.ts';
import type { RgbaImage } from '../types.ts';
import { type ImagePattern, parseImagePattern } from './image-pattern.ts';
import { checkFrameRange, type FrameRange, type FrameSink, type FrameSource } from './video-frame.ts';

/** Options of {@link readImageSequence}. */
export interface ReadImageSequenceOptions extends FrameRange {
  /** Frames per second; default 25. */
  readonly frameRate?: number;
  /** Name of the sequence; default the first picture. */
  readonly name?: string;
}

const SEQUENCE_OPTION_NAMES: OptionNames<ReadImageSequenceOptions> = {
  start: true,
  end: true,
  frameRate: true,
  name: true,
};

/**
 * Pictures as a source of frames. Each is read when due, the next one while the current one is being processed.
 * @param paths - in frame order; the pictures may differ in size.
 * @throws RangeError for an invalid frame rate or range; VideoFileError if there are no pictures.
 */
export function readImageSequence(paths: readonly string[], options: ReadImageSequenceOptions = {}): FrameSource {
  checkOptionNames(options, SEQUENCE_OPTION_NAMES);
  const { start, end } = checkFrameRange(options);
  const { frameRate = 25, name = paths[0] ?? 'pictures' } = options;
  if (!(frameRate > 0 && frameRate < Infinity)) {
    throw new RangeError(`frameRate: expected a number greater than 0, got ${frameRate}`);
  }
  if (paths.length === 0) throw new VideoFileError(name, 'there are no pictures');
  const chosen = paths.slice(start, Math.min(end, paths.length) + 1);
  return {
    path: name,
    frameRate,
    isRegular: true,
    frameCount: chosen.length,
    hasAudio: false,
    async *frames() {
      let next = startReading(chosen[0]);
      for (const i of chosen.keys()) {
        const image = await next;
        if (image === undefined) return;
        next = startReading(chosen[i + 1]);
        const index = start + i;
        yield { index, timeMs: (index * 1000) / frameRate, image };
      }
    },
  };
}

/** Starts reading a picture; an error is thrown when it is awaited. */
function startReading(path: string | undefined): Promise<RgbaImage | undefined> {
  const reading = path === undefined ? Promise.resolve(undefined) : readImage(path);
  reading.catch(() => {});
  return reading;
}

/**
 * The files that match a pattern such as `frames/%05d.png`, by number; numbers may start anywhere and have gaps.
 * @throws RangeError for an invalid pattern; VideoFileError if no file matches, or the folder cannot be read.
 */
export async function findImageSequence(pattern: string): Promise<string[]> {
  const { folder, numberOf } = parseImagePattern(pattern);
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new VideoFileError(pattern, `${folder} is not a readable folder`, { cause });
  });
  const numbered = names.flatMap((name) => {
    const number = numberOf(name);
    return number === undefined ? [] : [{ name, number }];
  });
  if (numbered.length === 0) throw new VideoFileError(pattern, 'no file matches this pattern');
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(folder, name));
}

/**
 * Writes each frame as a PNG. Each file appears whole or not at all, and remains if the rest is aborted.
 * @param pattern - such as `out/%06d.png`; the folder is created if missing.
 * @param firstNumber - number of the first frame.
 * @throws RangeError for an invalid pattern, or one that does not name PNG files.
 */
export function writeImageSequence(pattern: string, firstNumber = 0): FrameSink {
  const names: ImagePattern = parseImagePattern(pattern);
  if (!/\.png$/i.test(pattern)) throw new RangeError(`pattern: expected PNG files, got '${pattern}'`);
  let number = firstNumber;
  return {
    write: (image) => writeImage(names.pathOf(number++), image),
    async finish() {},
    async abort() {},
  };
}
