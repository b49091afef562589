/**
 * A tfjs Layers model on disk: `model.json` with `modelTopology` and `weightsManifest`, and binary shards beside it.
 * The format that `tf.loadLayersModel` reads: half precision is its `quantization: {dtype: 'float16'}`, bytes are its
 * `{dtype: 'uint8', min, scale}`.
 */
import { WeightFormatError } from '../../errors.ts';
import type { LayersArtifact, WeightSpec } from '../layers-artifact.ts';
import { narrowToFloat16, widenFloat16 } from './float16.ts';
import {
  checkJson,
  type JsonOf,
  type JsonShape,
  listOf,
  members,
  number,
  oneOf,
  text,
  wholeNumber,
} from './json-shape.ts';
import { isPackPath } from './pack-path.ts';
import { checkFinite, elementCount } from './tensor-file.ts';
import { narrowToUint8, widenUint8 } from './uint8.ts';

/**
 * How a network's weights are stored; in memory they are float32. `uint8` applies to convolution kernels of
 * `BYTES_FROM` elements or more, which make up nearly all of a network; the rest, including depthwise kernels and dense
 * layers, is then float16.
 */
export const WEIGHT_STORAGES = ['float32', 'float16', 'uint8'] as const;
export type WeightStorage = (typeof WEIGHT_STORAGES)[number];

/** Elements of a kernel; for smaller ones the saving is not worth the loss of precision. */
const BYTES_FROM = 4096;

const STORED_BYTES: Readonly<Record<WeightStorage, number>> = { float32: 4, float16: 2, uint8: 1 };

type Quantization =
  | { readonly dtype: 'float16'; readonly original_dtype?: 'float32' }
  | { readonly dtype: 'uint8'; readonly min: number; readonly scale: number; readonly original_dtype?: 'float32' };

const anyQuantization = members({ dtype: oneOf('float16', 'uint8') }, {}, true);
const uint8Quantization = members(
  { dtype: oneOf('uint8'), min: number(), scale: number('a number above 0', (scale) => scale > 0) },
  {},
  true,
);

const quantization: JsonShape<Quantization> = (value, place) => {
  const { dtype } = anyQuantization(value, place);
  return dtype === 'uint8' ? uint8Quantization(value, place) : { dtype };
};

const layersFileShape = members(
  {
    format: oneOf('layers-model'),
    modelTopology: members({}, {}, true),
    weightsManifest: listOf(
      members(
        {
          paths: listOf(text('a path inside the pack', isPackPath), 1),
          weights: listOf(
            members(
              {
                name: text('a name', (name) => name !== ''),
                shape: listOf(wholeNumber(), 0, 8),
                dtype: oneOf('float32'),
              },
              { quantization },
              true,
            ),
          ),
        },
        {},
        true,
      ),
    ),
  },
  {},
  true,
);

/** `model.json`. */
export type LayersFile = JsonOf<typeof layersFileShape>;

/**
 * Checks a `model.json`.
 * @param file - its path, for messages.
 * @throws WeightFormatError
 */
export function parseLayersFile(file: string, json: unknown): LayersFile {
  const model = checkJson(layersFileShape, file, json);
  const names = new Set<string>();
  const shards = new Set<string>();
  for (const { paths, weights } of model.weightsManifest) {
    for (const path of paths) {
      // A shard named several times would be read several times.
      if (shards.has(path)) throw new WeightFormatError(file, `the shard '${path}' occurs twice`);
      shards.add(path);
    }
    for (const { name } of weights) {
      if (names.has(name)) throw new WeightFormatError(file, 'occurs twice', { tensor: name });
      names.add(name);
    }
  }
  return model;
}

/**
 * The artifact of a `model.json` and its shards.
 * @param file - path of `model.json`, for messages.
 * @param groups - per group of `weightsManifest`, its shards concatenated.
 * @throws WeightFormatError if a length or a value (NaN, infinity) is wrong.
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
      offset += length * STORED_BYTES[quantization?.dtype ?? 'float32'];
      if (offset > bytes.length) {
        throw new WeightFormatError(file, `its shards are too short for [${shape.join(', ')}]`, {
          tensor: name,
          expected: `at least ${offset} bytes`,
          actual: `${bytes.length} bytes`,
        });
      }
      // Shards pack tensors without gaps, so a view would often be unaligned.
      const values = widen(bytes.slice(start, offset), quantization);
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

function widen(bytes: Uint8Array<ArrayBuffer>, quantization: Quantization | undefined): Float32Array {
  switch (quantization?.dtype) {
    case undefined:
      return new Float32Array(bytes.buffer);
    case 'float16':
      return widenFloat16(new Uint16Array(bytes.buffer));
    case 'uint8':
      return widenUint8(bytes, quantization);
  }
}

/**
 * Encodes an artifact as `model.json` and one shard.
 * @param shard - name of the shard, beside `model.json`.
 * @throws RangeError for weights that `weightSpecs` does not describe, or that the chosen storage cannot hold.
 */
export function encodeLayersFile(
  artifact: LayersArtifact,
  shard: string,
  { storage = 'float32' }: { storage?: WeightStorage } = {},
): { model: LayersFile & { readonly generatedBy: string }; bytes: Uint8Array<ArrayBuffer> } {
  const weights: LayersFile['weightsManifest'][number]['weights'] = [];
  const parts: Uint8Array[] = [];
  let start = 0;
  let total = 0;
  for (const spec of artifact.weightSpecs) {
    const { name, shape } = spec;
    const length = elementCount(shape);
    if (start + length * 4 > artifact.weightData.byteLength) {
      throw new RangeError(`tensor '${name}': there are no weights for [${shape.join(', ')}]`);
    }
    const values = new Float32Array(artifact.weightData, start, length);
    start += length * 4;
    const { bytes, quantization } = narrow(spec, values, storageOf(spec, storage));
    weights.push({ ...spec, shape: [...shape], ...(quantization && { quantization }) });
    parts.push(bytes);
    total += bytes.length;
  }
  if (start !== artifact.weightData.byteLength) throw new RangeError('there are more weights than specs');
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
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

function storageOf({ name, shape }: WeightSpec, storage: WeightStorage): WeightStorage {
  const isBytes = shape.length === 4 && name.endsWith('/kernel') && elementCount(shape) >= BYTES_FROM;
  return storage === 'uint8' && !isBytes ? 'float16' : storage;
}

/** One tensor as it is stored. @throws RangeError for a value that cannot be stored. */
function narrow(
  { name, shape }: WeightSpec,
  values: Float32Array,
  storage: WeightStorage,
): { bytes: Uint8Array; quantization?: Quantization } {
  // From this value up float16 rounds to infinity; bytes far above it would mean infinity too.
  const bound = storage === 'float32' ? Number.POSITIVE_INFINITY : 65520;
  const wrong = values.findIndex((value) => !(value > -bound && value < bound));
  if (wrong >= 0) {
    throw new RangeError(`tensor '${name}': ${values[wrong]} at ${wrong} cannot be stored as ${storage}`);
  }
  if (storage === 'float32') return { bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
  if (storage === 'float16') {
    const bytes = new Uint8Array(narrowToFloat16(values).buffer);
    return { bytes, quantization: { dtype: 'float16', original_dtype: 'float32' } };
  }
  const { bytes, min, scale } = narrowToUint8(values, shape.at(-1) ?? 1);
  return { bytes, quantization: { dtype: 'uint8', min, scale, original_dtype: 'float32' } };
}
