/** Input and output of video tracking: frames one after another, never all at once. */
import type { RgbaImage } from '../types.ts';

/** One frame of a video. */
export interface VideoFrame {
  /** Counted from 0 at the beginning of the video, whichever frame is read first. */
  readonly index: number;
  /** Presentation time from the beginning of the video; later than the previous frame's. */
  readonly timeMs: number;
  /** Upright, with square pixels. */
  readonly image: RgbaImage;
}

/** Which frames to read. */
export interface FrameRange {
  /** Index of the first frame; default 0. */
  readonly start?: number;
  /** Index of the last frame, inclusive; default the last in the video. */
  readonly end?: number;
}

/** A source of frames: a video file, or pictures in a folder. */
export interface FrameSource {
  readonly path: string;
  /** Frames per second; the average if they are irregular. */
  readonly frameRate: number;
  /** Whether every `timeMs` equals `index / frameRate`; often not the case for videos from phones. */
  readonly isRegular: boolean;
  /** Number of frames that `frames` will yield; an estimate for video files, absent if not even that is known. */
  readonly frameCount?: number;
  /** Whether there is audio that a copy can keep. */
  readonly hasAudio: boolean;
  /**
   * Reads the frames in order, at most a few ahead of the caller. Leaving the loop early stops reading. Can only be
   * called once.
   * @throws VideoFileError or ImageDecodeError if a frame cannot be read.
   */
  frames(): AsyncGenerator<VideoFrame, void, undefined>;
}

/** A destination for frames. */
export interface FrameSink {
  /**
   * Writes the next frame; settles when there is room for another one. The image may be modified afterwards.
   * @param timeMs - presentation time relative to any origin, for irregular frames: a video file, which has a constant
   *   rate, then repeats some frames and drops others. By default frames follow each other at the frame rate.
   * @throws RangeError if its size differs from the first frame's; VideoFileError if it cannot be written.
   */
  write(image: RgbaImage, timeMs?: number): Promise<void>;
  /** Completes the output and gives it its final name. */
  finish(): Promise<void>;
  /** Aborts writing: an unfinished video file is removed. Idempotent, and does nothing after `finish`. */
  abort(): Promise<void>;
}

/** @throws RangeError if the range is invalid. */
export function checkFrameRange({ start = 0, end = Number.MAX_SAFE_INTEGER }: FrameRange): Required<FrameRange> {
  for (const [name, value] of Object.entries({ start, end })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${name}: expected a whole number of at least 0, got ${value}`);
    }
  }
  if (end < start) throw new RangeError(`end: expected at least start (${start}), got ${end}`);
  return { start, end };
}
