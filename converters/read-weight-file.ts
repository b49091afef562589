import { readFile, stat } from 'node:fs/promises';
import { WeightLoadError } from '../src/errors.ts';
import { ByteReader, hasBytes, latin1 } from './byte-reader.ts';
import { gunzip, isGzip } from './inflate.ts';
import { isJson, readJsonArrays } from './json-arrays.ts';
import { isMat, readMat } from './mat.ts';
import { isNpy, readNpy } from './npy.ts';
import { isNpz, readNpz } from './npz.ts';
import { readNumpyPickle } from './numpy-pickle.ts';
import { isSafetensors, readSafetensors } from './safetensors.ts';
import { BARE_ARRAY_NAME, type StateDict } from './tensor.ts';
import {
  isLegacyTorchCheckpoint,
  isTorchArchive,
  readLegacyTorchCheckpoint,
  readTorchArchive,
  type TorchCheckpoint,
} from './torch-checkpoint.ts';
import { isZip, ZipArchive } from './zip.ts';

/**
 * Reads the arrays of a weight file in any supported format, recognised by content, never by name: torch
 * checkpoints (both formats), safetensors, pickled numpy arrays, `.npy`, `.npz`, MATLAB 5 `.mat`, JSON; each may be
 * gzipped. Nothing in the file is executed.
 * @returns arrays by name, in file order; an unnamed one is called `BARE_ARRAY_NAME`.
 * @throws WeightLoadError if the file cannot be opened.
 * @throws WeightFormatError if it is damaged or in another format.
 */
export async function readWeightFile(path: string): Promise<StateDict> {
  return parseWeightFile(await readBytes(path), path);
}

/** The arrays of a file that may contain several sets of weights. */
export type Checkpoint = TorchCheckpoint;

/**
 * As `readWeightFile`, for a checkpoint that may contain several sets of weights, such as running averages beside the
 * network's own.
 * @param state - name of the set to use.
 */
export async function readCheckpoint(path: string, state?: string): Promise<Checkpoint> {
  return parseCheckpoint(await readBytes(path), path, state);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    // Devices and pipes may never end.
    if ((await stat(path)).isFile()) return await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new WeightLoadError(path, missing ? 'there is no such file' : (cause as Error).message, { cause });
  }
  throw new WeightLoadError(path, 'is not a file');
}

/**
 * As `readWeightFile`, from bytes.
 * @param bytes - the whole file; neither modified nor retained.
 * @param file - its name for errors.
 */
export function parseWeightFile(bytes: Uint8Array, file: string): StateDict {
  return parseCheckpoint(bytes, file).tensors;
}

function parseCheckpoint(bytes: Uint8Array, file: string, state?: string): Checkpoint {
  const whole = new ByteReader(bytes, file);
  const reader = isGzip(bytes) ? gunzip(whole) : whole;
  const archive = isZip(reader.bytes) ? new ZipArchive(reader) : undefined;
  if (archive && isTorchArchive(archive)) return readTorchArchive(archive, state);
  if (isPickle(reader.bytes) && isLegacyTorchCheckpoint(reader)) return readLegacyTorchCheckpoint(reader, state);
  return { tensors: parseArrays(reader, archive), states: [], hasState: false, notices: [] };
}

function parseArrays(reader: ByteReader, archive: ZipArchive | undefined): StateDict {
  const { bytes } = reader;
  if (isSafetensors(reader)) return readSafetensors(reader);
  if (archive !== undefined) {
    if (isNpz(archive)) return readNpz(archive);
    if (archive.names.some((name) => name === 'model.weights.h5')) throw reader.error(KERAS_ADVICE);
    if (archive.names.some((name) => /(^|\/)archive_format$/.test(name))) throw reader.error(EXPORTED_ADVICE);
    throw reader.error('is a zip archive, but neither a torch checkpoint nor an .npz');
  }
  if (isNpy(bytes)) return new Map([[BARE_ARRAY_NAME, readNpy(reader)]]);
  if (isPickle(bytes)) return readNumpyPickle(reader);
  if (isJson(bytes)) return readJsonArrays(reader);
  if (isMat(bytes)) return readMat(reader);
  const foreign = FOREIGN_FORMATS.find(({ isIt }) => isIt(bytes));
  if (foreign !== undefined) throw reader.error(foreign.advice);
  throw reader.error('is not a weight file of a known format', {
    expected: 'a torch checkpoint, safetensors, a pickle, .npy, .npz, .mat or JSON',
    actual:
      bytes.length === 0 ? 'an empty file' : `bytes that begin with ${JSON.stringify(latin1(bytes.subarray(0, 16)))}`,
  });
}

/** For Keras's current file format, a zip, and the older one, HDF5. */
const KERAS_ADVICE =
  'is a Keras model, but networks are read from torch only; to save its arrays, in Python: ' +
  "import keras, numpy; numpy.savez('arrays.npz', **{v.path: v.numpy() for v in keras.models.load_model('model.keras').variables})";

/** For files from `torch.export.save`. */
const EXPORTED_ADVICE =
  'is an exported torch program, not a checkpoint; in Python: ' +
  "import torch; torch.save(torch.export.load('program.pt2').state_dict, 'state_dict.pth')";

/** Other formats that users may have, and what to do about them. */
const FOREIGN_FORMATS: readonly { readonly isIt: (bytes: Uint8Array) => boolean; readonly advice: string }[] = [
  {
    isIt: (bytes) => hasText(bytes, 0, '\x89HDF\r\n'),
    advice:
      'is an HDF5 file, as written by Keras, MATLAB 7.3 and h5py: save its arrays as .npz; in Python: ' +
      "import h5py, numpy; a = {}; h5py.File('file.h5').visititems(lambda n, v: hasattr(v, 'shape') and a.update({n: v[()]})); " +
      "numpy.savez('arrays.npz', **a)",
  },
  {
    isIt: isOnnx,
    advice:
      'is an ONNX model, a traced graph without layer names: save the network that it was exported from; in Python: ' +
      "import torch; torch.save(network.state_dict(), 'state_dict.pth')",
  },
  {
    isIt: (bytes) => hasText(bytes, 4, 'TFL3'),
    advice: 'is a TensorFlow Lite model, which is not supported: save the network that it was made from',
  },
  {
    isIt: (bytes) => hasText(bytes, 257, 'ustar'),
    advice: 'is a tar archive, as written by torch before 0.1.10: save it again with a current torch',
  },
];

function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  return hasBytes(bytes, offset, Buffer.from(text, 'latin1'));
}

/** A protocol buffer: the first field is the format version, and the second is another of a model's fields. */
function isOnnx([versionTag, version, nextTag]: Uint8Array): boolean {
  const fields = [2, 3, 4, 6, 7, 8].map((field) => (field << 3) | 2);
  return versionTag === 0x08 && version >= 3 && version <= 32 && fields.includes(nextTag);
}

/**
 * Protocols 2 to 5 begin with a marker. 0 and 1 have none, but begin in only a few ways: with a global (an object), a
 * number (torch's magic number), or a bracket (a dict or list); and they end in a full stop.
 */
function isPickle(bytes: Uint8Array): boolean {
  if (bytes[0] === 0x80) return bytes[1] <= 5;
  const beginning = latin1(bytes.subarray(0, 200));
  if (/^(c[\w.]+\n[\w.]+\n|L\d+L\n\.)/.test(beginning)) return true;
  return /^[()\]}]/.test(beginning) && bytes.at(-1) === '.'.charCodeAt(0);
}
