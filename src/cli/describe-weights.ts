import { MAX_MANIFEST_BYTES, PACK_FILE, parsePackManifest } from '../engine/weights/pack-manifest.ts';
import { sha256 } from '../engine/weights/sha256.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import type { ResultHeader } from '../results/result-line.ts';

/**
 * What identifies a pack: its name and the checksum of its manifest, which lists the checksums of its files.
 * @throws WeightLoadError, WeightFormatError.
 */
export async function describeWeights(source: WeightSource, signal?: AbortSignal): Promise<ResultHeader['weights']> {
  const bytes = await source.read(PACK_FILE, { maxBytes: MAX_MANIFEST_BYTES, signal });
  return { name: parsePackManifest(bytes).name, sha256: await sha256(bytes) };
}
