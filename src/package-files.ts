/** Files shipped with this package, for Node. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileWeights } from './engine/weights/file-source.ts';
import type { WeightSource } from './engine/weights/weight-source.ts';
import { TddfaError, WeightLoadError } from './errors.ts';

/**
 * Folder of this package, whether this file runs from `src/` or from `dist/src/`; in a bundled program, the package
 * installed for that program.
 * @throws TddfaError if there is none.
 */
export function packageRoot(): string {
  const root = findPackageRoot();
  if (root !== undefined) return root;
  throw new TddfaError(`the package ${PACKAGE_NAME} is not installed for ${programFolders()[0]}`);
}

const PACKAGE_NAME = 'tddfa';

function findPackageRoot(): string | undefined {
  const [own, ...others] = programFolders();
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    if (isPackageRoot(folder)) return folder;
  }
  for (const folder of [own, ...others]) {
    try {
      return dirname(createRequire(join(folder, 'program.js')).resolve(`${PACKAGE_NAME}/package.json`));
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

function isPackageRoot(folder: string): boolean {
  const file = join(folder, 'package.json');
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === PACKAGE_NAME;
}

/** Folders that may contain the program's files: this file's, the main script's, the current one. */
function programFolders(): string[] {
  // A bundle in CommonJS has no URL of its own.
  const url: string | undefined = import.meta.url;
  const main = process.argv[1];
  return [
    ...(url?.startsWith('file:') ? [dirname(fileURLToPath(url))] : []),
    ...(main === undefined ? [] : [dirname(main)]),
    process.cwd(),
  ];
}

/**
 * Path of a file in a package that this one depends on; in a bundled program also of the file of that name beside it.
 * @param file - as it would be imported: `package/folder/file.wasm`.
 * @throws TddfaError if it is missing.
 */
export function dependencyFile(file: string): string {
  const root = findPackageRoot();
  if (root !== undefined) return createRequire(join(root, 'package.json')).resolve(file);
  const found = programFolders()
    .map((folder) => join(folder, basename(file)))
    .find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new TddfaError(`${basename(file)} is not beside this program; copy node_modules/${file} there`);
}

/** Version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** Folder of the packs shipped with this package; in a bundled program also `weights` beside it. */
export function shippedPacks(): string {
  const folders = [findPackageRoot(), ...programFolders()].filter((folder) => folder !== undefined);
  const found = folders
    .map((folder) => join(folder, 'weights'))
    .find((folder) => existsSync(join(folder, 'open/pack.json')));
  if (found !== undefined) return found;
  const advice = 'copy node_modules/tddfa/weights there, or specify a pack: weights: fileWeights(folder)';
  throw new WeightLoadError(join(folders[0], 'weights'), `there is no pack beside this program; ${advice}`);
}

/**
 * The open pack shipped with this package: FaceBoxes, two MobileNet-V1 and a morphable model with 40 shape modes,
 * ARKit's 52 expressions and gaze, free for any use. Its model card is `weights/open/README.md`.
 * @throws WeightLoadError in a bundled program with neither the package nor the folder `weights` beside it.
 */
export function openWeights(): WeightSource {
  return fileWeights(join(shippedPacks(), 'open'));
}
