/**
 * Frames of a video file, decoded by the system's ffmpeg and handed over through a pipe.
 *
 * ffmpeg turns phone videos upright, leaves out what an edit list hides and scales to square pixels, and pictures that change
 * their size on the way to that of the first. A video of constant rate
 * is held to that rate: a frame that is missing is repeated. The frames of an irregular one are given once each, with
 * their own times, which ffmpeg notes down in a pipe beside that of the frames.
 *
 * 1280x720 of H.264 on two cores, ms a frame: decoding 0.8; with RGBA through the pipe to `cat` 3.4 (RGB 2.6, YUV 4:2:0 1.6,
 * which would have to be converted here and would not be the same colours); until it is an array here 2.9.
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
  /** Told in a line what is amiss with a film that is read all the same: damaged parts, colours beyond those of screens. */
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
  /** Codec of its sound, as ffmpeg calls it. */
  readonly audioCodec?: string;
  /** `frameRate` as a fraction, such as `30000/1001`. */
  readonly exactFrameRate: string;
  /** When the very first frame is shown, ms: more than 0 where sound comes first. */
  readonly firstFrameMs: number;
}

/** Frames that are decoded ahead of the caller; then ffmpeg waits. */
const FRAMES_AHEAD = 2;

/**
 * Opens a video file.
 *
 * It may come from strangers: ffmpeg opens it by the one demuxer that its first bytes name, and nothing that it names itself.
 * Films of bright colours (PQ, HLG) are tone-mapped where ffmpeg can.
 * @param path - a film in a container that is known, whatever its name: mp4, mov, mkv, webm, avi, ts, flv, ogg, wmv, gif, apng …;
 *   animated WebP is read without ffmpeg.
 * @throws VideoFileError in one line: no such file, no video in it, a playlist, damaged, no ffmpeg; ImageDecodeError for a WebP
 *   that is damaged. `frames()` throws a VideoFileError with `framesRead` after the last frame of a film that is cut off.
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
    throw new VideoFileError(path, 'this is a picture (PNG), not a film');
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
  // Filters that begin anew where pictures change their size would count frames and times anew too, and lose frames. Those
  // that cannot go on with another size are left as they are: turning and tone-mapping.
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
    .then((ended) => {
      ending = ended;
      if (ended.ok && !splitter.isComplete) failure ??= new VideoFileError(path, 'the last frame is cut short');
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
      // Frames before the first are decoded without a sign of it.
      await (index === start && start > 0 ? woken : ffmpeg.waitFor(woken));
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    ffmpeg.kill();
    // What waits in the pipe would keep it open.
    ffmpeg.stdout.destroy();
    ffmpeg.notes.destroy();
  }
}

/**
 * Tells a film that is whole from one that ends early, and from one that is damaged in between.
 * @param index - of the frame that would have come next.
 * @throws VideoFileError where it ends early.
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
  // What is promised is a duration times a rate: a frame or two are no sign of anything.
  const missing = promised - index;
  const isShort = missing > Math.max(2, promised * (words === '' ? QUIETLY_MISSING : COMPLAINED_MISSING));
  if (!ok || (isShort && (words !== '' || storedFrames !== undefined))) {
    const count = promised > index ? `${index} of ${promised} frames` : `${index} frames`;
    const reason = `the film ends early, after ${count}${words === '' ? '' : ` (${words})`}`;
    throw new VideoFileError(path, reason, { framesRead: index });
  }
  if (words !== '') onWarning?.(`${path}: damaged, but read to its end (${words})`);
  else if (frameCount !== undefined && index > frameCount * JOINED) {
    onWarning?.(`${path}: joined of several or damaged: ${index} frames, where its times promise ${frameCount}`);
  }
}

/** How many times the promised frames are more than a wrong guess at the rate. */
const JOINED = 1.5;

/** Parts of a film that may be missing at its end, where ffmpeg complains and where it does not. */
const COMPLAINED_MISSING = 0.01;
const QUIETLY_MISSING = 0.1;

/** Brings bright colours into those of screens, where this ffmpeg can. */
async function toneMapping(path: string, hdr: 'PQ' | 'HLG', options: ReadVideoOptions): Promise<readonly string[]> {
  const filters = await runFfmpeg('ffmpeg', ['-filters'], path, options);
  if (/ zscale /.test(filters) && / tonemap /.test(filters)) return TONE_MAPPING;
  options.onWarning?.(`${path}: its colours are HDR (${hdr}), which this ffmpeg cannot tone-map: they come out pale`);
  return [];
}

/** 100 cd/m2 is the white of screens. Of ffmpeg's curves, mobius leaves what is no brighter than skin as it is. */
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
