import { readNpy } from './npy.ts';
import type { NamedTensor, StateDict } from './tensor.ts';
import type { ZipArchive } from './zip.ts';

const EXTENSION = '.npy';

/** Whether the zip is numpy's `.npz`, that is, contains `.npy` files. */
export function isNpz(archive: ZipArchive): boolean {
  return archive.names.some((name) => name.endsWith(EXTENSION));
}

/**
 * Reads numpy's `.npz` (`numpy.savez`, `savez_compressed`): a zip of `.npy` files.
 * @returns arrays by their names in the archive without `.npy`, in its order; other entries are skipped.
 */
export function readNpz(archive: ZipArchive): StateDict {
  const arrays = new Map<string, NamedTensor>();
  for (const name of archive.names) {
    if (!name.endsWith(EXTENSION)) continue;
    const entry = archive.reader.part(archive.read(name), { file: `${archive.reader.file}!${name}` });
    arrays.set(name.slice(0, -EXTENSION.length), readNpy(entry));
  }
  return arrays;
}
