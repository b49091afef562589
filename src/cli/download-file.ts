/**
 * Downloads one file over connections that drop. What has arrived stays in `<target>.part`, so that the next attempt, of
 * this run or of a later one, asks for the rest (`Range`); the file appears under its own name only when its git blob id
 * is right. A server may change its mind about a file between two attempts: a resumed file that turns out wrong is fetched
 * once more from its beginning.
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
  /** Attempts in a row that may bring not one byte. */
  readonly attempts?: number | undefined;
  /** Before the second attempt; doubled before each further one. */
  readonly retryDelayMilliseconds?: number | undefined;
  /** Attempts in all, however much each brings. */
  readonly maxAttempts?: number | undefined;
  /** A connection that is silent for so long counts as dropped. */
  readonly silenceMilliseconds?: number | undefined;
  /** One that brings less in `silenceMilliseconds`, on the mean, counts as one that brought nothing. */
  readonly minBytesPerSecond?: number | undefined;
}

export const DOWNLOAD_DEFAULTS = {
  attempts: 5,
  maxAttempts: 50,
  retryDelayMilliseconds: 1000,
  silenceMilliseconds: 30_000,
  minBytesPerSecond: 4096,
} as const;

/** Far beyond any file that is asked for: what stands between a wrong server and a full disk. */
const MAX_BYTES = 2 ** 28;

/**
 * Downloads a file, or finds that it is there.
 * @param target - where it goes; the folder is made.
 * @throws TddfaError where it cannot be written; WeightLoadError with the HTTP status where the server refuses, or where all attempts failed; WeightFormatError
 *   where the bytes are not those of `blobId`; the signal's reason, keeping what has arrived.
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
    throw new WeightFormatError(url, 'is not the file that it should be: wrong git blob id', {
      expected: options.blobId,
      actual,
    });
  }
  await onDisk(target, rename(part, target));
}

/** @throws TddfaError that names the path and says what the system said. */
async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new TddfaError(`cannot write ${path}: ${writeFailure(cause)}`, { cause });
  }
}

/** Whether a file is there and has the content of a blob id. */
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

/** Appends to `part` until the server says that it is whole. */
async function fetchAll(url: string, part: string, options: DownloadOptions): Promise<void> {
  const { signal } = options;
  const attempts = options.attempts ?? DOWNLOAD_DEFAULTS.attempts;
  const maxAttempts = options.maxAttempts ?? DOWNLOAD_DEFAULTS.maxAttempts;
  const firstDelay = options.retryDelayMilliseconds ?? DOWNLOAD_DEFAULTS.retryDelayMilliseconds;
  /** A server that begins anew and breaks off again and again brings nothing: only what is beyond this does. */
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
        throw new WeightLoadError(url, `${error.message}, ${tries}; run it again to resume`, { cause: error.cause });
      }
    }
    await delay(timerDelay(firstDelay * 2 ** (failures - 1)), undefined, { signal }).catch(() =>
      signal?.throwIfAborted(),
    );
  }
}

/** A failure that the next attempt may not meet. */
class DroppedError extends Error {
  override readonly name = 'DroppedError';
  /** Whether what has come is too little to count. */
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
      // Ranges count the bytes of the wire: they must be those of the file.
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
          throw new DroppedError(`the server sends less than ${minBytesPerSecond} bytes a second`, { isTooSlow: true });
        }
        window = { startMs: performance.now(), loadedBytes };
      }
      options.onProgress?.(loadedBytes, total);
    }
    if (total !== undefined && loadedBytes < total) {
      throw new DroppedError(`the connection ended after ${loadedBytes} of ${total} bytes`);
    }
  } catch (error) {
    // Errors of the disk have a code of their own and are no reason to try again.
    const isFromNetwork = (error as Error).name === 'TypeError' || silence.signal.aborted;
    if (!isFromNetwork) throw error;
    throw new DroppedError(silence.signal.aborted ? 'the server fell silent' : reasonOf(error), { cause: error });
  } finally {
    silence.stop();
    // Ends the connection where it was given up.
    silence.abort();
    await file?.close();
  }
}

/** At which byte of the file the answer begins. */
async function startOfBody(response: Response, url: string, part: string, offset: number): Promise<number> {
  const { status } = response;
  if (status === 200) return 0;
  if (status === 206) {
    const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
    if (start === offset) return offset;
  }
  await response.body?.cancel();
  if (status === 206 || status === 416) {
    // The part is longer than the file, or the server counts in another way: begin anew.
    await rm(part, { force: true });
    throw new DroppedError(`the server cannot go on from byte ${offset}`);
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

/** `fetch` says "fetch failed" or "terminated" and hides why in its cause. */
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
