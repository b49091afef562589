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

/** TGA without a text of its own: how it is coded, and where it has colours in a table the first of them. */
const TGA_BEGINNINGS: readonly string[] = [
  ...['\x02', '\x03', '\x0a', '\x0b'].map((coding) => `\0\0${coding}\0\0\0\0\0`),
  ...['\x01', '\x09'].map((coding) => `\0\x01${coding}\0\0`),
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
  ...TGA_BEGINNINGS.map((beginning) => [beginning, 'TGA'] as const),
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
  ['II*\0????CR', 'raw (Canon)'],
  ['????ftypcrx ', 'raw (Canon)'],
  ['IIRO', 'raw (Olympus)'],
  ['IIRS', 'raw (Olympus)'],
  ['IIU\0', 'raw (Panasonic)'],
  ['FUJIFILM', 'raw (Fujifilm)'],
  ['\0MRM', 'raw (Minolta)'],
  ['FOVb', 'raw (Sigma)'],
  ...[0, 2, 3, 4, 5].map((version) => [`\x0a${String.fromCharCode(version)}\x01`, 'PCX'] as const),
  ['\x01\xda', 'SGI'],
  ['\x59\xa6\x6a\x95', 'Sun raster'],
  ['II\xbc\x01', 'JPEG XR'],
  ['BPG\xfb', 'BPG'],
  ['FLIF', 'FLIF'],
  ['\x8bJNG', 'JNG'],
  ['AT&TFORM', 'DjVu'],
  ['\xd7\xcd\xc6\x9a', 'Windows metafile (WMF)'],
  ['SIMPLE  =', 'FITS'],
  ['SDPX', 'DPX'],
  ['XPDS', 'DPX'],
  ['id=ImageMagick', 'ImageMagick (MIFF)'],
  ['/* XPM', 'XPM'],
  ['#define ', 'XBM'],
  ['gimp xcf', 'GIMP (XCF)'],
  ...['1', '2', '3', '4', '5', '6', '7', 'F', 'f'].map((kind) => [`P${kind}\n`, 'Netpbm'] as const),
  ...['1', '2', '3', '4', '5', '6'].map((kind) => [`P${kind} `, 'Netpbm'] as const),
];

/** What people take for a picture, or is called like one, such as an error that a server sent in its place. */
const NO_PICTURES: readonly (readonly [signature: string, name: string])[] = [
  ...['<html', '<HTML', '<!doctype html', '<!DOCTYPE html', '<!DOCTYPE HTML'].map(
    (text) => [text, 'a web page (HTML)'] as const,
  ),
  ['PK\x03\x04', 'an archive (ZIP)'],
  ...['iso', 'mp4', 'avc1', 'qt  ', 'M4', '3g', 'dash', 'f4v', 'MSNV', 'XAVC'].map(
    (brand) => [`????ftyp${brand}`, 'a film (MP4)'] as const,
  ),
  ['\x1a\x45\xdf\xa3', 'a film (MKV, WebM)'],
  ['RIFF????AVI ', 'a film (AVI)'],
];

/** Space before a text and the longest signature. */
const BEGINNING_BYTES = 64;
/** Other TGAs have a mark at their end. */
const TGA_END = 'TRUEVISION-XFILE.\0';
const SPACE_BEFORE_TEXT = /^[\xef\xbb\xbf\s]+/;

/** What a file is; nothing where it is not known. */
export interface DetectedFormat {
  /** One that is decoded. */
  readonly format?: ImageFormat;
  /** Pictures of another kind. */
  readonly otherName?: string;
  /** Something else than a picture, such as `a film (MP4)`. */
  readonly noPicture?: string;
}

/** Tells what a file is by its first bytes. */
export function detectImageFormat(bytes: Uint8Array): DetectedFormat {
  const beginning = String.fromCharCode(...bytes.subarray(0, BEGINNING_BYTES));
  const heif = heifKind(bytes);
  if (heif !== undefined) return { format: heif };
  const text = beginning.replace(SPACE_BEFORE_TEXT, '');
  // Before those that are decoded: some raw files of cameras begin as a TIFF does.
  const otherName = OTHERS.find(
    ([signature]) => fitsSignature(beginning, signature) || fitsSignature(text, signature),
  )?.[1];
  if (otherName !== undefined) return { otherName };
  const format = SIGNATURES.find(([signature]) => fitsSignature(beginning, signature))?.[1];
  if (format !== undefined) return { format };
  const end = String.fromCharCode(...bytes.subarray(-TGA_END.length));
  if (end === TGA_END) return { otherName: 'TGA' };
  const noPicture = NO_PICTURES.find(
    ([signature]) => fitsSignature(beginning, signature) || fitsSignature(text, signature),
  )?.[1];
  return noPicture === undefined ? {} : { noPicture };
}

/** Whether bytes, as characters of one each, begin with a signature, in which `?` is any of them. */
export function fitsSignature(beginning: string, signature: string): boolean {
  return (
    beginning.length >= signature.length &&
    [...signature].every((character, i) => character === '?' || character === beginning[i])
  );
}
