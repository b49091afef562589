import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WeightLoadError } from '../../errors.ts';
import { checkPackPath } from './pack-path.ts';
import { checkSizeLimit } from './size-limit.ts';
import type { ReadOptions, WeightSource } from './weight-source.ts';

/** Small enough for a smooth progress bar, large enough not to cost time. */
const CHUNK_BYTES = 1 << 20;

/**
 * A pack in a folder (Node only).
 * @param folder - path or `file:` URL of the folder that holds `pack.json`.
 */
export function fileWeights(folder: string | URL): WeightSource {
  const root = folder instanceof URL ? fileURLToPath(folder) : folder;
  return {
    describe: () => root,
    async read(path, options = {}) {
      options.signal?.throwIfAborted();
      checkPackPath(path);
      const file = join(root, path);
      let handle: FileHandle | undefined;
      try {
        handle = await open(file);
        return await readAll(handle, path, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined) throw error;
        const missing = code === 'ENOENT' || code === 'ENOTDIR';
        throw new WeightLoadError(file, missing ? 'there is no such file' : (error as Error).message, { cause: error });
      } finally {
        await handle?.close();
      }
    },
  };
}

async function readAll(handle: FileHandle, path: string, options: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, onProgress, maxBytes } = options;
  const info = await handle.stat();
  // Devices and pipes have no size and may never end.
  if (!info.isFile()) throw new WeightLoadError(path, 'is not a file');
  checkSizeLimit(path, info.size, maxBytes);
  const bytes = new Uint8Array(info.size);
  let loadedBytes = 0;
  onProgress?.({ file: path, loadedBytes, totalBytes: info.size });
  while (loadedBytes < info.size) {
    signal?.throwIfAborted();
    const length = Math.min(CHUNK_BYTES, info.size - loadedBytes);
    const { bytesRead } = await handle.read(bytes, loadedBytes, length);
    if (bytesRead === 0) throw new WeightLoadError(path, `ended after ${loadedBytes} of ${info.size} bytes`);
    loadedBytes += bytesRead;
    onProgress?.({ file: path, loadedBytes, totalBytes: info.size });
  }
  return bytes;
}
