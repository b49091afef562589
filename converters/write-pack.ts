import { copyFile, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { LayersArtifact } from '../src/engine/layers-artifact.ts';
import type { NetworkRanges, Precision, StoredRanges } from '../src/engine/quantization.ts';
import { fileWeights } from '../src/engine/weights/file-source.ts';
import { encodeLayersFile, type WeightStorage } from '../src/engine/weights/layers-file.ts';
import { openPack, type Pack } from '../src/engine/weights/open-pack.ts';
import {
  PACK_FILE,
  PACK_FORMAT_VERSION,
  type PackManifest,
  type PackModel,
  parsePackManifest,
} from '../src/engine/weights/pack-manifest.ts';
import { sha256 } from '../src/engine/weights/sha256.ts';
import { encodeTensors, type Tensor } from '../src/engine/weights/tensor-file.ts';
import { TddfaError } from '../src/errors.ts';
import { makeFolder } from '../src/files/make-folder.ts';
import { replaceFolder, restoreFolder, withFolder } from '../src/files/replace-folder.ts';
import { writeFailure } from '../src/files/write-file-atomically.ts';
import { equaliseChannels } from './equalise-channels.ts';

/** A model to be written to a pack: its facts, and a network or tensors. */
export type NewModel = Omit<PackModel, 'format' | 'path' | 'files' | 'ranges' | 'precision'> &
  (NewNetwork | NewTensors);

export interface NewNetwork {
  /** Including ranges, if it is to have any. */
  readonly artifact: LayersArtifact;
  /** If different from the storage passed to `writePack` for all models. */
  readonly storage?: WeightStorage;
}

export interface NewTensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Tensors for which half precision is sufficient. */
  readonly float16Tensors?: readonly string[];
}

/** Contents for a pack. */
export interface NewPack {
  /** Name of a new pack; an existing one keeps its own. */
  readonly name: string;
  readonly description: string;
  readonly models: readonly NewModel[];
  /** Models from other packs, copied as they are; they come after the new ones. */
  readonly copies?: readonly CopiedModel[];
}

/** A model from another pack. */
export interface CopiedModel {
  readonly pack: Pack;
  readonly model: PackModel;
  /** New ranges that replace any it may have. */
  readonly ranges?: NetworkRanges;
}

export interface WritePackOptions {
  /**
   * How networks are stored, `float32` if absent; with any other, bases are float16. On three photos float16 moved the original's
   * boxes by at most 0.019 px and its landmarks and dense vertices by at most 0.071 px; uint8 by 1.5 px and 0.55 px.
   */
  readonly storage?: WeightStorage | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called before waiting for another process that is writing the same pack. */
  readonly onWait?: (() => void) | undefined;
}

/** Result of `writePack`. */
export interface WrittenPack {
  readonly manifest: PackManifest;
  /** Names of models in the pack that were replaced by a new one. */
  readonly replaced: readonly string[];
}

/**
 * Writes a pack, or adds models to the one in the folder; a model of the same name is replaced in place. The folder
 * appears (or changes) as a whole or not at all: everything is written beside it, then renamed. Other files in the
 * folder are kept. Processes that write the same pack do so one at a time, and none loses what another has added.
 * @throws TddfaError if the folder contains something else or cannot be written, WeightFormatError if the existing pack
 *   is damaged, RangeError for values that the storage cannot represent.
 */
export async function writePack(folder: string, pack: NewPack, options: WritePackOptions = {}): Promise<WrittenPack> {
  const target = await resolveTarget(folder);
  try {
    return await withFolder(target, () => addToPack(target, pack, options), options);
  } catch (error) {
    // Only system errors have such a code.
    throw typeof (error as NodeJS.ErrnoException).code === 'string' ? cannotWrite(target, error) : error;
  }
}

/** Puts back a pack that a killed process had moved away in order to replace it. */
export async function restorePack(folder: string): Promise<void> {
  await restoreFolder(await resolveTarget(folder));
}

async function addToPack(
  target: string,
  { name, description, models, copies = [] }: NewPack,
  options: WritePackOptions,
): Promise<WrittenPack> {
  const existing = await openExisting(target);
  const present = existing?.manifest.models ?? [];
  const newNames = new Set([...models, ...copies.map(({ model }) => model)].map((model) => model.name.toLowerCase()));
  const kept = present.filter((model) => !newNames.has(model.name.toLowerCase()));
  // The order is kept: unless one is named mb1, the first regressor is the default.
  const place = (model: PackModel): number =>
    present.findIndex(({ name: other }) => other.toLowerCase() === model.name.toLowerCase());
  const replaced = present.filter((model) => newNames.has(model.name.toLowerCase()));
  await existing?.verify(kept);
  const others = existing ? await otherFiles(target, present) : [];

  const files = new Map<string, Uint8Array>();
  const added: PackModel[] = [];
  for (const model of models) {
    options.signal?.throwIfAborted();
    const encoded = await encodeModel(model, options.storage ?? 'float32');
    for (const [path, bytes] of encoded.files) files.set(path, bytes);
    added.push({ ...encoded.model, files: await describeFiles(encoded.files) });
  }
  for (const { pack, model, ranges } of copies) {
    options.signal?.throwIfAborted();
    const own = await pack.readFiles(model);
    if (ranges === undefined) {
      for (const [path, bytes] of own) files.set(path, bytes);
      added.push(model);
      continue;
    }
    const encoded = encodeRangesFile(model.name, await ranges.read(), ranges.precision);
    // The same names as before, if it had ranges.
    const all = new Map([...own, ...encoded.files]);
    for (const [path, bytes] of all) files.set(path, bytes);
    added.push({ ...model, ...encoded.facts, files: await describeFiles(all) });
  }
  const manifestBytes = encodeJson({
    formatVersion: PACK_FORMAT_VERSION,
    name: existing?.manifest.name ?? name,
    description: existing?.manifest.description ?? description,
    models: [
      ...[...kept, ...added.filter((model) => place(model) >= 0)].sort((a, b) => place(a) - place(b)),
      ...added.filter((model) => place(model) < 0),
    ],
  });
  // What cannot be read must not be written.
  const manifest = parsePackManifest(manifestBytes);
  files.set(PACK_FILE, manifestBytes);

  await replaceFolder(target, async (temporary) => {
    const write = async (path: string, store: (file: string) => Promise<void>) => {
      options.signal?.throwIfAborted();
      const file = join(temporary, path);
      await makeFolder(dirname(file));
      await store(file);
    };
    for (const model of kept) {
      for (const { path } of model.files) await write(path, (file) => copyFile(join(target, path), file));
    }
    for (const path of others) {
      if (!files.has(path)) await write(path, (file) => copyFile(join(target, path), file));
    }
    for (const [path, bytes] of files) await write(path, (file) => writeFile(file, bytes));
    options.signal?.throwIfAborted();
  });
  return { manifest, replaced: replaced.map((model) => model.name) };
}

/** Encodes one model as files in a folder of its name. */
async function encodeModel(
  model: NewModel,
  storage: WeightStorage,
): Promise<{ model: Omit<PackModel, 'files'>; files: ReadonlyMap<string, Uint8Array<ArrayBuffer>> }> {
  if ('artifact' in model) {
    const { artifact, storage: own = storage, ...facts } = model;
    const { ranges } = artifact;
    // Equalising moves factors between channels, which would invalidate the ranges.
    const prepared = own === 'uint8' && !ranges ? equaliseChannels(artifact) : artifact;
    const encoded = encodeLayersFile(prepared, 'weights.bin', { storage: own });
    const path = `${model.name}/model.json`;
    const files = new Map([
      [path, encodeJson(encoded.model)],
      [`${model.name}/weights.bin`, encoded.bytes],
    ]);
    if (!ranges) return { model: { ...facts, format: 'layers-model', path }, files };
    const encodedRanges = encodeRangesFile(model.name, await ranges.read(), ranges.precision);
    return {
      model: { ...facts, format: 'layers-model', path, ...encodedRanges.facts },
      files: new Map([...files, ...encodedRanges.files]),
    };
  }
  const { tensors, float16Tensors = [], ...facts } = model;
  const encoded = encodeTensors(tensors, 'tensors.bin', new Set(storage === 'float32' ? [] : float16Tensors));
  const path = `${model.name}/tensors.json`;
  return {
    model: { ...facts, format: 'tensors', path },
    files: new Map([
      [path, encodeJson(encoded.manifest)],
      [`${model.name}/tensors.bin`, encoded.bytes],
    ]),
  };
}

function encodeRangesFile(
  model: string,
  { tensors }: StoredRanges,
  precision: Precision,
): { facts: Pick<PackModel, 'ranges' | 'precision'>; files: Map<string, Uint8Array<ArrayBuffer>> } {
  const { manifest, bytes } = encodeTensors(tensors, 'ranges.bin');
  const ranges = `${model}/ranges.json`;
  return {
    facts: { ranges, precision },
    files: new Map([
      [ranges, encodeJson(manifest)],
      [`${model}/ranges.bin`, bytes],
    ]),
  };
}

function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

function describeFiles(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<PackModel['files']> {
  return Promise.all(
    [...files].map(async ([path, bytes]) => ({ path, bytes: bytes.length, sha256: await sha256(bytes) })),
  );
}

/** The folder itself if `folder` is a link to it. */
async function resolveTarget(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch {
    return resolve(folder);
  }
}

/** The pack in the folder; undefined if there is no folder or it is empty. */
async function openExisting(target: string): Promise<Pack | undefined> {
  let names: string[];
  try {
    if (!(await stat(target)).isDirectory()) throw new TddfaError(`cannot write ${target}: it is not a folder`);
    names = await readdir(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error instanceof TddfaError ? error : cannotWrite(target, error);
  }
  if (names.length === 0) return undefined;
  if (!names.includes(PACK_FILE)) {
    throw new TddfaError(`cannot write ${target}: the folder is neither empty nor a pack`);
  }
  try {
    return await openPack(fileWeights(target));
  } catch (error) {
    const reason = (error as Error).message;
    throw new TddfaError(`cannot add to ${target}: ${reason}; remove that folder first`, { cause: error });
  }
}

/** Other files in a pack's folder, such as a model card or a licence: paths with `/`. */
async function otherFiles(target: string, models: readonly PackModel[]): Promise<string[]> {
  const own = new Set([PACK_FILE, ...models.flatMap(({ files }) => files.map(({ path }) => path))]);
  const entries = await readdir(target, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(target, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !own.has(path));
}

function cannotWrite(target: string, error: unknown): TddfaError {
  return new TddfaError(`cannot write ${target}: ${writeFailure(error)}`, { cause: error });
}
