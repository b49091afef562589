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
}

/**
 * A pack on a web server: Node and browser.
 * @param baseUrl - the folder that holds `pack.json`; in a browser it may be relative to the page.
 */
export function httpWeights(baseUrl: string | URL, options: HttpWeightsOptions = {}): WeightSource {
  const base = String(baseUrl)
    .replace(/[?#].*$/, '')
    .replace(/\/*$/, '/');
  const request = options.fetch ?? globalThis.fetch;
  return {
    describe: () => base,
    async read(path, readOptions = {}) {
      checkPackPath(path);
      const { signal } = readOptions;
      signal?.throwIfAborted();
      const url = `${base}${path}`;
      let response: Response;
      try {
        response = await request(url, { headers: { ...options.headers }, ...(signal ? { signal } : {}) });
      } catch (error) {
        signal?.throwIfAborted();
        throw new WeightLoadError(url, reasonOf(error), { cause: error });
      }
      if (!response.ok) {
        await response.body?.cancel();
        throw new WeightLoadError(url, `the server answered ${response.status} ${response.statusText}`.trimEnd(), {
          status: response.status,
        });
      }
      return readBody(response, url, path, readOptions);
    },
  };
}

async function readBody(response: Response, url: string, path: string, options: ReadOptions) {
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
      const { done, value } = await readChunk(reader, url, loadedBytes, signal);
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
  reader: ReadableStreamDefaultReader<Uint8Array>,
  url: string,
  loadedBytes: number,
  signal: AbortSignal | undefined,
) {
  try {
    const result = await reader.read();
    signal?.throwIfAborted();
    return result;
  } catch (error) {
    signal?.throwIfAborted();
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
