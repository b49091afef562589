/**
 * A tfjs Layers model on disk: `model.json` with `modelTopology` and `weightsManifest`, and binary shards beside it. The
 * same that `tf.loadLayersModel` reads: half precision is its `quantization: {dtype: 'float16'}`.
 */
import * as v from 'valibot';
import { WeightFormatError } from '../../errors.ts';
import type { LayersArtifact, WeightSpec } from '../layers-artifact.ts';
import { narrowToFloat16, widenFloat16 } from './float16.ts';
import { checkJson } from './json-file.ts';
import { isPackPath } from './pack-path.ts';
import { checkFinite, elementCount } from './tensor-file.ts';

const dimension = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const layersFileSchema = v.looseObject({
  format: v.literal('layers-model'),
  modelTopology: v.looseObject({}),
  weightsManifest: v.array(
    v.looseObject({
      paths: v.pipe(v.array(v.pipe(v.string(), v.check(isPackPath, 'is not a path inside a pack'))), v.minLength(1)),
      weights: v.array(
        v.looseObject({
          name: v.pipe(v.string(), v.nonEmpty()),
          shape: v.pipe(v.array(dimension), v.maxLength(8)),
          dtype: v.literal('float32'),
          quantization: v.exactOptional(v.looseObject({ dtype: v.literal('float16') })),
        }),
      ),
    }),
  ),
});

/** `model.json`. */
export type LayersFile = v.InferOutput<typeof layersFileSchema>;

/**
 * Checks a `model.json`.
 * @param file - its path, for messages.
 * @throws WeightFormatError
 */
export function parseLayersFile(file: string, json: unknown): LayersFile {
  const model = checkJson(layersFileSchema, file, json);
  const names = new Set<string>();
  for (const { weights } of model.weightsManifest) {
    for (const { name } of weights) {
      if (names.has(name)) throw new WeightFormatError(file, 'is there twice', { tensor: name });
      names.add(name);
    }
  }
  return model;
}

/**
 * The artifact of a `model.json` and its shards.
 * @param file - path of `model.json`, for messages.
 * @param groups - per group of `weightsManifest`, its shards one after the other.
 * @throws WeightFormatError where a length or a value (NaN, infinity) is wrong.
 */
export function decodeLayersFile(
  file: string,
  model: LayersFile,
  groups: readonly Uint8Array<ArrayBuffer>[],
): LayersArtifact {
  const weightSpecs: WeightSpec[] = [];
  const parts: Float32Array[] = [];
  let total = 0;
  model.weightsManifest.forEach((group, index) => {
    const bytes = groups[index] ?? new Uint8Array();
    let offset = 0;
    for (const { name, shape, quantization } of group.weights) {
      const length = elementCount(shape);
      const start = offset;
      offset += length * (quantization === undefined ? 4 : 2);
      if (offset > bytes.length) {
        throw new WeightFormatError(file, `its shards are too short for [${shape.join(', ')}]`, {
          tensor: name,
          expected: `at least ${offset} bytes`,
          actual: `${bytes.length} bytes`,
        });
      }
      // Shards pack tensors without gaps, so that a view would often be unaligned.
      const { buffer } = bytes.slice(start, offset);
      const values = quantization === undefined ? new Float32Array(buffer) : widenFloat16(new Uint16Array(buffer));
      checkFinite(file, name, values);
      weightSpecs.push({ name, shape, dtype: 'float32' });
      parts.push(values);
      total += length;
    }
    if (offset !== bytes.length) {
      throw new WeightFormatError(file, 'its shards are longer than its tensors', {
        expected: `${offset} bytes`,
        actual: `${bytes.length} bytes`,
      });
    }
  });
  const weightData = new Float32Array(total);
  let offset = 0;
  for (const part of parts) {
    weightData.set(part, offset);
    offset += part.length;
  }
  return { modelTopology: model.modelTopology, weightSpecs, weightData: weightData.buffer };
}

/**
 * Lays an artifact out as `model.json` and one shard.
 * @param shard - name of the shard, beside `model.json`.
 * @throws RangeError for weights that `weightSpecs` does not describe, or that float16 cannot hold.
 */
export function encodeLayersFile(
  artifact: LayersArtifact,
  shard: string,
  { float16 = false }: { float16?: boolean } = {},
): { model: LayersFile & { readonly generatedBy: string }; bytes: Uint8Array<ArrayBuffer> } {
  // From here on float16 rounds to infinity.
  const bound = float16 ? 65520 : Number.POSITIVE_INFINITY;
  const parts: Uint8Array[] = [];
  let start = 0;
  let total = 0;
  for (const { name, shape } of artifact.weightSpecs) {
    const length = elementCount(shape);
    if (start + length * 4 > artifact.weightData.byteLength) {
      throw new RangeError(`tensor '${name}': there are no weights for [${shape.join(', ')}]`);
    }
    const values = new Float32Array(artifact.weightData, start, length);
    start += length * 4;
    const stored = float16 ? narrowToFloat16(values) : values;
    const wrong = values.findIndex((value) => !(value > -bound && value < bound));
    if (wrong >= 0) {
      const limit = float16 ? 'float16' : 'float32';
      throw new RangeError(`tensor '${name}': ${values[wrong]} at ${wrong} cannot be stored as ${limit}`);
    }
    parts.push(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    total += stored.byteLength;
  }
  if (start !== artifact.weightData.byteLength) throw new RangeError('there are more weights than specs');
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  const quantization = float16 ? { quantization: { dtype: 'float16' as const, original_dtype: 'float32' } } : {};
  const weights = artifact.weightSpecs.map((spec) => ({ ...spec, shape: [...spec.shape], ...quantization }));
  return {
    model: {
      format: 'layers-model',
      generatedBy: 'tddfa',
      modelTopology: { ...artifact.modelTopology },
      weightsManifest: [{ paths: [shard], weights }],
    },
    bytes,
  };
}
