import * as v from 'valibot';
import { VideoFileError } from '../errors.ts';
import { runFfmpeg } from './ffmpeg.ts';
import type { FfmpegOptions } from './ffmpeg-options.ts';
import { detectDemuxer, filmArguments } from './film-format.ts';

/** What is known about a video before its first frame. */
export interface VideoInfo {
  /** Frames per second as a fraction that ffmpeg accepts, such as `30000/1001`. */
  readonly frameRate: string;
  readonly framesPerSecond: number;
  /** Whether frames follow each other at this rate; otherwise it is their average, and each has its own time. */
  readonly isRegular: boolean;
  /** From the duration; absent if the file does not state one. */
  readonly frameCount?: number;
  /** Number of frames that the file claims to contain, shown or not; absent if it does not state one. */
  readonly storedFrames?: number;
  /** Time of the first frame from the beginning of the file, ms: more than 0 if the audio starts first. */
  readonly firstFrameMs: number;
  /** Codec of the audio; absent if there is none. */
  readonly audioCodec?: string;
  /** Whether its frames must be rotated or mirrored. */
  readonly isTurned: boolean;
  /** Transfer function of HDR colours; absent for others. */
  readonly hdr?: 'PQ' | 'HLG';
}

const probeSchema = v.object({
  packets: v.optional(
    v.array(v.object({ stream_index: v.optional(v.number()), pts_time: v.optional(v.string()) })),
    [],
  ),
  streams: v.array(
    v.object({
      index: v.optional(v.number()),
      codec_type: v.optional(v.string()),
      codec_name: v.optional(v.string()),
      r_frame_rate: v.optional(v.string()),
      avg_frame_rate: v.optional(v.string()),
      duration: v.optional(v.string()),
      start_time: v.optional(v.string()),
      nb_frames: v.optional(v.string()),
      color_transfer: v.optional(v.string()),
      disposition: v.optional(v.object({ attached_pic: v.optional(v.number()) })),
      side_data_list: v.optional(v.array(v.object({ side_data_type: v.optional(v.string()) })), []),
    }),
  ),
  format: v.optional(v.object({ duration: v.optional(v.string()), start_time: v.optional(v.string()) })),
});

const MAX_FRAME_RATE = 480;
/** Number of packets, video and audio, that are inspected for the times of frames. */
const PACKETS = 600;

/** Rates that differ by less than this fraction are the same; the rest is rounding in the file. */
const SAME_RATE = 0.005;

/**
 * Inspects a video file with ffprobe.
 * @throws VideoFileError if the file cannot be read, is not a video or has no video stream.
 */
export async function probeVideo(path: string, options: FfmpegOptions = {}): Promise<VideoInfo> {
  const demuxer = await detectDemuxer(path);
  const printed = await runFfmpeg(
    'ffprobe',
    [
      ...['-show_streams', '-show_format', '-show_entries', 'packet=stream_index,pts_time'],
      ...['-read_intervals', `%+#${PACKETS}`, '-of', 'json'],
      ...filmArguments(path, demuxer),
    ],
    path,
    options,
  );
  return readProbe(path, parseJson(path, printed));
}

/** Interprets the output of ffprobe. */
export function readProbe(path: string, printed: unknown): VideoInfo {
  const parsed = v.safeParse(probeSchema, printed);
  if (!parsed.success) throw new VideoFileError(path, 'the output of ffprobe cannot be parsed');
  const { streams, format, packets } = parsed.output;
  // The cover of a song is a video stream to ffmpeg.
  const video = streams.find(
    ({ codec_type, disposition }) => codec_type === 'video' && disposition?.attached_pic !== 1,
  );
  if (video === undefined) throw new VideoFileError(path, 'there is no video in this file');
  const audio = streams.find(({ codec_type }) => codec_type === 'audio');
  const { r_frame_rate: base, avg_frame_rate: average } = video;
  const measured = measureRate(
    packets.flatMap(({ stream_index, pts_time }) => (stream_index === video.index ? [Number(pts_time)] : [])),
  );
  // A rate above MAX_FRAME_RATE is really the unit of the timestamps, as in browser recordings; so is the only rate of
  // a video of two frames, which has no average.
  const isSensible = fraction(average) > 0 && fraction(average) <= MAX_FRAME_RATE;
  const frameRate =
    isSensible || measured === undefined
      ? chooseFrameRate(base, average)
      : chooseFrameRate(fraction(average) > 0 ? '0/0' : base, `${Math.round(measured.framesPerSecond * 1000)}/1000`);
  const framesPerSecond = fraction(frameRate);
  const isRegular =
    measured?.isRegular !== false && (!(fraction(average) > 0) || isSameRate(fraction(base), fraction(average)));
  const seconds = Number(video.duration ?? format?.duration);
  // Containers such as MPEG-TS begin at any time; whatever is shown first is at 0.
  const leadSeconds = Number(video.start_time ?? 0) - Number(format?.start_time ?? 0);
  const storedFrames = Number(video.nb_frames ?? 0);
  const hdr = HDR[video.color_transfer ?? ''];
  return {
    frameRate,
    framesPerSecond,
    isRegular,
    ...(seconds > 0 && { frameCount: Math.max(1, Math.round(seconds * framesPerSecond)) }),
    ...(storedFrames > 0 && { storedFrames }),
    firstFrameMs: leadSeconds > 0 ? Math.round(leadSeconds * 1e6) / 1000 : 0,
    isTurned: video.side_data_list.some((data) => data.side_data_type === 'Display Matrix'),
    ...(hdr !== undefined && { hdr }),
    ...(audio !== undefined && { audioCodec: audio.codec_name ?? 'unknown' }),
  };
}

function parseJson(path: string, printed: string): unknown {
  try {
    return JSON.parse(printed);
  } catch (cause) {
    throw new VideoFileError(path, 'the output of ffprobe cannot be parsed', { cause });
  }
}

/** Transfer functions by ffmpeg's names. */
const HDR: Readonly<Record<string, 'PQ' | 'HLG'>> = { smpte2084: 'PQ', 'arib-std-b67': 'HLG' };

/** Marks a path as one, even if it looks like an option or a protocol. */
export function fileArgument(path: string): string {
  return `file:${path}`;
}

/**
 * The rate of a video. `base` is the lowest that hits every frame's time: twice the true rate for interlaced video and
 * far too high for phones with their irregular frames, for which the average is better.
 */
export function chooseFrameRate(base = '0/0', average = '0/0'): string {
  const baseRate = fraction(base);
  const averageRate = fraction(average);
  if (!(averageRate > 0)) return baseRate > 0 ? base : '25/1';
  if (isSameRate(baseRate, averageRate)) return base;
  return `${Math.max(1, Math.round(averageRate * 1000))}/1000`;
}

function isSameRate(base: number, average: number): boolean {
  return Math.abs(base - average) <= average * SAME_RATE;
}

/**
 * Determines whether frames are regular.
 * @param times - presentation times of packets, in any order, s.
 * @returns their average rate, and whether each is where that rate puts it; undefined if there are too few to tell.
 */
export function measureRate(times: readonly number[]): { framesPerSecond: number; isRegular: boolean } | undefined {
  // The last ones may lack neighbours that come later in the file.
  const sorted = times
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
    .slice(0, times.length > 4 * REORDERED ? -REORDERED : undefined);
  const first = sorted[0] ?? Number.NaN;
  const step = ((sorted.at(-1) ?? Number.NaN) - first) / (sorted.length - 1);
  if (!(step > 0)) return undefined;
  const isRegular = sorted.every(
    (time, i) => Math.abs(time - first - i * step) <= MAX_JITTER * step + ROUNDING_SECONDS,
  );
  return { framesPerSecond: 1 / step, isRegular };
}

/** Maximum number of packets between a frame's position in the file and in presentation order. */
const REORDERED = 16;
/** A frame may be this early or late, as a fraction of the frame interval, in addition to its container's rounding. */
const MAX_JITTER = 0.1;
const ROUNDING_SECONDS = 0.001;

function fraction(text = '0/0'): number {
  const [numerator, denominator = '1'] = text.split('/');
  const value = Number(numerator) / Number(denominator);
  return Number.isFinite(value) ? value : 0;
}
