import { WeightLoadError } from '../../errors.ts';
import { checkPackPath } from './pack-path.ts';
import { checkSizeLimit } from './size-limit.ts';
import type { WeightSource } from './weight-source.ts';

/**
 * A pack in memory.
 * @param files - bytes by path inside the pack; not copied until they are read, and never changed.
 */
export function memoryWeights(files: ReadonlyMap<string, Uint8Array>): WeightSource {
  return {
    describe: () => 'memory',
    async read(path, { signal, onProgress, maxBytes } = {}) {
      signal?.throwIfAborted();
      checkPackPath(path);
      const bytes = files.get(path);
      if (bytes === undefined) throw new WeightLoadError(path, 'there is no such file in memory');
      checkSizeLimit(path, bytes.length, maxBytes);
      onProgress?.({ file: path, loadedBytes: bytes.length, totalBytes: bytes.length });
      return new Uint8Array(bytes);
    },
  };
}
