import type { OptionNames } from '../check-arguments.ts';

/** Where the programs are. */
export interface FfmpegOptions {
  /** Folder of `ffmpeg` and `ffprobe`; by default they are looked for on the PATH. */
  readonly ffmpegFolder?: string;
  /** Ends the work; what is then thrown is the signal's reason. */
  readonly signal?: AbortSignal;
  /** After how long a program that reads, writes and prints nothing is given up, ms; default 120,000. */
  readonly idleTimeoutMs?: number;
}

/** For checks of names. */
export const FFMPEG_OPTION_NAMES: OptionNames<FfmpegOptions> = {
  ffmpegFolder: true,
  signal: true,
  idleTimeoutMs: true,
};

/** Default of {@link FfmpegOptions.idleTimeoutMs}: starting on a busy machine and finishing a long film take less. */
export const FFMPEG_IDLE_TIMEOUT_MS = 120_000;
