/** What comes with this package, for Node. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileWeights } from './engine/weights/file-source.ts';
import type { WeightSource } from './engine/weights/weight-source.ts';

/** Folder of this package: where its `package.json` is, whether this file runs from `src/` or from `dist/src/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package.json of tddfa is missing');
    folder = parent;
  }
  return folder;
}

/** Version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** Folder of the packs that come with this package. */
export function shippedPacks(): string {
  return join(packageRoot(), 'weights');
}

/**
 * The open pack that comes with this package: FaceBoxes, MobileNet-V1 x0.5 and a morphable model of 40 shape modes and 10 named
 * expressions, free for any use. Its model card is `weights/open/README.md`.
 */
export function openWeights(): WeightSource {
  return fileWeights(join(shippedPacks(), 'open'));
}
