import { fileURLToPath } from 'node:url';
import { fileWeights } from '../engine/weights/file-source.ts';
import { httpWeights } from '../engine/weights/http-source.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import { weightSourceOf } from '../face-aligner.ts';
import { openWeights } from '../package-files.ts';

/**
 * The pack specified by an option in Node: a source, a folder or a URL; by default the open pack of this package.
 * @throws TypeError for anything else.
 */
export function nodeWeights(weights: WeightSource | string | URL | undefined): WeightSource {
  if (weights === undefined) return openWeights();
  return weightSourceOf(weights, (place) => {
    const text = String(place);
    if (/^https?:/i.test(text)) return httpWeights(text);
    return fileWeights(/^file:/i.test(text) ? fileURLToPath(text) : text);
  });
}
