/**
 * Downloads one file over unreliable connections. What has arrived stays in `<target>.part`, so that the next attempt,
 * in this run or a later one, requests only the rest (`Range`); the file appears under its own name only once its git
 * blob id matches. The file on the server may change between two attempts: a resumed file that turns out wrong is
 * fetched once more from the start.
 */
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TddfaError, WeightFormatError, WeightLoadError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { writeFailure } from '../files/write-file-atomically.ts';
import { timerDelay } from '../timer-delay.ts';
import { gitBlobId } from './git-blob-id.ts';

export interface DownloadOptions {
  /** Content that the file must have; see `gitBlobId`. */
  readonly blobId: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((loadedBytes: number, totalBytes: number | undefined) => void) | undefined;
  /** Consecutive attempts that may yield not a single byte. */
  readonly attempts?: number | undefined;
  /** Before the second attempt; doubled before each further one. */
  readonly retryDelayMilliseconds?: number | undefined;
  /** Attempts in total, however much each yields. */
  readonly maxAttempts?: number | undefined;
  /** A connection that is silent for this long counts as dropped. */
  readonly silenceMilliseconds?: number | undefined;
  /** A connection slower than this on average over `silenceMilliseconds` counts as having yielded nothing. */
  readonly minBytesPerSecond?: number | undefined;
}

export const DOWNLOAD_DEFAULTS = {
  attempts: 5,
  maxAttempts: 50,
  retryDelayMilliseconds: 1000,
  silenceMilliseconds: 30_000,
  minBytesPerSecond: 4096,
} as const;

/** Far larger than any requested file: keeps a faulty server from filling the disk. */
const MAX_BYTES = 2 ** 28;

/**
 * Downloads a file unless it is already there.
 * @param target - where it goes; the folder is created.
 * @throws TddfaError if it cannot be written; WeightLoadError, with the HTTP status, if the server refuses, or if all
 *   attempts failed; WeightFormatError if the bytes are not those of `blobId`; the signal's reason, keeping what has
 *   arrived.
 */
export async function downloadFile(url: string, target: string, options: DownloadOptions): Promise<void> {
  if (await hasBlobId(target, options.blobId)) return;
  const part = `${target}.part`;
  await onDisk(part, makeFolder(dirname(target)));
  const wasResumed = (await sizeOf(part)) > 0;
  await fetchAll(url, part, options);
  if (!(await hasBlobId(part, options.blobId)) && wasResumed) {
    await rm(part, { force: true });
    await fetchAll(url, part, options);
  }
  const actual = gitBlobId(await readFile(part));
  if (actual !== options.blobId) {
    await rm(part, { force: true });
    throw new WeightFormatError(url, 'is not the expected file: wrong git blob id', {
      expected: options.blobId,
      actual,
    });
  }
  await onDisk(target, rename(part, target));
}

/** @throws TddfaError with the path and the system's reason. */
async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new TddfaError(`cannot write ${path}: ${writeFailure(cause)}`, { cause });
  }
}

/** Whether a file exists and has the content of a blob id. */
export async function hasBlobId(path: string, blobId: string): Promise<boolean> {
  try {
    return gitBlobId(await readFile(path)) === blobId;
  } catch {
    return false;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** Appends to `part` until it is complete according to the server. */
async function fetchAll(url: string, part: string, options: DownloadOptions): Promise<void> {
  const { signal } = options;
  const attempts = options.attempts ?? DOWNLOAD_DEFAULTS.attempts;
  const maxAttempts = options.maxAttempts ?? DOWNLOAD_DEFAULTS.maxAttempts;
  const firstDelay = options.retryDelayMilliseconds ?? DOWNLOAD_DEFAULTS.retryDelayMilliseconds;
  /** Only bytes beyond this count as progress: a server may keep starting over and breaking off. */
  let mostBytes = await sizeOf(part);
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(url, part, await sizeOf(part), options);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof DroppedError)) throw error;
      const bytes = await sizeOf(part);
      failures = bytes > mostBytes && !error.isTooSlow ? 1 : failures + 1;
      mostBytes = Math.max(mostBytes, bytes);
      if (failures >= attempts || attempt >= maxAttempts) {
        const tries = `${failures >= attempts ? attempts : attempt} attempts`;
        throw new WeightLoadError(url, `${error.message}, after ${tries}; run it again to resume`, {
          cause: error.cause,
        });
      }
    }
    await delay(timerDelay(firstDelay * 2 ** (failures - 1)), undefined, { signal }).catch(() =>
      signal?.throwIfAborted(),
    );
  }
}

/** A failure that the next attempt may not run into. */
class DroppedError extends Error {
  override readonly name = 'DroppedError';
  /** Whether too little has arrived to count. */
  readonly isTooSlow: boolean;

  constructor(message: string, options?: ErrorOptions & { isTooSlow?: boolean }) {
    super(message, options);
    this.isTooSlow = options?.isTooSlow === true;
  }
}

async function fetchRest(url: string, part: string, offset: number, options: DownloadOptions): Promise<void> {
  const silenceMs = options.silenceMilliseconds ?? DOWNLOAD_DEFAULTS.silenceMilliseconds;
  const minBytesPerSecond = options.minBytesPerSecond ?? DOWNLOAD_DEFAULTS.minBytesPerSecond;
  const silence = new SilenceTimer(silenceMs);
  const signal = options.signal ? AbortSignal.any([options.signal, silence.signal]) : silence.signal;
  let file: FileHandle | undefined;
  try {
    const response = await fetch(url, {
      // Ranges count bytes on the wire: they must be those of the file.
      headers: { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
      signal,
    });
    const start = await startOfBody(response, url, part, offset);
    const total = totalBytes(response, start);
    checkSize(url, total ?? 0);
    file = await onDisk(part, open(part, start === 0 ? 'w' : 'a'));
    let loadedBytes = start;
    let window = { startMs: performance.now(), loadedBytes };
    options.onProgress?.(loadedBytes, total);
    for await (const chunk of response.body ?? []) {
      silence.restart();
      await onDisk(part, file.appendFile(chunk));
      loadedBytes += chunk.length;
      checkSize(url, loadedBytes);
      const elapsedMs = performance.now() - window.startMs;
      if (elapsedMs >= silenceMs) {
        if ((loadedBytes - window.loadedBytes) * 1000 < minBytesPerSecond * elapsedMs) {
          throw new DroppedError(`the server sends less than ${minBytesPerSecond} bytes per second`, {
            isTooSlow: true,
          });
        }
        window = { startMs: performance.now(), loadedBytes };
      }
      options.onProgress?.(loadedBytes, total);
    }
    if (total !== undefined && loadedBytes < total) {
      throw new DroppedError(`the connection ended after ${loadedBytes} of ${total} bytes`);
    }
  } catch (error) {
    // Disk errors have their own code and are no reason to try again.
    const isFromNetwork = (error as Error).name === 'TypeError' || silence.signal.aborted;
    if (!isFromNetwork) throw error;
    throw new DroppedError(silence.signal.aborted ? 'the server stopped responding' : reasonOf(error), {
      cause: error,
    });
  } finally {
    silence.stop();
    // Ends a connection that was given up.
    silence.abort();
    await file?.close();
  }
}

/** The byte of the file at which the response starts. */
async function startOfBody(response: Response, url: string, part: string, offset: number): Promise<number> {
  const { status } = response;
  if (status === 200) return 0;
  if (status === 206) {
    const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
    if (start === offset) return offset;
  }
  await response.body?.cancel();
  if (status === 206 || status === 416) {
    // The part is longer than the file, or the server counts differently: start over.
    await rm(part, { force: true });
    throw new DroppedError(`the server cannot resume from byte ${offset}`);
  }
  const answer = `the server answered ${status} ${response.statusText}`.trimEnd();
  if (status >= 500 || status === 408 || status === 429) throw new DroppedError(answer);
  throw new WeightLoadError(url, answer, { status });
}

/** Length of the whole file. */
function totalBytes(response: Response, start: number): number | undefined {
  const length = response.headers.get('content-length');
  return length !== null && /^\d+$/.test(length) ? start + Number(length) : undefined;
}

function checkSize(url: string, bytes: number): void {
  if (bytes > MAX_BYTES) throw new WeightFormatError(url, `is longer than ${MAX_BYTES} bytes`);
}

/** `fetch` reports only "fetch failed" or "terminated" and hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  const detail = (cause as Error | undefined)?.message;
  return detail ? `the connection dropped: ${detail}` : message;
}

/** Aborts its signal when nothing has happened for a while. */
class SilenceTimer {
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  #timer: NodeJS.Timeout;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  abort(): void {
    this.#controller.abort();
  }

  #start(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(), timerDelay(this.#milliseconds));
  }
}
