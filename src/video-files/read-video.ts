/**
 * Frames of a video file, decoded by the system's ffmpeg and handed over through a pipe.
 *
 * ffmpeg turns phone videos upright, leaves out what an edit list hides and scales to square pixels. A video of constant rate
 * is held to that rate: a frame that is missing is repeated. The frames of an irregular one are given once each, with
 * their own times, which ffmpeg notes down in a pipe beside that of the frames.
 *
 * 1280x720 of H.264 on two cores, ms a frame: decoding 0.8; with RGBA through the pipe to `cat` 3.4 (RGB 2.6, YUV 4:2:0 1.6,
 * which would have to be converted here and would not be the same colours); until it is an array here 2.9.
 */
import { stat } from 'node:fs/promises';
import { VideoFileError } from '../errors.ts';
import type { RgbaImage } from '../types.ts';
import { explain, startFfmpeg } from './ffmpeg.ts';
import type { FfmpegOptions } from './ffmpeg-options.ts';
import { PamSplitter } from './pam-splitter.ts';
import { fileArgument, probeVideo, type VideoInfo } from './probe-video.ts';
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
    isRegular: info.isRegular,
    ...(count !== undefined && { frameCount: count }),
    ...(info.audioCodec !== undefined && { audioCodec: info.audioCodec }),
    hasAudio: info.audioCodec !== undefined,

    async *frames() {
      let index = start;
      let lastMs = -Infinity;
      for await (const { image, timeMs } of decode(path, info, { ...options, start, end })) {
        // A frame that is due no later than the one before is never seen in a player.
        if (timeMs > lastMs) yield { index, timeMs, image } satisfies VideoFrame;
        lastMs = Math.max(lastMs, timeMs);
        index++;
      }
    },
  };
}

async function* decode(
  path: string,
  { frameRate, framesPerSecond, isRegular }: VideoInfo,
  options: FfmpegOptions & Required<FrameRange>,
): AsyncGenerator<Omit<VideoFrame, 'index'>, void, undefined> {
  const { start, end, signal } = options;
  signal?.throwIfAborted();
  const last = end < Number.MAX_SAFE_INTEGER ? `:end_frame=${end + 1}` : '';
  const isWhole = start === 0 && last === '';
  const filters = [
    ...(isRegular ? [`fps=${frameRate}`] : []),
    ...(isWhole ? [] : [`trim=start_frame=${start}${last}`]),
    ...(isRegular ? ['setpts=PTS-STARTPTS'] : NOTED_TIMES),
    ...SQUARE_PIXELS,
  ];
  const ffmpeg = startFfmpeg(
    'ffmpeg',
    [
      ...['-i', fileArgument(path), '-map', '0:V:0', '-vf', filters.join(',')],
      ...(isRegular ? [] : ['-r', '25']),
      ...PIPED_PAM,
    ],
    path,
    options,
  );
  ffmpeg.stdin.end();

  const splitter = new PamSplitter();
  const ready: RgbaImage[] = [];
  const times = new NotedTimes(1000 / framesPerSecond);
  let index = start;
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
  ffmpeg.notes.setEncoding('utf8').on('data', (text: string) => {
    times.push(text);
    wake();
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
      const timeMs = isRegular ? (index * 1000) / framesPerSecond : times.next;
      const image = timeMs === undefined ? undefined : ready.shift();
      if (image !== undefined && timeMs !== undefined) {
        index++;
        times.shift();
        ffmpeg.stdout.resume();
        yield { image, timeMs };
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
    ffmpeg.notes.destroy();
  }
}

const SQUARE_PIXELS = ["scale='max(1,round(iw*if(sar,sar,1)))':ih", 'setsar=1'];

/**
 * Writes down each frame's time, in microseconds, and then gives it another: frames that seem to come regularly are neither
 * repeated nor left out, whatever the version of ffmpeg calls its option for that.
 */
const NOTED_TIMES = [
  'settb=1/1000000',
  // Only frames that have metadata are written down.
  'metadata=mode=add:key=noted:value=1',
  "metadata=mode=print:file='pipe\\:3':direct=1",
  'settb=1/25',
  'setpts=N',
];

/** The times that ffmpeg has noted, as lines such as `frame:7 pts:280000 pts_time:0.28`. */
class NotedTimes {
  readonly #usualStepMs: number;
  readonly #times: number[] = [];
  #text = '';
  #lastMs = 0;

  /** @param usualStepMs - from a frame to the next, where one has no time. */
  constructor(usualStepMs: number) {
    this.#usualStepMs = usualStepMs;
  }

  /** Of the next frame, ms; undefined while it has not come. */
  get next(): number | undefined {
    return this.#times[0];
  }

  shift(): void {
    this.#times.shift();
  }

  push(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      const noted = /^frame:\d+ +pts:(\S+)/.exec(line)?.[1];
      if (noted === undefined) continue;
      const microseconds = Number(noted);
      this.#lastMs = Number.isFinite(microseconds) ? microseconds / 1000 : this.#lastMs + this.#usualStepMs;
      this.#times.push(this.#lastMs);
    }
  }
}

const PIPED_PAM = ['-f', 'image2pipe', '-c:v', 'pam', '-pix_fmt', 'rgba', 'pipe:1'] as const;
