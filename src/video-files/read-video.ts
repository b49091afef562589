/**
 * Frames of a video file, decoded by the system's ffmpeg and handed over through a pipe.
 *
 * ffmpeg turns phone videos upright, leaves out what an edit list hides, scales to square pixels, and gives a constant
 * frame rate: an irregular video gets frames repeated or left out so that times stay right.
 */
import { stat } from 'node:fs/promises';
import { VideoFileError } from '../errors.ts';
import type { RgbaImage } from '../types.ts';
import { explain, type FfmpegOptions, startFfmpeg } from './ffmpeg.ts';
import { PamSplitter } from './pam-splitter.ts';
import { fileArgument, probeVideo } from './probe-video.ts';
import { checkFrameRange, type FrameRange, type FrameSource, type VideoFrame } from './video-frame.ts';

/** Options of {@link readVideo}. */
export interface ReadVideoOptions extends FfmpegOptions, FrameRange {}

/** A video file as a source of frames. */
export interface VideoSource extends FrameSource {
  /** Codec of its sound, as ffmpeg calls it. */
  readonly audioCodec?: string;
  /** `frameRate` as a fraction, such as `30000/1001`. */
  readonly exactFrameRate: string;
}

/** Frames that are decoded ahead of the caller; then ffmpeg waits. */
const FRAMES_AHEAD = 2;

/**
 * Opens a video file.
 * @param path - anything that ffmpeg reads.
 * @throws VideoFileError in one line: no such file, no video in it, damaged, no ffmpeg.
 */
export async function readVideo(path: string, options: ReadVideoOptions = {}): Promise<VideoSource> {
  const { start, end } = checkFrameRange(options);
  const isFile = await stat(path).then(
    (found) => !found.isDirectory(),
    () => undefined,
  );
  if (isFile === undefined) throw new VideoFileError(path, 'no such file');
  if (!isFile) throw new VideoFileError(path, 'this is a folder');
  const info = await probeVideo(path, options);
  const { framesPerSecond } = info;
  const count = info.frameCount === undefined ? undefined : Math.max(0, Math.min(info.frameCount, end + 1) - start);
  return {
    path,
    frameRate: framesPerSecond,
    exactFrameRate: info.frameRate,
    ...(count !== undefined && { frameCount: count }),
    ...(info.audioCodec !== undefined && { audioCodec: info.audioCodec }),
    hasAudio: info.audioCodec !== undefined,

    async *frames() {
      let index = start;
      for await (const image of decode(path, info.frameRate, { ...options, start, end })) {
        yield { index, timeMs: (index * 1000) / framesPerSecond, image } satisfies VideoFrame;
        index++;
      }
    },
  };
}

async function* decode(
  path: string,
  frameRate: string,
  options: FfmpegOptions & Required<FrameRange>,
): AsyncGenerator<RgbaImage, void, undefined> {
  const { start, end, signal } = options;
  signal?.throwIfAborted();
  const filters = [`fps=${frameRate}`, "scale='max(1,round(iw*if(sar,sar,1)))':ih", 'setsar=1'];
  if (start > 0 || end < Number.MAX_SAFE_INTEGER) {
    const last = end < Number.MAX_SAFE_INTEGER ? `:end_frame=${end + 1}` : '';
    filters.splice(1, 0, `trim=start_frame=${start}${last}`, 'setpts=PTS-STARTPTS');
  }
  const ffmpeg = startFfmpeg(
    'ffmpeg',
    ['-i', fileArgument(path), '-map', '0:V:0', '-vf', filters.join(','), ...PIPED_PAM],
    path,
    options,
  );
  ffmpeg.stdin.end();

  const splitter = new PamSplitter();
  const ready: RgbaImage[] = [];
  let isOver = false;
  let failure: unknown;
  let wake = (): void => {};
  const stop = (): void => {
    failure ??= signal?.reason;
    ffmpeg.kill();
  };
  signal?.addEventListener('abort', stop);
  ffmpeg.stdout.on('data', (chunk: Buffer) => {
    try {
      splitter.push(chunk, (frame) => ready.push(frame));
    } catch (cause) {
      failure ??= new VideoFileError(path, 'ffmpeg sent something else than frames', { cause });
      ffmpeg.kill();
    }
    if (ready.length >= FRAMES_AHEAD) ffmpeg.stdout.pause();
    if (ready.length > 0) wake();
  });
  ffmpeg.ended
    .then(({ ok, complaint }) => {
      if (!ok) failure ??= new VideoFileError(path, explain(complaint, path));
      else if (!splitter.isComplete) failure ??= new VideoFileError(path, 'the last frame is cut short');
    })
    .catch((error: unknown) => {
      failure ??= error;
    })
    .finally(() => {
      isOver = true;
      wake();
    });

  try {
    for (;;) {
      const frame = ready.shift();
      if (frame !== undefined) {
        ffmpeg.stdout.resume();
        yield frame;
        signal?.throwIfAborted();
        continue;
      }
      if (isOver) {
        if (failure !== undefined) throw failure;
        return;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    ffmpeg.kill();
    // What waits in the pipe would keep it open.
    ffmpeg.stdout.destroy();
  }
}

const PIPED_PAM = ['-f', 'image2pipe', '-c:v', 'pam', '-pix_fmt', 'rgba', 'pipe:1'] as const;
