import { folderWeights } from '../../src/browser/folder-weights.ts';
import { cachedWeights } from '../../src/engine/weights/cached-source.ts';
import { httpWeights, type WeightSource } from '../../src/index.ts';
import type { PackChoice } from './studio-protocol.ts';

/** The source of a pack: downloads are kept between visits, folders stay where they are. */
export function weightsOf(choice: PackChoice, onWarning: (warning: Error) => void): WeightSource {
  if ('url' in choice) return cachedWeights(httpWeights(choice.url), { onWarning });
  const paths = new Map(choice.files.map(({ file, path }) => [file, path]));
  return folderWeights(paths.keys(), (file) => paths.get(file) ?? file.name);
}
