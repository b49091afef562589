/**
 * Frames of a video file, decoded by the system's ffmpeg and passed through a pipe.
 *
 * ffmpeg rotates phone videos upright, omits what an edit list hides, scales to square pixels, and scales frames whose
 * size changes midway to that of the first. A video with a constant rate is held to that rate: a missing frame is
 * replaced by repeating another. The frames of an irregular one are returned once each, with their own times, which
 * ffmpeg writes to a second pipe.
 *
 * H.264, 1280x720, on two cores, ms per frame: decoding 0.8; with RGBA through the pipe to `cat` 3.4 (RGB 2.6, YUV
 * 4:2:0 1.6, which would need converting here and would not give the same colours); until it is an array here 2.9.
 */
import { stat } from 'node:fs/promises';
import { checkNumber, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { VideoFileError } from '../errors.ts';
import { animationFormat } from '../image-files/animation-format.ts';
import { readPngOrientation } from '../image-files/decode-png.ts';
import { readPictureFile } from '../image-files/read-picture-file.ts';
import { turnUpright } from '../image-files/turn-upright.ts';
import type { RgbaImage } from '../types.ts';
import { explain, runFfmpeg, startFfmpeg } from './ffmpeg.ts';
import { FFMPEG_IDLE_TIMEOUT_MS, FFMPEG_OPTION_NAMES, type FfmpegOptions } from './ffmpeg-options.ts';
import { detectDemuxer, filmArguments, isWebp } from './film-format.ts';
import { PamSplitter } from './pam-splitter.ts';
import { probeVideo, type VideoInfo } from './probe-video.ts';
import { readAnimatedWebp } from './read-animated-webp.ts';
import { checkFrameRange, type FrameRange, type FrameSource, type VideoFrame } from './video-frame.ts';

/** Options of {@link readVideo}. */
export interface ReadVideoOptions extends FfmpegOptions, FrameRange {
  /** Called with one line about a problem in a video that can still be read: damaged parts, HDR colours. */
  readonly onWarning?: (line: string) => void;
}

const READ_VIDEO_OPTION_NAMES: OptionNames<ReadVideoOptions> = {
  ...FFMPEG_OPTION_NAMES,
  start: true,
  end: true,
  onWarning: true,
};

/** A video file as a source of frames. */
export interface VideoSource extends FrameSource {
  /** Audio codec, as named by ffmpeg. */
  readonly audioCodec?: string;
  /** `frameRate` as a fraction, such as `30000/1001`. */
  readonly exactFrameRate: string;
  /** Time of the very first frame, ms: more than 0 if the audio starts first. */
  readonly firstFrameMs: number;
}

/** Number of frames decoded ahead of the caller; then ffmpeg waits. */
const FRAMES_AHEAD = 2;

/**
 * Opens a video file.
 *
 * The file may be untrusted: ffmpeg opens it with the one demuxer that its first bytes identify, and opens nothing that
 * it refers to. HDR videos (PQ, HLG) are tone-mapped if ffmpeg supports it.
 * @param path - a video in a known container, whatever its name: mp4, mov, mkv, webm, avi, ts, flv, ogg, wmv, gif, apng
 *   …; animated WebP is read without ffmpeg.
 * @throws VideoFileError with a one-line message: no such file, no video in it, a playlist, damaged, no ffmpeg;
 *   ImageDecodeError for a damaged WebP. `frames()` throws a VideoFileError with `framesRead` after the last frame of a
 *   truncated video.
 */
export async function readVideo(path: string, options: ReadVideoOptions = {}): Promise<VideoSource> {
  checkOptionNames(options, READ_VIDEO_OPTION_NAMES);
  checkNumber('idleTimeoutMs', options.idleTimeoutMs ?? FFMPEG_IDLE_TIMEOUT_MS, 0);
  const { start, end } = checkFrameRange(options);
  const isFile = await stat(path).then(
    (found) => !found.isDirectory(),
    () => undefined,
  );
  if (isFile === undefined) throw new VideoFileError(path, 'no such file');
  if (!isFile) throw new VideoFileError(path, 'this is a folder');
  if (await isWebp(path)) {
    const film = await readAnimatedWebp(path, { start, end, ...(options.signal && { signal: options.signal }) });
    return { ...film, exactFrameRate: `${Math.round(film.frameRate * 1000)}/1000`, firstFrameMs: 0 };
  }
  if ((await detectDemuxer(path)) === 'apng' && animationFormat((await readPictureFile(path)).bytes) === undefined) {
    throw new VideoFileError(path, 'this is a picture (PNG), not a video');
  }
  const info = await probeVideo(path, options);
  const { framesPerSecond, firstFrameMs } = info;
  const count = info.frameCount === undefined ? undefined : Math.max(0, Math.min(info.frameCount, end + 1) - start);
  return {
    path,
    frameRate: framesPerSecond,
    exactFrameRate: info.frameRate,
    firstFrameMs,
    isRegular: info.isRegular,
    ...(count !== undefined && { frameCount: count }),
    ...(info.audioCodec !== undefined && { audioCodec: info.audioCodec }),
    hasAudio: info.audioCodec !== undefined,

    async *frames() {
      let index = start;
      let lastMs = -Infinity;
      for await (const { image, timeMs } of decode(path, info, { ...options, start, end })) {
        // A frame due no later than the previous one is never seen in a player.
        if (timeMs > lastMs) yield { index, timeMs, image } satisfies VideoFrame;
        lastMs = Math.max(lastMs, timeMs);
        index++;
      }
    },
  };
}

async function* decode(
  path: string,
  info: VideoInfo,
  options: ReadVideoOptions & Required<FrameRange>,
): AsyncGenerator<Omit<VideoFrame, 'index'>, void, undefined> {
  const { frameRate, framesPerSecond, firstFrameMs, isRegular } = info;
  const { start, end, signal } = options;
  signal?.throwIfAborted();
  const last = end < Number.MAX_SAFE_INTEGER ? `:end_frame=${end + 1}` : '';
  const isWhole = start === 0 && last === '';
  const filters = [
    ...(isRegular ? [`fps=${frameRate}`] : []),
    ...(isWhole ? [] : [`trim=start_frame=${start}${last}`]),
    ...(isRegular ? ['setpts=PTS-STARTPTS'] : NOTED_TIMES),
    ...(info.hdr === undefined ? [] : await toneMapping(path, info.hdr, options)),
    ...SQUARE_PIXELS,
  ];
  const demuxer = await detectDemuxer(path);
  // Not all versions of ffmpeg know the orientation of PNG; none turns it here.
  const orientation = demuxer === 'apng' ? readPngOrientation((await readPictureFile(path)).bytes) : 1;
  // Filters that restart when the frame size changes would also restart counting frames and times, and lose frames.
  // Those that cannot continue with another size are exempt: rotation and tone-mapping.
  const isSizeFree = !info.isTurned && info.hdr === undefined;
  const ffmpeg = startFfmpeg(
    'ffmpeg',
    [
      ...(isSizeFree ? ['-noautorotate', '-reinit_filter', '0'] : []),
      ...filmArguments(path, demuxer),
      ...['-map', '0:V:0', '-vf', filters.join(',')],
      ...(isRegular ? [] : ['-r', '25']),
      ...PIPED_PAM,
    ],
    path,
    { ...options, isLenient: true },
  );
  ffmpeg.stdin.end();

  const splitter = new PamSplitter();
  const ready: RgbaImage[] = [];
  const times = new NotedTimes(1000 / framesPerSecond);
  let index = start;
  let ending = { ok: true, complaint: '' };
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
      failure ??= new VideoFileError(path, 'ffmpeg sent something other than frames', { cause });
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
    .then((ended) => {
      ending = ended;
      if (ended.ok && !splitter.isComplete) failure ??= new VideoFileError(path, 'the last frame is truncated');
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
      const timeMs = isRegular ? firstFrameMs + (index * 1000) / framesPerSecond : times.next;
      const image = timeMs === undefined ? undefined : ready.shift();
      if (image !== undefined && timeMs !== undefined) {
        index++;
        times.shift();
        ffmpeg.stdout.resume();
        yield { image: turnUpright(image, orientation), timeMs };
        signal?.throwIfAborted();
        continue;
      }
      if (isOver) {
        if (failure !== undefined) throw failure;
        judgeEnding(path, info, ending, index, options);
        return;
      }
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      // Frames before the first are decoded without any output.
      await (index === start && start > 0 ? woken : ffmpeg.waitFor(woken));
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    ffmpeg.kill();
    // Data left in the pipe would keep it open.
    ffmpeg.stdout.destroy();
    ffmpeg.notes.destroy();
  }
}

/**
 * Distinguishes a complete video from one that ends early, and from one that is damaged in between.
 * @param index - index of the frame that would have come next.
 * @throws VideoFileError if it ends early.
 */
function judgeEnding(
  path: string,
  { frameCount, storedFrames }: VideoInfo,
  { ok, complaint }: { ok: boolean; complaint: string },
  index: number,
  { start, end, onWarning }: ReadVideoOptions & Required<FrameRange>,
): void {
  const words = complaint === '' ? '' : explain(complaint, path);
  if (index === start) {
    if (!ok) throw new VideoFileError(path, explain(complaint, path));
    return;
  }
  const promised = Math.min(frameCount ?? 0, storedFrames ?? Infinity, end + 1);
  // The promised count is a duration times a rate: a difference of a frame or two means nothing.
  const missing = promised - index;
  const isShort = missing > Math.max(2, promised * (words === '' ? QUIETLY_MISSING : COMPLAINED_MISSING));
  if (!ok || (isShort && (words !== '' || storedFrames !== undefined))) {
    const count = promised > index ? `${index} of ${promised} frames` : `${index} frames`;
    const reason = `the video ends early, after ${count}${words === '' ? '' : ` (${words})`}`;
    throw new VideoFileError(path, reason, { framesRead: index });
  }
  if (words !== '') onWarning?.(`${path}: damaged, but read to its end (${words})`);
  else if (frameCount !== undefined && index > frameCount * JOINED) {
    onWarning?.(
      `${path}: joined from several videos or damaged: ${index} frames, but its timestamps promise ${frameCount}`,
    );
  }
}

/** More than this many times the promised frames cannot be explained by a wrong guess at the rate. */
const JOINED = 1.5;

/** Fraction of a video that may be missing at its end, with and without an error from ffmpeg. */
const COMPLAINED_MISSING = 0.01;
const QUIETLY_MISSING = 0.1;

/** Filters that map HDR colours to those of screens, if this ffmpeg has them. */
async function toneMapping(path: string, hdr: 'PQ' | 'HLG', options: ReadVideoOptions): Promise<readonly string[]> {
  const filters = await runFfmpeg('ffmpeg', ['-filters'], path, options);
  if (/ zscale /.test(filters) && / tonemap /.test(filters)) return TONE_MAPPING;
  options.onWarning?.(`${path}: its colours are HDR (${hdr}), which this ffmpeg cannot tone-map: they come out pale`);
  return [];
}

/**
 * 100 cd/m2 is the white of screens. Of ffmpeg's curves, mobius leaves everything up to the brightness of skin
 * unchanged.
 */
const TONE_MAPPING = [
  'zscale=transfer=linear:npl=100',
  'format=gbrpf32le',
  'zscale=primaries=bt709',
  'tonemap=mobius:desat=0',
  'zscale=transfer=bt709:matrix=bt709:range=tv',
  'format=yuv444p',
] as const;

const SQUARE_PIXELS = ["scale='max(1,round(iw*if(sar,sar,1)))':ih", 'setsar=1'];

/**
 * Records each frame's time, in microseconds, and then gives it another: frames that appear regular are neither
 * repeated nor dropped, whatever a version of ffmpeg calls its option for that.
 */
const NOTED_TIMES = [
  'settb=1/1000000',
  // Only frames with metadata are recorded.
  'metadata=mode=add:key=noted:value=1',
  "metadata=mode=print:file='pipe\\:3':direct=1",
  'settb=1/25',
  'setpts=N',
];

/** The times recorded by ffmpeg, as lines such as `frame:7 pts:280000 pts_time:0.28`. */
class NotedTimes {
  readonly #usualStepMs: number;
  readonly #times: number[] = [];
  #text = '';
  #lastMs = 0;

  /** @param usualStepMs - interval between frames, used if one has no time. */
  constructor(usualStepMs: number) {
    this.#usualStepMs = usualStepMs;
  }

  /** Time of the next frame, ms; undefined until it arrives. */
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
