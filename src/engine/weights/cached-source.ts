/**
 * Weights kept by the browser from visit to visit, in its Cache API.
 *
 * A file is stored under its SHA-256, which the pack's manifest says: packs share files, and a new version of a pack
 * downloads only what changed. The manifest itself is stored under its address. Nothing is stored before its sum is right,
 * and what is stored is checked again when it is read, so that a damaged store costs a download and no more.
 */
import { checkOptionNames, type OptionNames } from '../../check-arguments.ts';
import { PACK_FILE } from './pack-manifest.ts';
import { noteSha256, sha256 } from './sha256.ts';
import type { ReadOptions, WeightSource } from './weight-source.ts';

/** Options of {@link cachedWeights}. */
export interface CachedWeightsOptions {
  /**
   * Asks the server for `pack.json` at every visit, to learn of a new version; the stored one serves where the server
   * cannot be reached. By default nothing at all is asked once everything is stored.
   */
  readonly revalidate?: boolean;
  /** Name of the browser's cache; default `tddfa-weights`. */
  readonly cacheName?: string;
  /** Called when something could not be stored or found, as with a full disk or private browsing. Loading continues. */
  readonly onWarning?: (warning: Error) => void;
}

const CACHED_OPTION_NAMES: OptionNames<CachedWeightsOptions> = { revalidate: true, cacheName: true, onWarning: true };

/** Name of the cache where none is given. */
export const WEIGHT_CACHE_NAME = 'tddfa-weights';

/** Keys of a cache must look like addresses; nothing is ever asked of this one. */
const KEY_ORIGIN = 'https://tddfa.invalid/';

/**
 * A pack that is downloaded once. For browsers; where there is no Cache API (an insecure page, Node) the source is used as
 * it is, after a warning.
 * @param source - where the pack comes from at the first visit, such as `httpWeights`.
 */
export function cachedWeights(source: WeightSource, options: CachedWeightsOptions = {}): WeightSource {
  checkOptionNames(options, CACHED_OPTION_NAMES);
  const { revalidate = false, cacheName = WEIGHT_CACHE_NAME, onWarning } = options;
  let warned = false;

  /** Runs something on the cache; what fails there is a warning, one for each source. */
  async function tryCache<T>(action: (cache: Cache) => Promise<T>): Promise<T | undefined> {
    try {
      if (globalThis.caches === undefined) throw new Error('weights are not kept: this page has no Cache API');
      return await action(await caches.open(cacheName));
    } catch (error) {
      if (!warned) onWarning?.(error instanceof Error ? error : new Error(String(error)));
      warned = true;
      return undefined;
    }
  }

  const find = (key: string) => tryCache(async (cache) => (await cache.match(key))?.arrayBuffer());
  const remove = (key: string) => tryCache((cache) => cache.delete(key));
  const store = (key: string, bytes: Uint8Array<ArrayBuffer>) =>
    tryCache((cache) => cache.put(key, new Response(bytes, { headers: { 'content-length': String(bytes.length) } })));

  const manifestKey = `${KEY_ORIGIN}manifest/${encodeURIComponent(source.describe())}`;

  async function readManifest(readOptions: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    const stored = revalidate ? undefined : await find(manifestKey);
    if (stored !== undefined) return deliver(PACK_FILE, new Uint8Array(stored), readOptions);
    try {
      const bytes = await source.read(PACK_FILE, readOptions);
      await store(manifestKey, bytes);
      return bytes;
    } catch (error) {
      readOptions.signal?.throwIfAborted();
      const former = revalidate ? await find(manifestKey) : undefined;
      if (former === undefined) throw error;
      return deliver(PACK_FILE, new Uint8Array(former), readOptions);
    }
  }

  async function readFile(path: string, sum: string, readOptions: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    const key = `${KEY_ORIGIN}sha256/${sum}`;
    const stored = await find(key);
    readOptions.signal?.throwIfAborted();
    if (stored !== undefined) {
      const bytes = new Uint8Array(stored);
      if ((await hash(bytes)) === sum) return deliver(path, bytes, readOptions);
      await remove(key);
    }
    const bytes = await source.read(path, readOptions);
    if ((await hash(bytes)) === sum) await store(key, bytes);
    // Either damaged on its way, or the server has a newer pack than the manifest stored here.
    else await remove(manifestKey);
    return bytes;
  }

  return {
    describe: () => source.describe(),
    async read(path, readOptions = {}) {
      readOptions.signal?.throwIfAborted();
      if (path === PACK_FILE) return readManifest(readOptions);
      return readOptions.sha256 === undefined
        ? source.read(path, readOptions)
        : readFile(path, readOptions.sha256, readOptions);
    },
  };
}

/** The sum, noted so that the pack's own check does not compute it again. */
async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const sum = await sha256(bytes);
  noteSha256(bytes, sum);
  return sum;
}

/**
 * Deletes all weights that `cachedWeights` has stored.
 * @returns whether there were any.
 */
export async function clearCachedWeights(cacheName: string = WEIGHT_CACHE_NAME): Promise<boolean> {
  return globalThis.caches === undefined ? false : caches.delete(cacheName);
}

function deliver(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  { signal, onProgress }: ReadOptions,
): Uint8Array<ArrayBuffer> {
  signal?.throwIfAborted();
  onProgress?.({ file, loadedBytes: bytes.length, totalBytes: bytes.length });
  return bytes;
}
