/**
 * PyTorch checkpoints, in both of torch's formats.
 *
 * The current one (since 1.6) is a zip: `NAME/data.pkl` pickles the object with tensors as calls to
 * `_rebuild_tensor_v2` over storages named by persistent ids; `NAME/data/KEY` are the storages' bytes; `NAME/byteorder`
 * contains `little` or `big`.
 *
 * The legacy one is a stream of pickles (a magic number, the protocol version 1001, facts about the machine, the
 * object, the list of storage keys), then for each key, in that order, the number of elements as int64 and the
 * elements, always little-endian. See torch/serialization.py, `_legacy_save` and `_save`, and torch/_utils.py.
 */
import type { ByteReader } from './byte-reader.ts';
import { chooseState, describeChoice, findStates } from './checkpoint-states.ts';
import { decodeElements, type ElementType, elementByteCount, exactElementCount } from './element-types.ts';
import { NUMPY_GLOBALS, readShape } from './numpy-pickle.ts';
import {
  describePickleValue,
  type PickleFunction,
  PickleGlobal,
  type PickleGlobals,
  PickleObject,
  PickleStranger,
  PickleTuple,
  type PickleValue,
  readPickle,
} from './pickle.ts';
import { gatherStrided, stridedExtent } from './strides.ts';
import type { NamedTensor, StateDict, TensorData } from './tensor.ts';
import type { ZipArchive } from './zip.ts';

/** First value of a legacy checkpoint. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

const STORAGE_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['torch.BoolStorage', 'bool'],
  ['torch.CharStorage', 'int8'],
  ['torch.ByteStorage', 'uint8'],
  ['torch.ShortStorage', 'int16'],
  ['torch.IntStorage', 'int32'],
  ['torch.LongStorage', 'int64'],
  ['torch.HalfStorage', 'float16'],
  ['torch.BFloat16Storage', 'bfloat16'],
  ['torch.FloatStorage', 'float32'],
  ['torch.DoubleStorage', 'float64'],
]);

/** A piece of memory that tensors are views of; the location of its bytes depends on the format. */
class PickledStorage extends PickleObject {
  readonly key: string;
  readonly elementType: ElementType;
  /** Elements in the file. */
  readonly count: number;

  constructor(key: string, elementType: ElementType, count: number) {
    super();
    this.key = key;
    this.elementType = elementType;
    this.count = count;
  }
}

/** A tensor with its numbers not yet read. */
class PickledTensor extends PickleObject {
  readonly storage: PickledStorage;
  /** In elements of the storage, as are the strides. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: PickledStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const TORCH_GLOBALS: PickleGlobals = {
  ...NUMPY_GLOBALS,
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': ([tensor], reader) => {
    if (!(tensor instanceof PickledTensor)) throw damaged(reader, 'the tensor of a parameter', tensor);
    return tensor;
  },
  'torch.Size': ([extents]) => extents ?? new PickleTuple([]),
  ...Object.fromEntries(
    [...STORAGE_TYPES.keys()].map((name): [string, PickleFunction] => [
      name,
      (_args, reader) => {
        throw damaged(reader, 'a storage by its key', null);
      },
    ]),
  ),
};

/** Contents of a checkpoint. */
export interface TorchCheckpoint {
  /** Tensors under their names in the file, without other entries. */
  readonly tensors: StateDict;
  /** Every set of weights in the file; empty if the file itself is one. */
  readonly states: readonly string[];
  /** Whether the requested set is in the file. */
  readonly hasState: boolean;
  /** Information for users: which set was used, and what was skipped. */
  readonly notices: readonly string[];
}

/**
 * Reads a checkpoint of torch's legacy format.
 * @param state - name of the set of weights to use if there are several; by default weights that are not averages.
 * @returns the state dict: the whole object if that is one, or the one under `state_dict`, `model` …
 * @throws WeightFormatError if the file is damaged, names a Python global that can run programs, or contains no
 *   tensors.
 */
export function readLegacyTorchCheckpoint(reader: ByteReader, state?: string): TorchCheckpoint {
  const magic = readPickle(reader);
  const protocol = readPickle(reader);
  if (magic !== LEGACY_MAGIC || protocol !== LEGACY_PROTOCOL) {
    throw reader.error('is not a legacy torch checkpoint', {
      expected: `protocol ${LEGACY_PROTOCOL}`,
      actual: describePickleValue(protocol),
    });
  }
  readPickle(reader); // Sizes of C types on the machine that wrote it: they do not affect the numbers.
  const storages = new StorageTable();
  const content = readPickle(reader, {
    globals: TORCH_GLOBALS,
    strangers: true,
    persistentLoad: storages.persistentLoad,
  });
  const keys = readPickle(reader);
  if (!Array.isArray(keys)) throw damaged(reader, 'the list of storage keys', keys);
  const bytesByKey = new Map<string, Uint8Array>();
  for (const key of keys) {
    const storage = storages.get(key, reader);
    const count = reader.uint64();
    if (count !== storage.count) {
      throw reader.error(`has a storage '${storage.key}' of the wrong size for its tensors`, {
        expected: `${storage.count} elements`,
        actual: `${count}`,
      });
    }
    bytesByKey.set(storage.key, reader.take(count * elementByteCount(storage.elementType)));
  }
  if (reader.remaining > 0) throw reader.error(`has ${reader.remaining} bytes after its last storage`);
  return readStateDict(content, reader, state, (storage, tensor) => {
    const bytes = bytesByKey.get(storage.key);
    if (bytes === undefined) throw reader.error(`its storage '${storage.key}' is missing`, { tensor });
    return decodeElements(reader, bytes, storage.elementType, true);
  });
}

/** Whether the file begins with the pickled magic number of the legacy format, whatever its pickle protocol. */
export function isLegacyTorchCheckpoint(reader: ByteReader): boolean {
  try {
    return readPickle(reader.part(reader.bytes.subarray(0, 64))) === LEGACY_MAGIC;
  } catch {
    return false;
  }
}

/** Whether the zip is a torch checkpoint. */
export function isTorchArchive(archive: ZipArchive): boolean {
  return objectEntry(archive) !== undefined;
}

/**
 * Reads a checkpoint in torch's zip format; as `readLegacyTorchCheckpoint`.
 * @param archive - the opened zip.
 */
export function readTorchArchive(archive: ZipArchive, state?: string): TorchCheckpoint {
  const { reader } = archive;
  const pickle = objectEntry(archive);
  if (pickle === undefined) throw reader.error('is not a torch checkpoint: it has no data.pkl');
  const root = pickle.slice(0, -'data.pkl'.length);
  if (archive.has(`${root}constants.pkl`)) {
    const load = `torch.jit.load(${pythonText(reader.file)}, map_location='cpu')`;
    throw reader.error(`is a TorchScript program, not a checkpoint; in Python: ${savingLine(load)}`);
  }
  const byteOrder = archive.has(`${root}byteorder`)
    ? Buffer.from(archive.read(`${root}byteorder`)).toString()
    : 'little';
  if (byteOrder !== 'little' && byteOrder !== 'big') {
    throw reader.error('has an unknown byte order', { expected: 'little or big', actual: byteOrder.slice(0, 40) });
  }
  const storages = new StorageTable();
  const pickleReader = reader.part(archive.read(pickle), { file: `${reader.file}!${pickle}` });
  const content = readPickle(pickleReader, {
    globals: TORCH_GLOBALS,
    strangers: true,
    persistentLoad: storages.persistentLoad,
  });
  return readStateDict(content, reader, state, (storage, tensor) => {
    const entry = `${root}data/${storage.key}`;
    if (!archive.has(entry)) throw reader.error(`its storage '${storage.key}' is missing`, { tensor });
    const bytes = archive.read(entry);
    const byteCount = storage.count * elementByteCount(storage.elementType);
    if (bytes.length !== byteCount) {
      throw reader.error(`its storage '${storage.key}' has the wrong size for the tensor`, {
        tensor,
        expected: `${byteCount} bytes`,
        actual: `${bytes.length}`,
      });
    }
    return decodeElements(reader, bytes, storage.elementType, byteOrder === 'little');
  });
}

/** The pickled object, `NAME/data.pkl`. */
function objectEntry(archive: ZipArchive): string | undefined {
  return archive.names.find((name) => /^([^/]*\/)?data\.pkl$/.test(name));
}

/** The storages named by a pickle so far. */
class StorageTable {
  readonly #storages = new Map<string, PickledStorage>();

  get(key: PickleValue, reader: ByteReader): PickledStorage {
    const storage = typeof key === 'string' ? this.#storages.get(key) : undefined;
    if (storage === undefined) throw damaged(reader, 'the key of a storage that a tensor uses', key);
    return storage;
  }

  /**
   * Persistent ids are `('storage', type, key, device, element count[, view])`, `view` being None except in old files.
   */
  readonly persistentLoad: PickleFunction = ([id], reader) => {
    const [kind, type, key, , count, view] = id instanceof PickleTuple ? id.items : [];
    // In old files with whole modules, a class with its source text.
    if (kind === 'module' && type instanceof PickleGlobal) return type;
    const elementType = type instanceof PickleGlobal ? STORAGE_TYPES.get(type.name) : undefined;
    // Complex, quantised and 8-bit numbers beside weights: their tensors are skipped.
    if (kind === 'storage' && elementType === undefined && isStorageType(type)) return new PickleStranger(type.name);
    if (kind !== 'storage' || elementType === undefined) throw damaged(reader, 'a storage of a known type', type);
    if (typeof key !== 'string') throw damaged(reader, 'the key of a storage', key);
    const elements = wholeNumber(count, reader);
    if (view !== undefined && view !== null) throw damaged(reader, 'a storage that is no view of another', view);
    const known = this.#storages.get(key);
    if (known === undefined) {
      const storage = new PickledStorage(key, elementType, elements);
      this.#storages.set(key, storage);
      return storage;
    }
    if (known.elementType !== elementType || known.count !== elements) {
      throw damaged(reader, `storage '${key}' as it was before`, type);
    }
    return known;
  };
}

function isStorageType(type: PickleValue | undefined): type is PickleGlobal {
  return type instanceof PickleGlobal && /^torch\.(?:\w+\.)?\w*Storage$/.test(type.name);
}

function rebuildTensor([storage, offset, size, stride]: readonly PickleValue[], reader: ByteReader): PickleValue {
  if (storage instanceof PickleStranger) return storage;
  if (!(storage instanceof PickledStorage)) throw damaged(reader, 'the storage of a tensor', storage);
  const start = wholeNumber(offset, reader);
  const shape = readShape(size, reader);
  const strides = readShape(stride, reader);
  if (strides.length !== shape.length) throw damaged(reader, 'as many strides as extents', stride);
  if (Number.isNaN(exactElementCount(shape)) || !(stridedExtent(shape, strides, start) <= storage.count)) {
    throw reader.error('has a tensor that extends beyond its storage', {
      expected: `${storage.count} elements`,
      actual: `shape [${shape}], strides [${strides}], offset ${start}`,
    });
  }
  return new PickledTensor(storage, start, shape, strides);
}

function readStateDict(
  content: PickleValue,
  reader: ByteReader,
  wanted: string | undefined,
  loadStorage: (storage: PickledStorage, tensor: string) => TensorData,
): TorchCheckpoint {
  const states = findStates(content, (value) => (value instanceof PickledTensor ? value.shape.length : undefined));
  const asked = wanted === undefined ? undefined : chooseState(states, wanted);
  const chosen = asked ?? chooseState(states, undefined);
  if (chosen === undefined) throw noStateDict(content, reader);
  const loaded = new Map<PickledStorage, TensorData>();
  const tensors = new Map<string, NamedTensor>();
  for (const [name, value] of chosen.weights) {
    if (!(value instanceof PickledTensor)) continue;
    const { storage, offset, shape, strides } = value;
    let data = loaded.get(storage);
    if (data === undefined) {
      data = loadStorage(storage, name);
      loaded.set(storage, data);
    }
    // A view may repeat elements (stride 0), and many views may share a storage.
    reader.allocate(exactElementCount(shape) * data.BYTES_PER_ELEMENT, `tensor '${name}'`);
    tensors.set(name, { shape, data: gatherStrided(data, shape, strides, offset) });
  }
  const strangers = strangersOf(content);
  const leftOut = strangers.length === 0 ? undefined : `skipped, not weights: ${strangers.join(', ')}`;
  return {
    tensors,
    states: states.map(({ name }) => name).filter((name) => name !== ''),
    hasState: asked !== undefined,
    notices: [describeChoice(chosen, states), leftOut].filter((notice) => notice !== undefined),
  };
}

/** Values of unknown type in a checkpoint's outermost dict, with their keys. */
function strangersOf(content: PickleValue): string[] {
  const strangers: string[] = [];
  if (!(content instanceof Map)) return strangers;
  for (const [key, value] of content) {
    const isClass = value instanceof PickleGlobal && value.isStranger;
    if (value instanceof PickleStranger || isClass) strangers.push(`'${key}' (${describePickleValue(value)})`);
  }
  return strangers;
}

/** The error for a file without tensors of its own: usually a whole module, pickled with its class. */
function noStateDict(content: PickleValue, reader: ByteReader): Error {
  const load = `torch.load(${pythonText(reader.file)}, map_location='cpu', weights_only=False)`;
  const whole = (module: PickleStranger, place: string): Error =>
    reader.error(
      `holds a pickled object of class '${module.className}'${place === '' ? '' : ` under '${place}'`}, not a state dict: ` +
        `nothing was executed; in Python: ${savingLine(place === '' ? load : `${load}[${pythonText(place)}]`)}`,
    );
  // A dict of tensors, but of an unsupported kind.
  const first =
    content instanceof Map ? [...content.values()].find((value) => value instanceof PickleStranger) : content;
  if (first instanceof PickleStranger && isTensorLike(first)) {
    const line = `import torch; torch.save({k: v.float() for k, v in ${load}.items()}, 'state_dict.pth')`;
    return reader.error(`has tensors of an unsupported kind, '${first.className}'; in Python: ${line}`);
  }
  if (content instanceof PickleStranger) return whole(content, '');
  if (content instanceof Map) {
    for (const [key, value] of content) if (value instanceof PickleStranger) return whole(value, String(key));
  }
  return reader.error('contains no state dict', {
    expected: 'a dict of tensors, or one under state_dict, model_state_dict, model …',
    actual: describePickleValue(content),
  });
}

/** Whether an unknown value is a tensor, by the function that creates it or its storage. */
function isTensorLike({ className }: PickleStranger): boolean {
  return /^torch\._(?:utils|tensor)\._rebuild|Storage$/.test(className);
}

/** The line of Python that saves what a converter needs from a module. */
function savingLine(module: string): string {
  return `import torch; torch.save(${module}.state_dict(), 'state_dict.pth')`;
}

/** A string as a Python literal. */
function pythonText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function wholeNumber(value: PickleValue | undefined, reader: ByteReader): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged(reader, 'a whole number', value);
}

function damaged(reader: ByteReader, expected: string, actual: PickleValue | undefined): Error {
  return reader.error('is a damaged torch checkpoint', { expected, actual: describePickleValue(actual) });
}
