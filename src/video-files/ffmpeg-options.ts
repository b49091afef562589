/** Where the programs are. */
export interface FfmpegOptions {
  /** Folder of `ffmpeg` and `ffprobe`; by default they are looked for on the PATH. */
  readonly ffmpegFolder?: string;
  /** Ends the work; what is then thrown is the signal's reason. */
  readonly signal?: AbortSignal;
}
