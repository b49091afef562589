/** Videos as pictures, a file for each frame: no ffmpeg needed. */
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
  /** What the sequence is called; default the first picture. */
  readonly name?: string;
}

const SEQUENCE_OPTION_NAMES: OptionNames<ReadImageSequenceOptions> = {
  start: true,
  end: true,
  frameRate: true,
  name: true,
};

/**
 * Pictures as a source of frames. Each is read when it is due, the next one while the present one is worked on.
 * @param paths - in the order of the frames; may differ in size.
 * @throws RangeError for a frame rate or a range that makes no sense; VideoFileError where there is no picture.
 */
export function readImageSequence(paths: readonly string[], options: ReadImageSequenceOptions = {}): FrameSource {
  checkOptionNames(options, SEQUENCE_OPTION_NAMES);
  const { start, end } = checkFrameRange(options);
  const { frameRate = 25, name = paths[0] ?? 'pictures' } = options;
  if (!(frameRate > 0 && frameRate < Infinity)) {
    throw new RangeError(`frameRate: expected a number greater than 0, got ${frameRate}`);
  }
  if (paths.length === 0) throw new VideoFileError(name, 'there is no picture');
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

/** Begins to read a picture; an error is thrown when it is its turn. */
function startReading(path: string | undefined): Promise<RgbaImage | undefined> {
  const reading = path === undefined ? Promise.resolve(undefined) : readImage(path);
  reading.catch(() => {});
  return reading;
}

/**
 * The files of a pattern such as `frames/%05d.png`, by number; numbers may begin anywhere and be left out.
 * @throws RangeError for a pattern that is none; VideoFileError where no file fits, or the folder cannot be read.
 */
export async function findImageSequence(pattern: string): Promise<string[]> {
  const { folder, numberOf } = parseImagePattern(pattern);
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new VideoFileError(pattern, `${folder} is no folder that can be read`, { cause });
  });
  const numbered = names.flatMap((name) => {
    const number = numberOf(name);
    return number === undefined ? [] : [{ name, number }];
  });
  if (numbered.length === 0) throw new VideoFileError(pattern, 'no file fits this pattern');
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(folder, name));
}

/**
 * Writes each frame as a PNG. Each file appears whole or not at all, and stays when the rest is given up.
 * @param pattern - such as `out/%06d.png`; the folder is made where it is missing.
 * @param firstNumber - of the first frame.
 * @throws RangeError for a pattern that is none or that is not of PNG files.
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
