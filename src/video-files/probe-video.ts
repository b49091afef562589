import * as v from 'valibot';
import { VideoFileError } from '../errors.ts';
import { type FfmpegOptions, runFfmpeg } from './ffmpeg.ts';

/** What is known of a video before its first frame. */
export interface VideoInfo {
  /** Frames per second as a fraction that ffmpeg takes, such as `30000/1001`. */
  readonly frameRate: string;
  readonly framesPerSecond: number;
  /** From the duration; absent where the file does not say how long it is. */
  readonly frameCount?: number;
  /** Codec of the sound; absent where there is none. */
  readonly audioCodec?: string;
}

const probeSchema = v.object({
  streams: v.array(
    v.object({
      codec_type: v.optional(v.string()),
      codec_name: v.optional(v.string()),
      r_frame_rate: v.optional(v.string()),
      avg_frame_rate: v.optional(v.string()),
      duration: v.optional(v.string()),
      disposition: v.optional(v.object({ attached_pic: v.optional(v.number()) })),
    }),
  ),
  format: v.optional(v.object({ duration: v.optional(v.string()) })),
});

/** Rates that differ by less than this part are the same; what is then left is rounding in the file. */
const SAME_RATE = 0.005;

/**
 * Asks ffprobe about a video file.
 * @throws VideoFileError where the file cannot be read, is no video or has no picture.
 */
export async function probeVideo(path: string, options: FfmpegOptions = {}): Promise<VideoInfo> {
  const printed = await runFfmpeg(
    'ffprobe',
    ['-show_streams', '-show_format', '-of', 'json', '-i', fileArgument(path)],
    path,
    options,
  );
  const { streams, format } = v.parse(probeSchema, JSON.parse(printed));
  // The cover of a song is a video stream to ffmpeg.
  const video = streams.find(
    ({ codec_type, disposition }) => codec_type === 'video' && disposition?.attached_pic !== 1,
  );
  if (video === undefined) throw new VideoFileError(path, 'there is no video in this file');
  const audio = streams.find(({ codec_type }) => codec_type === 'audio');
  const frameRate = chooseFrameRate(video.r_frame_rate, video.avg_frame_rate);
  const framesPerSecond = fraction(frameRate);
  const seconds = Number(video.duration ?? format?.duration);
  return {
    frameRate,
    framesPerSecond,
    ...(seconds > 0 && { frameCount: Math.max(1, Math.round(seconds * framesPerSecond)) }),
    ...(audio !== undefined && { audioCodec: audio.codec_name ?? 'unknown' }),
  };
}

/** A path that begins like an option or a protocol is a path all the same. */
export function fileArgument(path: string): string {
  return `file:${path}`;
}

/**
 * The rate at which a video is read. `base` is the least that hits every frame's time, twice the true one for interlaced
 * video and far too much for phones, whose frames come irregularly; they are read at their average rate.
 */
export function chooseFrameRate(base = '0/0', average = '0/0'): string {
  const baseRate = fraction(base);
  const averageRate = fraction(average);
  if (!(averageRate > 0)) return baseRate > 0 ? base : '25/1';
  if (Math.abs(baseRate - averageRate) <= averageRate * SAME_RATE) return base;
  return `${Math.max(1, Math.round(averageRate * 1000))}/1000`;
}

function fraction(text: string): number {
  const [numerator, denominator = '1'] = text.split('/');
  const value = Number(numerator) / Number(denominator);
  return Number.isFinite(value) ? value : 0;
}
