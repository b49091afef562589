import { folderWeights } from '../../src/browser/folder-weights.ts';
import { cachedWeights } from '../../src/engine/weights/cached-source.ts';
import { httpWeights, type WeightSource } from '../../src/index.ts';
import type { PackChoice } from './studio-protocol.ts';

/** The source of a pack: downloads are kept from visit to visit, folders stay where they are. */
export function weightsOf(choice: PackChoice, onWarning: (warning: Error) => void): WeightSource {
  if ('url' in choice) return cachedWeights(httpWeights(choice.url), { onWarning });
  const paths = new Map(choice.files.map(({ file, path }) => [file, path]));
  return folderWeights(paths.keys(), (file) => paths.get(file) ?? file.name);
}

interface Manifest {
  readonly name: string;
  readonly models: readonly { readonly name: string; readonly role: string }[];
}

/** A manifest that was checked when the pack was opened. */
function parse(bytes: Uint8Array): Manifest {
  return JSON.parse(new TextDecoder().decode(bytes));
}

export function packName(manifest: Uint8Array): string {
  return parse(manifest).name;
}

export function regressorNames(manifest: Uint8Array): string[] {
  return parse(manifest)
    .models.filter(({ role }) => role === 'regressor')
    .map(({ name }) => name);
}
