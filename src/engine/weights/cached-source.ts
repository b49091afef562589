/**
 * Keeps weights between visits, in the browser's Cache API.
 *
 * A file is stored under its SHA-256 from the pack's manifest: packs share files, and a new version of a pack downloads
 * only what changed. The manifest itself is stored under its address. A file is stored only if its checksum is right,
 * and is checked again when it is read, so a damaged store costs no more than a download.
 */
import { checkOptionNames, type OptionNames } from '../../check-arguments.ts';
import { PACK_FILE } from './pack-manifest.ts';
import { noteSha256, sha256 } from './sha256.ts';
import type { ReadOptions, WeightSource } from './weight-source.ts';

/** Options of {@link cachedWeights}. */
export interface CachedWeightsOptions {
  /**
   * Requests `pack.json` on every visit, to detect a new version; the stored one is used if the server cannot be
   * reached. By default there are no requests once everything is stored.
   */
  readonly revalidate?: boolean;
  /** Name of the browser's cache; default `tddfa-weights`. */
  readonly cacheName?: string;
  /** Called if something could not be stored or found, as with a full disk or private browsing. Loading continues. */
  readonly onWarning?: (warning: Error) => void;
}

const CACHED_OPTION_NAMES: OptionNames<CachedWeightsOptions> = { revalidate: true, cacheName: true, onWarning: true };

/** Default name of the cache. */
export const WEIGHT_CACHE_NAME = 'tddfa-weights';

/** Cache keys must look like URLs; this one is never requested. */
const KEY_ORIGIN = 'https://tddfa.invalid/';

/**
 * A pack that is downloaded once. For browsers; without a Cache API (an insecure page, Node) the source is used
 * directly, after a warning.
 * @param source - where the pack comes from on the first visit, such as `httpWeights`.
 */
export function cachedWeights(source: WeightSource, options: CachedWeightsOptions = {}): WeightSource {
  checkOptionNames(options, CACHED_OPTION_NAMES);
  const { revalidate = false, cacheName = WEIGHT_CACHE_NAME, onWarning } = options;
  let warned = false;

  /** Runs an action on the cache; failures there become a warning, one per source. */
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
    // Either damaged in transit, or the server has a newer pack than the manifest stored here.
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

/** The checksum, noted so that the pack's own check does not compute it again. */
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
