import { heifKind } from '../heif-kind.ts';

/** A supported format. */
export type ImageFormat = 'JPEG' | 'PNG' | 'BMP' | 'GIF' | 'TIFF' | 'WebP' | 'AVIF' | 'HEIC';

/** Formats by their first bytes; `?` is any byte. */
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

/** TGA without its own text: its coding and, if it has a colour table, the index of the first colour. */
const TGA_BEGINNINGS: readonly string[] = [
  ...['\x02', '\x03', '\x0a', '\x0b'].map((coding) => `\0\0${coding}\0\0\0\0\0`),
  ...['\x01', '\x09'].map((coding) => `\0\x01${coding}\0\0`),
];

/** Formats recognised for error messages, but not decoded. */
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

/** Files mistaken for a picture, or named like one, such as an error page that a server sent in its place. */
const NO_PICTURES: readonly (readonly [signature: string, name: string])[] = [
  ...['<html', '<HTML', '<!doctype html', '<!DOCTYPE html', '<!DOCTYPE HTML'].map(
    (text) => [text, 'a web page (HTML)'] as const,
  ),
  ['PK\x03\x04', 'an archive (ZIP)'],
  ...['iso', 'mp4', 'avc1', 'qt  ', 'M4', '3g', 'dash', 'f4v', 'MSNV', 'XAVC'].map(
    (brand) => [`????ftyp${brand}`, 'a video (MP4)'] as const,
  ),
  ['\x1a\x45\xdf\xa3', 'a video (MKV, WebM)'],
  ['RIFF????AVI ', 'a video (AVI)'],
];

/** Room for leading white space and the longest signature. */
const BEGINNING_BYTES = 64;
/** Other TGAs have a marker at their end. */
const TGA_END = 'TRUEVISION-XFILE.\0';
const SPACE_BEFORE_TEXT = /^[\xef\xbb\xbf\s]+/;

/** Format of a file; empty if unknown. */
export interface DetectedFormat {
  /** A supported format. */
  readonly format?: ImageFormat;
  /** An unsupported picture format. */
  readonly otherName?: string;
  /** Something other than a picture, such as `a video (MP4)`. */
  readonly noPicture?: string;
}

/** Detects the format of a file by its first bytes. */
export function detectImageFormat(bytes: Uint8Array): DetectedFormat {
  const beginning = String.fromCharCode(...bytes.subarray(0, BEGINNING_BYTES));
  const heif = heifKind(bytes);
  if (heif !== undefined) return { format: heif };
  const text = beginning.replace(SPACE_BEFORE_TEXT, '');
  // Before the supported ones: some camera raw files begin like a TIFF.
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

/** Whether bytes, one per character, begin with a signature, in which `?` is any byte. */
export function fitsSignature(beginning: string, signature: string): boolean {
  return (
    beginning.length >= signature.length &&
    [...signature].every((character, i) => character === '?' || character === beginning[i])
  );
}
