import { checkOptionNames, type OptionNames } from '../../check-arguments.ts';
import { WeightLoadError } from '../../errors.ts';
import { concatenateBytes } from './concatenate-bytes.ts';
import { checkPackPath } from './pack-path.ts';
import { checkSizeLimit } from './size-limit.ts';
import type { ReadOptions, WeightSource } from './weight-source.ts';

export interface HttpWeightsOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Used instead of the global `fetch`. */
  readonly fetch?: (url: string, init: { headers?: Record<string, string>; signal?: AbortSignal }) => Promise<Response>;
  /** After how long without a byte a server is given up, ms; by default 30,000. */
  readonly idleTimeoutMs?: number;
}

const HTTP_OPTION_NAMES: OptionNames<HttpWeightsOptions> = { headers: true, fetch: true, idleTimeoutMs: true };

const DEFAULT_IDLE_TIMEOUT_MS = 30_000;

/**
 * A pack on a web server: Node and browser.
 * @param baseUrl - the folder that holds `pack.json`; in a browser it may be relative to the page.
 */
export function httpWeights(baseUrl: string | URL, options: HttpWeightsOptions = {}): WeightSource {
  checkOptionNames(options, HTTP_OPTION_NAMES);
  const base = String(baseUrl)
    .replace(/[?#].*$/, '')
    .replace(/\/*$/, '/');
  const request = options.fetch ?? globalThis.fetch;
  const { idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS } = options;
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
      const inTime: InTime = (promise) => orSilent(promise, url, idleTimeoutMs);
      try {
        const response = await answerOf(url, giveUp.signal, inTime, signal);
        return await readBody(response, url, path, inTime, readOptions);
      } finally {
        // Frees the connection where it was given up.
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

/** Waits for a step of a download, but no longer than a server may be silent. */
type InTime = <T>(promise: Promise<T>) => Promise<T>;

/** @throws WeightLoadError where nothing has come for so long. */
async function orSilent<T>(promise: Promise<T>, url: string, idleTimeoutMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    const reason = `the server has sent nothing for ${idleTimeoutMs / 1000} s`;
    timer = setTimeout(() => reject(new WeightLoadError(url, reason)), idleTimeoutMs);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
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
    // Frees the connection; what went wrong is known already.
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
    const result = await inTime(reader.read());
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

/** Length of the body as it will be read; unknown where the server compresses, whose length is that of the wire. */
function bodyBytes(response: Response): number | undefined {
  const header = response.headers.get('content-length');
  if (header === null || !/^\d+$/.test(header) || response.headers.has('content-encoding')) return undefined;
  return Number(header);
}

/** `fetch` says "fetch failed" and hides why in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return (cause as Error | undefined)?.message || message;
}
