/** Kind of a HEIF file: pictures coded as AV1 or as HEVC. */
export type HeifKind = 'AVIF' | 'HEIC';

/** Number of bytes inspected. */
export const HEIF_BEGINNING_BYTES = 256;

/** What to do about a HEIC that cannot be read. */
export const HEIC_ADVICE = 'HEIC pictures need the package libheif-js (npm install libheif-js); or save them as JPEG';

/**
 * Distinguishes AVIF from HEIC by the brands of a file.
 * @param bytes - the beginning of the file.
 * @returns undefined if it is neither.
 * @see ISO/IEC 23008-12, section 10
 */
export function heifKind(bytes: Uint8Array): HeifKind | undefined {
  const [name, brand] = [4, 8].map((at) => String.fromCharCode(...bytes.subarray(at, at + 4)));
  if (name !== 'ftyp' || brand === undefined || !/^(avi|hei|hev|mif1|msf1)/.test(brand)) return undefined;
  if (brand.startsWith('avi')) return 'AVIF';
  if (brand.startsWith('he')) return 'HEIC';
  // The major brand is only HEIF; the compatible brands follow.
  const length = (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
  const others = String.fromCharCode(...bytes.subarray(16, Math.min(length, HEIF_BEGINNING_BYTES)));
  return /^(....)*avi[fs]/s.test(others) ? 'AVIF' : 'HEIC';
}
