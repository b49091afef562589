/** What goes in and out of the tracking of a video: frames one after the other, never all at once. */
import type { RgbaImage } from '../types.ts';

/** One frame of a video. */
export interface VideoFrame {
  /** Counted from 0 at the beginning of the video, whichever frame was read first. */
  readonly index: number;
  /** When it is shown, from the beginning of the video; later than the frame before. */
  readonly timeMs: number;
  /** Upright, with square pixels. */
  readonly image: RgbaImage;
}

/** Which frames are read. */
export interface FrameRange {
  /** Index of the first frame; default 0. */
  readonly start?: number;
  /** Index of the last frame, which is read too; by default the last that there is. */
  readonly end?: number;
}

/** Where frames come from: a video file, or pictures in a folder. */
export interface FrameSource {
  readonly path: string;
  /** Frames per second; the average where they come irregularly. */
  readonly frameRate: number;
  /** Whether every `timeMs` is `index / frameRate`; that of a phone's video often is not. */
  readonly isRegular: boolean;
  /** How many frames `frames` will give; an estimate for video files, and absent where not even that is known. */
  readonly frameCount?: number;
  /** Whether there is sound that a copy can keep. */
  readonly hasAudio: boolean;
  /**
   * Reads the frames in order, a few ahead of the caller at most. Leaving the loop early ends the reading. May be called
   * once.
   * @throws VideoFileError or ImageDecodeError where a frame cannot be read.
   */
  frames(): AsyncGenerator<VideoFrame, void, undefined>;
}

/** Where frames go. */
export interface FrameSink {
  /**
   * Takes the next frame; settles when there is room for another one. The image may be changed afterwards.
   * @param timeMs - when it is to be shown, from any beginning, for frames that come irregularly: a video file, which has one
   *   rate, then repeats frames and leaves some out. By default frames follow each other at the rate.
   * @throws RangeError where its size is not that of the first; VideoFileError where it cannot be written.
   */
  write(image: RgbaImage, timeMs?: number): Promise<void>;
  /** Completes the output and gives it its final name. */
  finish(): Promise<void>;
  /** Gives up: what was written of an unfinished video file is removed. Idempotent, and does nothing after `finish`. */
  abort(): Promise<void>;
}

/** @throws RangeError where the range is none. */
export function checkFrameRange({ start = 0, end = Number.MAX_SAFE_INTEGER }: FrameRange): Required<FrameRange> {
  for (const [name, value] of Object.entries({ start, end })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${name}: expected a whole number of at least 0, got ${value}`);
    }
  }
  if (end < start) throw new RangeError(`end: expected no less than start (${start}), got ${end}`);
  return { start, end };
}
