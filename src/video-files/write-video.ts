/** Video files, encoded by the system's ffmpeg from frames passed through a pipe. */
import { rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { checkNumber, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { VideoFileError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { removeLeftovers, temporaryName } from '../files/temporary-name.ts';
import { beginWork } from '../files/unfinished-work.ts';
import { writeFailure } from '../files/write-file-atomically.ts';
import type { RgbaImage } from '../types.ts';
import { explain, type FfmpegProcess, runFfmpeg, startFfmpeg } from './ffmpeg.ts';
import { FFMPEG_IDLE_TIMEOUT_MS, type FfmpegOptions } from './ffmpeg-options.ts';
import { detectDemuxer, filmArguments } from './film-format.ts';
import { fileArgument } from './probe-video.ts';
import type { FrameSink } from './video-frame.ts';

/** Options of {@link writeVideo}. */
export interface WriteVideoOptions extends Omit<FfmpegOptions, 'signal'> {
  /** Frames per second: a number or a fraction such as `30000/1001`. */
  readonly frameRate: number | string;
  /** Keeps the audio of another video, for as long as there are frames. */
  readonly audio?: {
    readonly path: string;
    /** Position of the first frame in it, ms; default the time with which the first frame is written, or 0. */
    readonly startMs?: number;
    /** Whether to keep the audio before the first frame: the frames then start as late as in the original. */
    readonly isWhole?: boolean;
  };
  /** Called with one line if the audio was omitted, with the reason. */
  readonly onWarning?: (line: string) => void;
}

const WRITE_VIDEO_OPTION_NAMES: OptionNames<WriteVideoOptions> = {
  frameRate: true,
  audio: true,
  onWarning: true,
  ffmpegFolder: true,
  idleTimeoutMs: true,
};
const AUDIO_OPTION_NAMES: OptionNames<NonNullable<WriteVideoOptions['audio']>> = {
  path: true,
  startMs: true,
  isWhole: true,
};

/** Extensions of files encoded with H.264, which ffmpeg does not always choose by itself. */
const H264_ENDINGS: ReadonlySet<string> = new Set(['.mp4', '.m4v', '.mov', '.mkv']);
/** Extensions of files whose frames keep odd sizes and have their own colours. */
const PICTURE_ENDINGS: ReadonlySet<string> = new Set(['.gif', '.apng', '.webp']);

/** Extensions of files that cannot contain audio. */
const SILENT_ENDINGS: ReadonlySet<string> = new Set([
  ...PICTURE_ENDINGS,
  ...['.avif', '.y4m', '.ivf', '.h264', '.264', '.hevc', '.265', '.m1v', '.m2v', '.mjpeg', '.mjpg', '.obu'],
]);

/** Good quality, and fast enough not to hold up tracking: 1280x720 takes 5 ms per frame on two cores. */
const H264_ARGUMENTS = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18'] as const;

/**
 * Opens a video file for writing; its extension sets the format: mp4, mov, mkv, webm, avi, gif and others that ffmpeg
 * knows.
 *
 * The file is written to a temporary file beside it, renamed when complete. Frames of odd size get a black row or
 * column if the format requires even ones. The first frame starts ffmpeg.
 */
export function writeVideo(path: string, given: WriteVideoOptions): FrameSink {
  checkOptionNames<object>(given ?? null, WRITE_VIDEO_OPTION_NAMES, 'options', { audio: AUDIO_OPTION_NAMES });
  const { frameRate, audio, onWarning, ...options } = given;
  checkNumber('idleTimeoutMs', options.idleTimeoutMs ?? FFMPEG_IDLE_TIMEOUT_MS, 0);
  const ending = extname(path);
  const temporary = temporaryName(path, { keepsEnding: true });
  const withSound = temporaryName(path, { keepsEnding: true });
  const endWork = beginWork(() => {
    for (const file of [temporary, withSound]) rmSync(file, { force: true });
  });
  let encoder: FfmpegProcess | undefined;
  let size: { width: number; height: number } | undefined;
  let frameCount = 0;
  /** Time of the first frame. */
  let firstMs: number | undefined;
  /** The previous frame, if frames are irregular: it may have to be repeated. */
  let lastFrame: Buffer | undefined;
  let isClosed = false;
  /** Wakes a waiting write when ffmpeg exits. */
  let onEnd = (): void => {};

  async function start(image: RgbaImage): Promise<FfmpegProcess> {
    await makeFolder(dirname(path)).catch((cause: unknown) => {
      throw new VideoFileError(path, writeFailure(cause), { cause });
    });
    await removeLeftovers(dirname(path));
    const hasH264 =
      H264_ENDINGS.has(ending.toLowerCase()) &&
      (await runFfmpeg('ffmpeg', ['-encoders'], path, options)).includes('libx264');
    const input = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-video_size', `${image.width}x${image.height}`];
    return startFfmpeg(
      'ffmpeg',
      [
        ...input,
        ...['-framerate', String(frameRate), '-i', 'pipe:0'],
        ...(PICTURE_ENDINGS.has(ending.toLowerCase()) ? [] : VIDEO_COLOURS),
        ...(hasH264 ? H264_ARGUMENTS : []),
        ...(ending.toLowerCase() === '.webm' ? WEBM_ARGUMENTS : []),
        ...['-y', fileArgument(temporary)],
      ],
      path,
      options,
    );
  }

  /** ffmpeg's error, about the file as the caller knows it. */
  function failure(complaint: string): VideoFileError {
    const words = complaint.replaceAll(fileArgument(temporary), path).replaceAll(temporary, path);
    return new VideoFileError(path, explain(words, path));
  }

  async function encode(running: FfmpegProcess, frame: Buffer): Promise<void> {
    const writing = new Promise<boolean>((resolve) => {
      onEnd = () => resolve(false);
      running.stdin.write(frame, (error) => resolve(!error));
    });
    if (!(await running.waitFor(writing, temporary))) throw failure((await running.ended).complaint);
    frameCount++;
  }

  async function addSound(source: NonNullable<WriteVideoOptions['audio']>): Promise<void> {
    const seconds = frameCount / asNumber(frameRate);
    const startSeconds = (source.startMs ?? firstMs ?? 0) / 1000;
    const lead = source.isWhole === true ? startSeconds : 0;
    const skipped = startSeconds - lead;
    const sound = filmArguments(source.path, await detectDemuxer(source.path));
    const mux = (codec: readonly string[], isLenient = false): Promise<string> =>
      runFfmpeg(
        'ffmpeg',
        [
          ...(lead > 0 ? ['-itsoffset', lead.toFixed(6)] : []),
          ...['-i', fileArgument(temporary)],
          ...(skipped > 0 ? ['-ss', skipped.toFixed(6)] : []),
          ...[...sound, '-map', '0:v', '-map', '1:a', '-c:v', 'copy', ...codec],
          ...['-t', (seconds + lead).toFixed(6), '-movflags', '+faststart', '-y', fileArgument(withSound)],
        ],
        path,
        { ...options, isLenient },
      );
    // Audio that this kind of file cannot contain is re-encoded; damaged audio is re-encoded as far as possible.
    await mux(['-c:a', 'copy'])
      .catch(() => mux([]))
      .catch(() => mux([], true));
    await rename(withSound, temporary);
  }

  async function removeTemporaries(): Promise<void> {
    for (const file of [temporary, withSound]) await rm(file, { force: true }).catch(() => {});
  }

  async function abort(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    encoder?.kill();
    await encoder?.ended.catch(() => {});
    await removeTemporaries();
    endWork();
  }

  return {
    async write(image, timeMs) {
      if (isClosed) throw new VideoFileError(path, 'the video is closed');
      const { width, height, data } = image;
      size ??= { width, height };
      if (width !== size.width || height !== size.height) {
        throw new RangeError(`image: expected ${size.width}x${size.height} px as before, got ${width}x${height}`);
      }
      if (encoder === undefined) {
        encoder = await start(image);
        const hearEnd = (): void => onEnd();
        encoder.ended.then(hearEnd, hearEnd);
      }
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
      if (timeMs === undefined) return encode(encoder, bytes);
      firstMs ??= timeMs;
      const place = Math.round(((timeMs - firstMs) * asNumber(frameRate)) / 1000);
      while (lastFrame !== undefined && frameCount < place) await encode(encoder, lastFrame);
      if (frameCount <= place) await encode(encoder, bytes);
      lastFrame ??= Buffer.allocUnsafeSlow(bytes.length);
      lastFrame.set(bytes);
    },

    async finish() {
      if (isClosed) return;
      if (encoder === undefined) throw new VideoFileError(path, 'there are no frames to write');
      encoder.stdin.end();
      try {
        const { ok, complaint } = await encoder.waitFor(encoder.ended, temporary);
        if (!ok) throw failure(complaint);
        if (audio !== undefined && SILENT_ENDINGS.has(ending.toLowerCase())) {
          onWarning?.(`${path}: written without audio, which ${ending} files cannot contain`);
        } else if (audio !== undefined) await addSound(audio);
        await rename(temporary, path).catch((cause: unknown) => {
          throw new VideoFileError(path, writeFailure(cause), { cause });
        });
        isClosed = true;
        endWork();
      } catch (error) {
        await abort();
        throw error;
      }
    },

    abort,
  };
}

/** The colours of HD video, both declared and used; and even sizes, which 4:2:0 requires. */
const VIDEO_COLOURS = [
  ...['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p'],
  ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
] as const;

const WEBM_ARGUMENTS = [
  '-c:v',
  'libvpx-vp9',
  '-b:v',
  '0',
  '-crf',
  '30',
  '-deadline',
  'realtime',
  '-cpu-used',
  '6',
] as const;

function asNumber(frameRate: number | string): number {
  const [numerator, denominator = '1'] = String(frameRate).split('/');
  return Number(numerator) / Number(denominator);
}
