import { readFile, stat } from 'node:fs/promises';
import { WeightLoadError } from '../src/errors.ts';
import { ByteReader, hasBytes, latin1 } from './byte-reader.ts';
import { gunzip, isGzip } from './inflate.ts';
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
} from './torch-checkpoint.ts';
import { isZip, ZipArchive } from './zip.ts';

/**
 * Reads the arrays of a weight file of any format that this package knows, recognised by its content, never by its
 * name: torch checkpoints (both formats), safetensors, pickled numpy arrays, `.npy`, `.npz`, MATLAB 5 `.mat`; each may
 * be gzipped. Nothing in the file is executed.
 * @returns arrays by name, in the file's order; one without a name is called `BARE_ARRAY_NAME`.
 * @throws WeightLoadError where the file cannot be opened.
 * @throws WeightFormatError where it is damaged or of another format.
 */
export async function readWeightFile(path: string): Promise<StateDict> {
  return parseWeightFile(await readBytes(path), path);
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
 * @param bytes - the whole file; not written to, not kept.
 * @param file - its name for errors.
 */
export function parseWeightFile(bytes: Uint8Array, file: string): StateDict {
  const reader = new ByteReader(bytes, file);
  return parseContent(isGzip(bytes) ? gunzip(reader) : reader);
}

function parseContent(reader: ByteReader): StateDict {
  const { bytes } = reader;
  if (isSafetensors(reader)) return readSafetensors(reader);
  if (isZip(bytes)) {
    const archive = new ZipArchive(reader);
    if (isTorchArchive(archive)) return readTorchArchive(archive);
    if (isNpz(archive)) return readNpz(archive);
    throw reader.error('is a zip archive, but neither a torch checkpoint nor an .npz');
  }
  if (isNpy(bytes)) return new Map([[BARE_ARRAY_NAME, readNpy(reader)]]);
  if (isPickle(bytes)) {
    return isLegacyTorchCheckpoint(reader) ? readLegacyTorchCheckpoint(reader) : readNumpyPickle(reader);
  }
  if (isMat(bytes)) return readMat(reader);
  const foreign = FOREIGN_FORMATS.find(({ offset, signature }) =>
    hasBytes(bytes, offset, Buffer.from(signature, 'latin1')),
  );
  if (foreign !== undefined) throw reader.error(foreign.advice);
  throw reader.error('is not a weight file of a known format', {
    expected: 'a torch checkpoint, safetensors, a pickle, .npy, .npz or .mat',
    actual:
      bytes.length === 0 ? 'an empty file' : `bytes that begin with ${JSON.stringify(latin1(bytes.subarray(0, 16)))}`,
  });
}

/** What people may have instead, and what to do about it. */
const FOREIGN_FORMATS = [
  {
    offset: 0,
    signature: '\x89HDF\r\n',
    advice: 'is an HDF5 file: save the arrays as .npz, .mat (-v7) or safetensors',
  },
  {
    offset: 257,
    signature: 'ustar',
    advice: "is a tar archive, as torch wrote before 0.1.10: save it again with today's torch",
  },
];

/**
 * Protocols 2 to 5 begin with a mark. 0 and 1 have none, but begin in few ways: with a global (an object), with a
 * number (the magic one of torch), or with a bracket (a dict or list), and then they end in a full stop.
 */
function isPickle(bytes: Uint8Array): boolean {
  if (bytes[0] === 0x80) return bytes[1] <= 5;
  const beginning = latin1(bytes.subarray(0, 200));
  if (/^(c[\w.]+\n[\w.]+\n|L\d+L\n\.)/.test(beginning)) return true;
  return /^[()\]}]/.test(beginning) && bytes.at(-1) === '.'.charCodeAt(0);
}
