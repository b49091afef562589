import { heifKind } from '../heif-kind.ts';

/** A format that is decoded. */
export type ImageFormat = 'JPEG' | 'PNG' | 'BMP' | 'GIF' | 'TIFF' | 'WebP' | 'AVIF' | 'HEIC';

/** A format by the bytes at its beginning; `?` is any byte. */
const SIGNATURES: readonly (readonly [signature: string, format: ImageFormat])[] = [
  ['\xff\xd8\xff', 'JPEG'],
  ['\x89PNG\r\n\x1a\n', 'PNG'],
  ['BM', 'BMP'],
  ['GIF87a', 'GIF'],
  ['GIF89a', 'GIF'],
  ['II*\0', 'TIFF'],
  ['MM\0*', 'TIFF'],
  ['II+\0', 'TIFF'],
  ['MM\0+', 'TIFF'],
  ['RIFF????WEBP', 'WebP'],
];

/** What is known well enough to be called by its name, and not decoded. */
const OTHERS: readonly (readonly [signature: string, name: string])[] = [
  ['<svg', 'SVG'],
  ['<?xml', 'SVG'],
  ['8BPS', 'Photoshop (PSD)'],
  ['\0\0\0\x0cjP', 'JPEG 2000'],
  ['\xff\x4f\xff\x51', 'JPEG 2000'],
  ['\0\0\0\x0cJXL ', 'JPEG XL'],
  ['\xff\x0a', 'JPEG XL'],
  ['\0\0\x01\0', 'icon (ICO)'],
  ['\0\0\x02\0', 'cursor (CUR)'],
  ['DDS ', 'DDS'],
  ['v/1\x01', 'OpenEXR'],
  ['#?RADIANCE', 'Radiance (HDR)'],
  ['#?RGBE', 'Radiance (HDR)'],
  ['qoif', 'QOI'],
  ['%PDF', 'PDF'],
  ['%!PS', 'PostScript'],
  ['\xc5\xd0\xd3\xc6', 'PostScript'],
  ['BA', 'bitmap array (OS/2)'],
  ['\x8aMNG', 'MNG'],
  ['farbfeld', 'farbfeld'],
  ['IIRO', 'raw (Olympus)'],
  ['IIU\0', 'raw (Panasonic)'],
  ['FUJIFILM', 'raw (Fujifilm)'],
  ['\x0a\x05\x01', 'PCX'],
  ['gimp xcf', 'GIMP (XCF)'],
  ...['1', '2', '3', '4', '5', '6', '7', 'F', 'f'].map((kind) => [`P${kind}\n`, 'Netpbm'] as const),
  ...['1', '2', '3', '4', '5', '6'].map((kind) => [`P${kind} `, 'Netpbm'] as const),
];

const LONGEST_SIGNATURE = 16;

/** What a file is, by its first bytes: a format that is decoded, the name of another one, or nothing known. */
export function detectImageFormat(bytes: Uint8Array): { format?: ImageFormat; otherName?: string } {
  const beginning = String.fromCharCode(...bytes.subarray(0, LONGEST_SIGNATURE));
  const format = SIGNATURES.find(([signature]) => fits(beginning, signature))?.[1] ?? heifKind(bytes);
  if (format !== undefined) return { format };
  const otherName = OTHERS.find(([signature]) => fits(beginning.trimStart(), signature))?.[1];
  return otherName === undefined ? {} : { otherName };
}

function fits(beginning: string, signature: string): boolean {
  return (
    beginning.length >= signature.length &&
    [...signature].every((character, i) => character === '?' || character === beginning[i])
  );
}
