/**
 * numpy's `.npy`: magic, version, the length of a header, the header (a Python dict literal), the numbers.
 * See "NPY format" in numpy's reference (numpy.lib.format), versions 1.0 to 3.0.
 */
import { type ByteReader, hasBytes, latin1 } from './byte-reader.ts';
import { decodeNumpyArray, type NumpyLayout } from './numpy-array.ts';
import type { NamedTensor } from './tensor.ts';

/** Only structures, which are refused, need more than one line. */
const MAX_HEADER_BYTES = 2 ** 16;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether the file begins like an `.npy`. */
export function isNpy(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, MAGIC);
}

/**
 * Reads one `.npy`, up to the end of the file.
 * @throws WeightFormatError if it is damaged, or its elements are not plain numbers.
 */
export function readNpy(reader: ByteReader): NamedTensor {
  if (!isNpy(reader.take(MAGIC.length))) throw reader.error('is not an .npy file');
  const version = reader.uint8();
  reader.skip(1);
  if (version < 1 || version > 3) {
    throw reader.error('has an unknown .npy version', { expected: '1, 2 or 3', actual: `${version}` });
  }
  const headerBytes = version === 1 ? reader.uint16() : reader.uint32();
  if (headerBytes > MAX_HEADER_BYTES) {
    throw reader.error('has an .npy header that is too long', {
      expected: `at most ${MAX_HEADER_BYTES} bytes`,
      actual: `${headerBytes}`,
    });
  }
  const header = latin1(reader.take(headerBytes));
  return decodeNumpyArray(reader, reader.take(reader.remaining), parseHeader(header, reader));
}

/**
 * The header is a dict literal with exactly these keys, in any order; Python 2 put an `L` after the numbers in a shape.
 */
function parseHeader(header: string, reader: ByteReader): NumpyLayout {
  const descriptor = /'descr'\s*:\s*(?:'([^']*)'|\[)/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const shape = /'shape'\s*:\s*\(([^()]*)\)/.exec(header)?.[1]?.replace(/,\s*$/, '').split(',');
  const extents = shape?.length === 1 && shape[0]?.trim() === '' ? [] : shape?.map(parseExtent);
  if (descriptor === null || order === null || extents === undefined || extents.some(Number.isNaN)) {
    throw reader.error('has a damaged .npy header', {
      expected: "'descr', 'fortran_order' and 'shape'",
      actual: header.trim().slice(0, 120),
    });
  }
  return { dtype: descriptor[1] ?? 'a structure', isFortran: order[1] === 'True', shape: extents };
}

function parseExtent(text: string): number {
  const digits = /^\s*(\d{1,16})L?\s*$/.exec(text)?.[1];
  return digits === undefined ? Number.NaN : Number(digits);
}
