import { PACK_FILE } from '../engine/weights/pack-manifest.ts';
import { checkPackPath } from '../engine/weights/pack-path.ts';
import { checkSizeLimit } from '../engine/weights/size-limit.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import { WeightLoadError } from '../errors.ts';

/**
 * A pack in a folder that the user chose with `<input type="file" webkitdirectory>` or dropped on the page.
 * @param files - all files in the folder; the pack is where the topmost `pack.json` is.
 * @param pathOf - returns a file's path within the folder; by default its `webkitRelativePath`, or its name.
 * @throws WeightLoadError if there is no `pack.json`.
 */
export function folderWeights(
  files: Iterable<File>,
  pathOf: (file: File) => string = (file) => file.webkitRelativePath || file.name,
): WeightSource {
  const byPath = new Map(Array.from(files, (file) => [pathOf(file).replace(/^\/+/, ''), file]));
  const [manifestPath] = [...byPath.keys()]
    .filter((path) => path === PACK_FILE || path.endsWith(`/${PACK_FILE}`))
    .sort((a, b) => a.split('/').length - b.split('/').length);
  if (manifestPath === undefined) throw new WeightLoadError(PACK_FILE, 'the folder has no such file');
  const base = manifestPath.slice(0, -PACK_FILE.length);
  return {
    describe: () => base.replace(/\/$/, '') || 'the folder',
    async read(path, { signal, onProgress, maxBytes } = {}) {
      signal?.throwIfAborted();
      checkPackPath(path);
      const file = byPath.get(base + path);
      if (file === undefined) throw new WeightLoadError(base + path, 'the folder has no such file');
      checkSizeLimit(path, file.size, maxBytes);
      onProgress?.({ file: path, loadedBytes: 0, totalBytes: file.size });
      let buffer: ArrayBuffer;
      try {
        buffer = await file.arrayBuffer();
      } catch (cause) {
        throw new WeightLoadError(base + path, 'it cannot be read any more', { cause });
      }
      signal?.throwIfAborted();
      onProgress?.({ file: path, loadedBytes: buffer.byteLength, totalBytes: buffer.byteLength });
      return new Uint8Array(buffer);
    },
  };
}
