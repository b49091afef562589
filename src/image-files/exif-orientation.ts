import { ByteReader } from './byte-reader.ts';
import { readTiffFields } from './tiff/tiff-fields.ts';

const ORIENTATION = 274;
/** Prefix of EXIF in JPEG; some writers add it in other containers too. */
const PREFIX = [0x45, 0x78, 0x69, 0x66, 0, 0];

/**
 * The orientation in EXIF data, 1..8; 1 if there is none or it is damaged, as in viewers.
 * @param exif - a TIFF header and its fields, with or without `Exif\0\0` before it.
 */
export function readExifOrientation(exif: Uint8Array): number {
  const tiff = PREFIX.every((byte, i) => exif[i] === byte) ? exif.subarray(PREFIX.length) : exif;
  try {
    return orientationOf(readTiffFields(tiff).fields.get(ORIENTATION));
  } catch {
    return 1;
  }
}

/** Orientation from the values of a TIFF field. */
export function orientationOf(values: readonly number[] = []): number {
  const value = values[0] ?? 1;
  return Number.isInteger(value) && value >= 1 && value <= 8 ? value : 1;
}

/** Whether bytes begin like EXIF data in a JPEG. */
export function isExif(bytes: Uint8Array): boolean {
  return bytes.length >= PREFIX.length && new ByteReader(bytes, 'big-endian').tag(0) === 'Exif';
}
