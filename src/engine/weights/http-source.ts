import { checkNumber, checkOptionNames, type OptionNames } from '../../check-arguments.ts';
import { WeightLoadError } from '../../errors.ts';
import { timerDelay } from '../../timer-delay.ts';
import { concatenateBytes } from './concatenate-bytes.ts';
import { checkPackPath } from './pack-path.ts';
import { checkSizeLimit } from './size-limit.ts';
import type { ReadOptions, WeightSource } from './weight-source.ts';

export interface HttpWeightsOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Used instead of the global `fetch`. */
  readonly fetch?: (url: string, init: { headers?: Record<string, string>; signal?: AbortSignal }) => Promise<Response>;
  /** How long a server may send nothing before the download fails, ms; by default 30,000. */
  readonly idleTimeoutMs?: number;
  /** Below this average over `idleTimeoutMs`, measured from the first bytes on, a download fails; by default 4096. */
  readonly minBytesPerSecond?: number;
  /** How long a file may take before its download fails, ms; by default 1,800,000, half an hour. */
  readonly fileTimeoutMs?: number;
}

const HTTP_OPTION_NAMES: OptionNames<HttpWeightsOptions> = {
  headers: true,
  fetch: true,
  idleTimeoutMs: true,
  minBytesPerSecond: true,
  fileTimeoutMs: true,
};

const DEFAULTS = {
  idleTimeoutMs: 30_000,
  minBytesPerSecond: 4096,
  fileTimeoutMs: 30 * 60_000,
} as const;

/**
 * A pack on a web server, for Node and browsers.
 * @param baseUrl - the folder that holds `pack.json`; in a browser it may be relative to the page.
 */
export function httpWeights(baseUrl: string | URL, options: HttpWeightsOptions = {}): WeightSource {
  checkOptionNames(options, HTTP_OPTION_NAMES);
  const base = String(baseUrl)
    .replace(/[?#].*$/, '')
    .replace(/\/*$/, '/');
  const request = options.fetch ?? globalThis.fetch;
  const limits = {
    idleTimeoutMs: options.idleTimeoutMs ?? DEFAULTS.idleTimeoutMs,
    minBytesPerSecond: options.minBytesPerSecond ?? DEFAULTS.minBytesPerSecond,
    fileTimeoutMs: options.fileTimeoutMs ?? DEFAULTS.fileTimeoutMs,
  };
  for (const [name, limit] of Object.entries(limits)) checkNumber(name, limit, 0);
  return {
    describe: () => base,
    async read(path, readOptions = {}) {
      checkPackPath(path);
      const { signal } = readOptions;
      signal?.throwIfAborted();
      const url = `${base}${path}`;
      const giveUp = new AbortController();
      const end = (): void => giveUp.abort(signal?.reason);
      signal?.addEventListener('abort', end, { once: true });
      const inTime = downloadClock(url, limits);
      try {
        const response = await answerOf(url, giveUp.signal, inTime, signal);
        return await readBody(response, url, path, inTime, readOptions);
      } finally {
        // Frees the connection of a download that has failed.
        giveUp.abort();
        signal?.removeEventListener('abort', end);
      }
    },
  };

  async function answerOf(
    url: string,
    requestSignal: AbortSignal,
    inTime: InTime,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    let response: Response;
    try {
      response = await inTime(request(url, { headers: { ...options.headers }, signal: requestSignal }));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WeightLoadError) throw error;
      throw new WeightLoadError(url, reasonOf(error), { cause: error });
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new WeightLoadError(url, `the server answered ${response.status} ${response.statusText}`.trimEnd(), {
        status: response.status,
      });
    }
    return response;
  }
}

/** Waits for a step of a download, but no longer than a server may take. @param loadedBytes - received before it. */
type InTime = <T>(promise: Promise<T>, loadedBytes?: number) => Promise<T>;

interface DownloadLimits {
  readonly idleTimeoutMs: number;
  readonly minBytesPerSecond: number;
  readonly fileTimeoutMs: number;
}

/** Watches one download. Its function throws a WeightLoadError if the server is silent, too slow or takes too long. */
function downloadClock(url: string, { idleTimeoutMs, minBytesPerSecond, fileTimeoutMs }: DownloadLimits): InTime {
  const end = performance.now() + fileTimeoutMs;
  /** Start of the current rate window; the first opens with the first bytes, which may take long. */
  let window: { readonly start: number; readonly loadedBytes: number } | undefined;
  return async (promise, loadedBytes = 0) => {
    // If nothing waits for it to settle, the reason for a failure does not matter.
    promise.catch(() => {});
    const now = performance.now();
    if (window === undefined) {
      if (loadedBytes > 0) window = { start: now, loadedBytes };
    } else if (now - window.start >= idleTimeoutMs && loadedBytes > window.loadedBytes) {
      if ((loadedBytes - window.loadedBytes) * 1000 < minBytesPerSecond * (now - window.start)) {
        throw new WeightLoadError(url, `the server sends under ${minBytesPerSecond} bytes per second`);
      }
      window = { start: now, loadedBytes };
    }
    const notWhole = `not complete after ${fileTimeoutMs / 1000} s`;
    // If there is always something to read, a timer never gets its turn.
    if (now >= end) throw new WeightLoadError(url, notWhole);
    const isLast = end - now < idleTimeoutMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waited = new Promise<never>((_, reject) => {
      const reason = isLast ? notWhole : `the server has sent nothing for ${idleTimeoutMs / 1000} s`;
      const fail = (): void => reject(new WeightLoadError(url, reason));
      timer = setTimeout(fail, timerDelay(isLast ? end - now : idleTimeoutMs));
    });
    try {
      return await Promise.race([promise, waited]);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function readBody(response: Response, url: string, path: string, inTime: InTime, options: ReadOptions) {
  const { signal, onProgress, maxBytes } = options;
  const totalBytes = bodyBytes(response);
  const report = (loadedBytes: number) =>
    onProgress?.({ file: path, loadedBytes, ...(totalBytes === undefined ? {} : { totalBytes }) });
  const chunks: Uint8Array[] = [];
  let loadedBytes = 0;
  const reader = response.body?.getReader();
  try {
    checkSizeLimit(url, totalBytes ?? 0, maxBytes);
    report(0);
    while (reader) {
      const { done, value } = await readChunk(inTime, reader, url, loadedBytes, signal);
      if (done) break;
      chunks.push(value);
      loadedBytes += value.length;
      checkSizeLimit(url, loadedBytes, maxBytes);
      report(loadedBytes);
    }
  } catch (error) {
    // Frees the connection; the cause is already known.
    await reader?.cancel().catch(() => undefined);
    throw error;
  }
  if (totalBytes !== undefined && loadedBytes !== totalBytes) {
    throw new WeightLoadError(url, `the connection ended after ${loadedBytes} of ${totalBytes} bytes`);
  }
  return concatenateBytes(chunks);
}

async function readChunk(
  inTime: InTime,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  url: string,
  loadedBytes: number,
  signal: AbortSignal | undefined,
) {
  try {
    const result = await inTime(reader.read(), loadedBytes);
    signal?.throwIfAborted();
    return result;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof WeightLoadError) throw error;
    throw new WeightLoadError(url, `the connection dropped after ${loadedBytes} bytes (${reasonOf(error)})`, {
      cause: error,
    });
  }
}

/** Length of the body as it will be read; unknown if the server compresses, as only the compressed length is sent. */
function bodyBytes(response: Response): number | undefined {
  const header = response.headers.get('content-length');
  if (header === null || !/^\d+$/.test(header) || response.headers.has('content-encoding')) return undefined;
  return Number(header);
}

/** `fetch` fails with "fetch failed" and hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return (cause as Error | undefined)?.message || message;
}
