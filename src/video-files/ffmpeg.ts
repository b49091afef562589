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
  /** What it had to complain about, in one line; empty where there is none. */
  readonly complaint: string;
}

/** Only the first words of a complaint are kept: a damaged file can produce megabytes of them. */
const MAX_COMPLAINT_LENGTH = 4000;

/** How a program is started. */
export interface StartOptions extends FfmpegOptions {
  /** Goes on past what is damaged, and complains of it. */
  readonly isLenient?: boolean;
}

/** A running ffmpeg or ffprobe. */
export interface FfmpegProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** What it writes to `pipe:3`. */
  readonly notes: Readable;
  /** Settles when the program is gone; rejects with a VideoFileError only where it could not be started. */
  readonly ended: Promise<Ending>;
  /**
   * Waits for something that the program is to do.
   * @param output - a file that it writes, whose growth is a sign of life.
   * @throws VideoFileError where it shows no sign of life for too long; it is then ended.
   */
  waitFor<T>(step: Promise<T>, output?: string): Promise<T>;
  /** Ends it at once; idempotent. */
  kill(): void;
}

/**
 * Starts ffmpeg or ffprobe, which speaks of errors only and asks nothing.
 *
 * It runs in a process group of its own: a Ctrl-C in the terminal goes to the whole group, and this program, not the
 * terminal, decides when the video is closed.
 * @param path - the file it works on, for messages.
 */
export function startFfmpeg(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  path: string,
  { ffmpegFolder, isLenient = false, idleTimeoutMs = FFMPEG_IDLE_TIMEOUT_MS }: StartOptions = {},
): FfmpegProcess {
  const command = ffmpegFolder === undefined ? program : join(ffmpegFolder, program);
  // Without -xerror, ffmpeg goes on past a damaged frame and a full disk, and calls it a success.
  const strict = isLenient ? [] : ['-xerror'];
  const quiet = program === 'ffmpeg' ? ['-v', 'error', '-nostdin', '-hide_banner', ...strict] : ['-v', 'error'];
  const options: SpawnOptions = {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  };
  const child = spawn(command, [...quiet, ...args], options) as ChildProcessByStdio<Writable, Socket, Socket>;
  const notes = child.stdio[3] as unknown as Socket;
  // In a process group of its own, it would outlive this process.
  const endWork = beginWork(() => child.kill('SIGKILL'));
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < MAX_COMPLAINT_LENGTH) complaint += text;
  });
  // A program that has gone does not read on; why it went is what `ended` tells.
  child.stdin.on('error', () => {});
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'ENOENT'
          ? `${program} is needed for videos and was not found; install it from https://ffmpeg.org (folders of pictures need none)`
          : `${program} cannot be started: ${cause.message}`;
      reject(new VideoFileError(path, reason, { cause }));
    });
    child.on('close', (code, signal) => {
      // The system ends a program that writes more than it may; there is no complaint then.
      resolve({ ok: code === 0, complaint: signal === 'SIGXFSZ' ? 'File too large' : inOneLine(complaint) });
    });
  });
  ended.then(endWork, endWork);
  // Rejects for whoever waits; a process that nobody waits for any more must not bring the program down.
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
        giveUp(new VideoFileError(path, `${program} has done nothing for ${idleTimeoutMs / 1000} s and was ended`));
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

/** How often a program that is waited for is looked at. */
const WATCH_MS = 1000;

/** Runs a program to its end and gives what it printed. */
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

/** A message of ffmpeg without its own file names and addresses in memory. */
export function explain(complaint: string, path: string): string {
  if (/No space left on device/i.test(complaint)) return 'the disk is full';
  if (/Disk quota exceeded/i.test(complaint)) return 'the disk quota is used up';
  if (/File too large/i.test(complaint)) return 'the system allows no file so large';
  if (/moov atom not found/i.test(complaint)) return 'the file is no video or is cut short (moov atom not found)';
  if (/Cannot determine format of input stream/i.test(complaint)) return 'there is no frame in this film';
  const words = complaint
    .replace(/\[[^\]]* @ 0x[0-9a-f]+\] ?/gi, '')
    .replaceAll(`file:${path}`, path)
    .replaceAll(`${path}: `, '')
    .trim();
  return words === '' ? 'ffmpeg failed without a message' : `ffmpeg: ${words}`;
}

/** The first lines of a complaint as one. */
function inOneLine(complaint: string): string {
  return complaint
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '')
    .slice(0, 3)
    .join('; ');
}
