import type { OptionNames } from '../check-arguments.ts';

/** How ffmpeg and ffprobe are run. */
export interface FfmpegOptions {
  /** Folder of `ffmpeg` and `ffprobe`; by default they are found on the PATH. */
  readonly ffmpegFolder?: string;
  /** Aborts the work; the signal's reason is then thrown. */
  readonly signal?: AbortSignal;
  /** A program that reads, writes and prints nothing for this long is terminated, ms; default 120,000. */
  readonly idleTimeoutMs?: number;
}

/** For checking option names. */
export const FFMPEG_OPTION_NAMES: OptionNames<FfmpegOptions> = {
  ffmpegFolder: true,
  signal: true,
  idleTimeoutMs: true,
};

/** Default of {@link FfmpegOptions.idleTimeoutMs}: starting on a busy machine and finishing a long video take less. */
export const FFMPEG_IDLE_TIMEOUT_MS = 120_000;
