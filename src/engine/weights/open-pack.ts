import { WeightFormatError } from '../../errors.ts';
import type { LayersArtifact } from '../layers-artifact.ts';
import { concatenateBytes } from './concatenate-bytes.ts';
import { parseJsonFile } from './json-file.ts';
import { decodeLayersFile, parseLayersFile } from './layers-file.ts';
import {
  MAX_MANIFEST_BYTES,
  PACK_FILE,
  type PackManifest,
  type PackModel,
  type PackModelRole,
  parsePackManifest,
} from './pack-manifest.ts';
import { siblingPath } from './pack-path.ts';
import { notedSha256, sha256 } from './sha256.ts';
import { decodeTensors, parseTensorFileManifest, type Tensor } from './tensor-file.ts';
import type { WeightProgressListener, WeightSource } from './weight-source.ts';

export interface OpenPackOptions {
  /** Aborts this and every later read of the pack. */
  readonly signal?: AbortSignal | undefined;
  /** Called during this and every later read. */
  readonly onProgress?: WeightProgressListener | undefined;
}

/**
 * An open pack. Files are read on request, again each time, and checked: size, SHA-256, layout, finite values.
 * Every read throws WeightLoadError, WeightFormatError or the signal's reason.
 */
export interface Pack {
  readonly manifest: PackManifest;
  /** Its location, for messages. */
  describe(): string;
  /** The models with a role, in the manifest's order. */
  modelsOf(role: PackModelRole): readonly PackModel[];
  /**
   * The model with a name.
   * @throws RangeError that lists the models there are.
   */
  model(name: string): PackModel;
  /** Reads a network. */
  readNetwork(model: PackModel): Promise<LayersArtifact>;
  /** Reads a set of tensors, by name; float16 is widened. */
  readTensors(model: PackModel): Promise<ReadonlyMap<string, Tensor>>;
  /** Reads a model's files unchanged, by their paths in the pack. */
  readFiles(model: PackModel): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
  /** Reads all files of the given models, by default of all models, to check that they are intact. */
  verify(models?: readonly PackModel[]): Promise<void>;
}

/**
 * Opens a pack: reads and checks its manifest.
 * @throws WeightLoadError, WeightFormatError or the signal's reason.
 */
export async function openPack(source: WeightSource, options: OpenPackOptions = {}): Promise<Pack> {
  const manifest = parsePackManifest(await source.read(PACK_FILE, { ...options, maxBytes: MAX_MANIFEST_BYTES }));

  /** Adds what was read to `seen`. */
  async function readFile(model: PackModel, path: string, seen?: Set<string>): Promise<Uint8Array<ArrayBuffer>> {
    const file = model.files.find((entry) => entry.path === path);
    if (file === undefined) throw new WeightFormatError(model.path, `'${path}' is not a file of '${model.name}'`);
    const bytes = await source.read(path, {
      signal: options.signal,
      // The manifest has the size even if a compressing server does not send it.
      onProgress: (progress) => options.onProgress?.({ ...progress, totalBytes: file.bytes }),
      maxBytes: file.bytes,
      sha256: file.sha256,
    });
    if (bytes.length !== file.bytes) {
      throw new WeightFormatError(path, 'is cut short', {
        expected: `${file.bytes} bytes`,
        actual: `${bytes.length} bytes`,
      });
    }
    const actual = notedSha256(bytes) ?? (await sha256(bytes));
    if (actual !== file.sha256) {
      throw new WeightFormatError(path, 'is damaged: wrong SHA-256', { expected: file.sha256, actual });
    }
    seen?.add(path);
    return bytes;
  }

  async function readNetwork(model: PackModel, seen?: Set<string>): Promise<LayersArtifact> {
    checkFormat(model, 'layers-model');
    const json = parseJsonFile(model.path, await readFile(model, model.path, seen));
    const layersFile = parseLayersFile(model.path, json);
    const groups = layersFile.weightsManifest.map(async ({ paths }) =>
      concatenateBytes(await Promise.all(paths.map((path) => readFile(model, siblingPath(model.path, path), seen)))),
    );
    const artifact = decodeLayersFile(model.path, layersFile, await Promise.all(groups));
    const { ranges, precision = 'float32' } = model;
    if (ranges === undefined) return artifact;
    const read = async () => ({ file: ranges, tensors: await readTensorFile(model, ranges) });
    return { ...artifact, ranges: { precision, read } };
  }

  function readTensors(model: PackModel, seen?: Set<string>): Promise<ReadonlyMap<string, Tensor>> {
    checkFormat(model, 'tensors');
    return readTensorFile(model, model.path, seen);
  }

  async function readTensorFile(
    model: PackModel,
    path: string,
    seen?: Set<string>,
  ): Promise<ReadonlyMap<string, Tensor>> {
    const json = parseJsonFile(path, await readFile(model, path, seen));
    const tensorFile = parseTensorFileManifest(path, json);
    const dataPath = siblingPath(path, tensorFile.data);
    return decodeTensors(dataPath, tensorFile, await readFile(model, dataPath, seen));
  }

  return {
    manifest,
    describe: () => source.describe(),
    modelsOf: (role) => manifest.models.filter((model) => model.role === role),
    model(name) {
      const found = manifest.models.find((model) => model.name === name);
      if (found !== undefined) return found;
      const names = manifest.models.map((model) => model.name).join(', ') || 'nothing';
      throw new RangeError(`there is no model '${name}' in ${source.describe()}, which has ${names}`);
    },
    readNetwork: (model) => readNetwork(model),
    readTensors: async (model) => readTensors(model),
    async readFiles(model) {
      const files = new Map<string, Uint8Array<ArrayBuffer>>();
      for (const { path } of model.files) files.set(path, await readFile(model, path));
      return files;
    },
    async verify(models = manifest.models) {
      for (const model of models) {
        const seen = new Set<string>();
        await (model.format === 'layers-model' ? readNetwork(model, seen) : readTensors(model, seen));
        // A file that nothing refers to must be intact too.
        for (const { path } of model.files) if (!seen.has(path)) await readFile(model, path);
      }
    },
  };
}

function checkFormat(model: PackModel, format: PackModel['format']): void {
  if (model.format === format) return;
  throw new WeightFormatError(PACK_FILE, `'${model.name}' has the wrong format`, {
    expected: format,
    actual: model.format,
  });
}
