import { type ChildProcessByStdio, type SpawnOptions, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { VideoFileError } from '../errors.ts';
import { beginWork } from '../files/unfinished-work.ts';
import { FFMPEG_IDLE_TIMEOUT_MS, type FfmpegOptions } from './ffmpeg-options.ts';

/** How a program ended. */
interface Ending {
  readonly ok: boolean;
  /** Its error output, as one line; empty if there was none. */
  readonly complaint: string;
}

/** Only the beginning of the error output is kept: a damaged file can produce megabytes of it. */
const MAX_COMPLAINT_LENGTH = 4000;

/** Options for starting a program. */
export interface StartOptions extends FfmpegOptions {
  /** Continues past damaged parts, and reports them. */
  readonly isLenient?: boolean;
}

/** A running ffmpeg or ffprobe. */
export interface FfmpegProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Its output to `pipe:3`. */
  readonly notes: Readable;
  /** Settles when the program has exited; rejects with a VideoFileError only if it could not be started. */
  readonly ended: Promise<Ending>;
  /**
   * Waits for the program to complete a step.
   * @param output - a file that it writes; growth of the file counts as a sign of life.
   * @throws VideoFileError if it shows no sign of life for too long; it is then terminated.
   */
  waitFor<T>(step: Promise<T>, output?: string): Promise<T>;
  /** Kills it at once; idempotent. */
  kill(): void;
}

/**
 * Starts ffmpeg or ffprobe, printing errors only and without prompts.
 *
 * It runs in its own process group: a Ctrl-C in the terminal goes to the whole foreground group, but this program, not
 * the terminal, decides when the video is closed.
 * @param path - the file it works on, for messages.
 */
export function startFfmpeg(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  path: string,
  { ffmpegFolder, isLenient = false, idleTimeoutMs = FFMPEG_IDLE_TIMEOUT_MS }: StartOptions = {},
): FfmpegProcess {
  const command = ffmpegFolder === undefined ? program : join(ffmpegFolder, program);
  // Without -xerror, ffmpeg continues past a damaged frame or a full disk, and reports success.
  const strict = isLenient ? [] : ['-xerror'];
  const quiet = program === 'ffmpeg' ? ['-v', 'error', '-nostdin', '-hide_banner', ...strict] : ['-v', 'error'];
  const options: SpawnOptions = {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  };
  const child = spawn(command, [...quiet, ...args], options) as ChildProcessByStdio<Writable, Socket, Socket>;
  const notes = child.stdio[3] as unknown as Socket;
  // In its own process group, it would outlive this process.
  const endWork = beginWork(() => child.kill('SIGKILL'));
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < MAX_COMPLAINT_LENGTH) complaint += text;
  });
  // A program that has exited no longer reads; `ended` has the reason.
  child.stdin.on('error', () => {});
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'ENOENT'
          ? `${program} is required for videos but was not found; install it from https://ffmpeg.org (not needed for folders of pictures)`
          : `${program} cannot be started: ${cause.message}`;
      reject(new VideoFileError(path, reason, { cause }));
    });
    child.on('close', (code, signal) => {
      // The system kills a program that exceeds the file size limit; there is no error output then.
      resolve({ ok: code === 0, complaint: signal === 'SIGXFSZ' ? 'File too large' : inOneLine(complaint) });
    });
  });
  ended.then(endWork, endWork);
  // Rejects for those who wait; a process that nobody is waiting for must not crash the program.
  ended.catch(() => {});
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    notes,
    ended,
    async waitFor(step, output) {
      const signOfLife = async (): Promise<string> => {
        const size =
          output === undefined
            ? 0
            : await stat(output).then(
                (found) => found.size,
                () => 0,
              );
        return [child.stdout, child.stderr, notes].map(({ bytesRead }) => bytesRead).join() + size;
      };
      let [sign, since] = ['', performance.now()];
      let giveUp: (error: VideoFileError) => void = () => {};
      const watch = async (): Promise<void> => {
        const now = await signOfLife();
        if (now !== sign) [sign, since] = [now, performance.now()];
        if (performance.now() - since < idleTimeoutMs) return;
        child.kill('SIGKILL');
        giveUp(new VideoFileError(path, `${program} did nothing for ${idleTimeoutMs / 1000} s and was terminated`));
      };
      const timer = setInterval(() => void watch(), Math.min(WATCH_MS, idleTimeoutMs / 4));
      try {
        return await Promise.race([
          step,
          new Promise<never>((_, reject) => {
            giveUp = reject;
          }),
        ]);
      } finally {
        clearInterval(timer);
      }
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}

/** Interval for checking a program that is being waited for. */
const WATCH_MS = 1000;

/** Runs a program to completion and returns its output. */
export async function runFfmpeg(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  path: string,
  options: StartOptions = {},
): Promise<string> {
  const { signal } = options;
  signal?.throwIfAborted();
  const running = startFfmpeg(program, args, path, options);
  const stop = (): void => running.kill();
  signal?.addEventListener('abort', stop);
  try {
    running.stdin.end();
    let printed = '';
    running.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    const { ok, complaint } = await running.waitFor(running.ended);
    signal?.throwIfAborted();
    if (!ok) throw new VideoFileError(path, explain(complaint, path));
    return printed;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Turns ffmpeg's error output into a message, without its own file names and memory addresses. */
export function explain(complaint: string, path: string): string {
  if (/No space left on device/i.test(complaint)) return 'the disk is full';
  if (/Disk quota exceeded/i.test(complaint)) return 'the disk quota is used up';
  if (/File too large/i.test(complaint)) return 'the file is too large for the system';
  if (/moov atom not found/i.test(complaint)) return 'the file is not a video or is truncated (moov atom not found)';
  if (/Cannot determine format of input stream/i.test(complaint)) return 'there are no frames in this video';
  const words = complaint
    .replace(/\[[^\]]* @ 0x[0-9a-f]+\] ?/gi, '')
    .replaceAll(`file:${path}`, path)
    .replaceAll(`${path}: `, '')
    .trim();
  return words === '' ? 'ffmpeg failed without a message' : `ffmpeg: ${words}`;
}

/** The first lines of the error output as one. */
function inOneLine(complaint: string): string {
  return complaint
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '')
    .slice(0, 3)
    .join('; ');
}
