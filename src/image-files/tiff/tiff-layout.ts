import type { TiffFields, TiffFile } from './tiff-fields.ts';

const TAG = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  predictor: 317,
  colourMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
  yCbCrCoefficients: 529,
  yCbCrSubSampling: 530,
  referenceBlackWhite: 532,
} as const;

/** How colours are stored. */
export type TiffColours = 'white-is-zero' | 'black-is-zero' | 'rgb' | 'palette' | 'cmyk' | 'ycbcr';
/** How pixels are compressed. */
export type TiffCompression = 'none' | 'lzw' | 'deflate' | 'packbits' | 'jpeg';

const COLOURS: Readonly<Record<number, TiffColours>> = {
  0: 'white-is-zero',
  1: 'black-is-zero',
  2: 'rgb',
  3: 'palette',
  5: 'cmyk',
  6: 'ycbcr',
};
const REFUSED_COLOURS: Readonly<Record<number, string>> = {
  4: 'a transparency mask',
  8: 'CIE Lab colours',
  9: 'ICC Lab colours',
  10: 'ITU Lab colours',
  32803: 'a raw photo of a camera (CFA)',
  32844: 'LogL colours',
  32845: 'LogLuv colours',
  34892: 'a raw photo of a camera (LinearRaw)',
};
const COMPRESSIONS: Readonly<Record<number, TiffCompression>> = {
  1: 'none',
  5: 'lzw',
  7: 'jpeg',
  8: 'deflate',
  32946: 'deflate',
  32773: 'packbits',
};
const REFUSED_COMPRESSIONS: Readonly<Record<number, string>> = {
  2: 'CCITT fax',
  3: 'CCITT fax (group 3)',
  4: 'CCITT fax (group 4)',
  6: 'old-style JPEG',
  34661: 'JBIG',
  34712: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
  50002: 'JPEG XL',
};
const COLOUR_SAMPLES: Readonly<Record<TiffColours, number>> = {
  'white-is-zero': 1,
  'black-is-zero': 1,
  rgb: 3,
  palette: 1,
  cmyk: 4,
  ycbcr: 3,
};
/** One byte can become at most this many. */
const MAX_INFLATION: Readonly<Record<TiffCompression, number>> = {
  none: 1,
  packbits: 64,
  lzw: 4096,
  deflate: 1032,
  jpeg: 4096,
};
const MAX_SAMPLES = 16;
const FLOAT_BITS: readonly number[] = [16, 32, 64];
const PREDICTOR_BITS: readonly number[] = [8, 16, 32];
const ASSOCIATED_ALPHA = 1;
const UNASSOCIATED_ALPHA = 2;

/** A strip or a tile. */
export interface TiffSegment {
  /** Position in the picture, px. */
  readonly x: number;
  readonly y: number;
  /** Stored rows: fewer in the last strip. */
  readonly rows: number;
  /** First of a pixel's samples in this segment. */
  readonly sample: number;
  readonly offset: number;
  readonly byteCount: number;
}

/** How the pixels of a page are stored; every such layout can be decoded. */
export interface TiffLayout {
  readonly width: number;
  readonly height: number;
  readonly colours: TiffColours;
  readonly compression: TiffCompression;
  readonly bits: number;
  readonly isFloat: boolean;
  readonly samplesPerPixel: number;
  /** Number of a pixel's samples stored together: one if planes are stored separately. */
  readonly samplesTogether: number;
  /** Which sample is alpha. */
  readonly alphaSample?: number;
  /** Whether colours have been multiplied by alpha. */
  readonly isAssociated: boolean;
  /** Width of a strip or tile. */
  readonly segmentWidth: number;
  readonly segments: readonly TiffSegment[];
  /** 1 none, 2 differences, 3 differences of floating-point bytes. */
  readonly predictor: number;
  /** Whether the bits of a byte are stored from right to left. */
  readonly isBitReversed: boolean;
  /** All red values, then green, then blue, 16 bits each. */
  readonly colourMap: readonly number[];
  readonly subSampling: readonly [horizontal: number, vertical: number];
  readonly coefficients: readonly number[];
  readonly referenceBlackWhite: readonly number[];
  readonly jpegTables: Uint8Array;
  readonly orientation: readonly number[];
}

/**
 * Reads how the pixels of a page are stored.
 * @throws Error naming what is damaged or the unsupported way in which they are stored.
 * @see TIFF revision 6.0
 */
export function readTiffLayout({ file, fields }: TiffFile): TiffLayout {
  const first = (tag: number, otherwise: number): number => fields.get(tag)?.[0] ?? otherwise;
  const width = first(TAG.width, 0);
  const height = first(TAG.height, 0);
  const compression = named(first(TAG.compression, 1), COMPRESSIONS, REFUSED_COMPRESSIONS, 'compression');
  const colours = named(first(TAG.photometric, -1), COLOURS, REFUSED_COLOURS, 'photometric interpretation');
  const { bits, isFloat } = readSampleKind(fields, colours);
  const samplesPerPixel = first(TAG.samplesPerPixel, 1);
  const colourSamples = COLOUR_SAMPLES[colours];
  if (samplesPerPixel < colourSamples || samplesPerPixel > MAX_SAMPLES) {
    throw new Error(`${samplesPerPixel} samples per pixel are not supported`);
  }
  const planar = first(TAG.planarConfiguration, 1);
  if (planar !== 1 && planar !== 2) throw new Error('a field of the TIFF is damaged');
  const predictor = compression === 'lzw' || compression === 'deflate' ? first(TAG.predictor, 1) : 1;
  const isPredictable =
    predictor === 1 || (predictor === 2 && !isFloat && PREDICTOR_BITS.includes(bits)) || (predictor === 3 && isFloat);
  if (!isPredictable) throw new Error(`predictor ${predictor} with ${bits} bits per sample is not supported`);
  if (compression === 'jpeg' && (bits !== 8 || colours === 'cmyk' || colours === 'palette')) {
    throw new Error(
      `JPEG compression of ${colours === 'cmyk' ? 'CMYK' : `${bits}-bit ${colours}`} pixels is not supported`,
    );
  }
  const jpegSamples = planar === 2 ? 1 : samplesPerPixel;
  if (compression === 'jpeg' && jpegSamples !== 1 && jpegSamples !== 3) {
    throw new Error(`JPEG compression of ${jpegSamples} samples per pixel is not supported`);
  }
  if (colours === 'cmyk' && first(TAG.inkSet, 1) !== 1) throw new Error('inks other than CMYK are not supported');
  const subSampling = readSubSampling(fields, colours, compression, planar);
  const extra = (fields.get(TAG.extraSamples) ?? []).findIndex(
    (kind) => kind === ASSOCIATED_ALPHA || kind === UNASSOCIATED_ALPHA,
  );
  const alphaSample = colourSamples + extra;
  const hasAlpha = extra >= 0 && alphaSample < samplesPerPixel;
  const samplesTogether = planar === 2 ? 1 : samplesPerPixel;
  const layout = {
    width,
    height,
    colours,
    compression,
    bits,
    isFloat,
    samplesPerPixel,
    samplesTogether,
    ...(hasAlpha && { alphaSample }),
    isAssociated: hasAlpha && fields.get(TAG.extraSamples)?.[extra] === ASSOCIATED_ALPHA,
    predictor,
    isBitReversed: first(TAG.fillOrder, 1) === 2 && compression !== 'jpeg',
    colourMap: fields.get(TAG.colourMap) ?? [],
    subSampling,
    coefficients: fields.get(TAG.yCbCrCoefficients) ?? [0.299, 0.587, 0.114],
    referenceBlackWhite: fields.get(TAG.referenceBlackWhite) ?? [0, 255, 128, 255, 128, 255],
    jpegTables: Uint8Array.from(fields.get(TAG.jpegTables) ?? []),
    orientation: fields.get(TAG.orientation) ?? [],
  };
  if (colours === 'palette' && layout.colourMap.length < 3 * 2 ** bits) throw new Error('it has no palette');
  return { ...layout, ...readSegments(fields, layout, file.length) };
}

function named<T>(
  value: number,
  known: Readonly<Record<number, T>>,
  refused: Readonly<Record<number, string>>,
  what: string,
): T {
  const found = known[value];
  if (found !== undefined) return found;
  throw new Error(`${what} ${value}${refused[value] === undefined ? '' : `, ${refused[value]},`} is not supported`);
}

function readSampleKind(fields: TiffFields, colours: TiffColours): { bits: number; isFloat: boolean } {
  const count = fields.get(TAG.samplesPerPixel)?.[0] ?? 1;
  const allBits = (fields.get(TAG.bitsPerSample) ?? [1]).slice(0, count);
  const formats = (fields.get(TAG.sampleFormat) ?? [1]).slice(0, count);
  const [bits = 1] = allBits;
  const [format = 1] = formats;
  if (allBits.some((other) => other !== bits) || formats.some((other) => other !== format)) {
    throw new Error('samples of different kinds are not supported');
  }
  const isFloat = format === 3;
  // 4 is "undefined", which most programs read as unsigned.
  if (format === 2) throw new Error('signed samples are not supported');
  if (!isFloat && format !== 1 && format !== 4) throw new Error(`sample format ${format} is not supported`);
  const isDepth = isFloat ? FLOAT_BITS.includes(bits) : (bits >= 1 && bits <= 16) || bits === 24 || bits === 32;
  const isOfColours =
    (colours !== 'palette' || (!isFloat && bits <= 8)) && (colours !== 'ycbcr' || (!isFloat && bits === 8));
  if (!isDepth || !isOfColours) {
    throw new Error(`${bits}-bit ${isFloat ? 'floating-point ' : ''}samples of ${colours} are not supported`);
  }
  return { bits, isFloat };
}

function readSubSampling(
  fields: TiffFields,
  colours: TiffColours,
  compression: TiffCompression,
  planar: number,
): [number, number] {
  // The JPEG decoder undoes it if the three components are together.
  if (colours !== 'ycbcr' || (compression === 'jpeg' && planar === 1)) return [1, 1];
  const [horizontal = 2, vertical = 2] = fields.get(TAG.yCbCrSubSampling) ?? [];
  if (![horizontal, vertical].every((factor) => factor === 1 || factor === 2 || factor === 4)) {
    throw new Error('a field of the TIFF is damaged');
  }
  if (planar === 2 && (horizontal > 1 || vertical > 1))
    throw new Error('YCbCr in planes of different sizes is not supported');
  if ((fields.get(TAG.samplesPerPixel)?.[0] ?? 1) !== 3) throw new Error('YCbCr with alpha is not supported');
  if ((fields.get(TAG.predictor)?.[0] ?? 1) !== 1 && horizontal * vertical > 1) {
    throw new Error('YCbCr with a predictor is not supported');
  }
  return [horizontal, vertical];
}

type Unsegmented = Omit<TiffLayout, 'segments' | 'segmentWidth'>;

function readSegments(
  fields: TiffFields,
  layout: Unsegmented,
  fileBytes: number,
): { segments: TiffSegment[]; segmentWidth: number } {
  const isTiled = fields.has(TAG.tileWidth);
  const { width, height } = layout;
  const segmentWidth = isTiled ? (fields.get(TAG.tileWidth)?.[0] ?? 0) : width;
  const statedRows = isTiled ? fields.get(TAG.tileHeight)?.[0] : (fields.get(TAG.rowsPerStrip)?.[0] ?? height);
  const segmentRows = isTiled ? (statedRows ?? 0) : Math.min(statedRows ?? 0, height);
  if (segmentWidth < 1 || segmentRows < 1) throw new Error('a field of the TIFF is damaged');
  const offsets = fields.get(isTiled ? TAG.tileOffsets : TAG.stripOffsets);
  if (offsets === undefined) throw new Error('the TIFF does not state where its pixels are');
  const across = Math.ceil(width / segmentWidth);
  const planes = layout.samplesPerPixel / layout.samplesTogether;
  const count = across * Math.ceil(height / segmentRows) * planes;
  if (offsets.length < count) throw new Error('the TIFF does not state where all its pixels are');
  const counts = fields.get(isTiled ? TAG.tileByteCounts : TAG.stripByteCounts);
  const segments: TiffSegment[] = [];
  let allBytes = 0;
  for (let i = 0; i < count; i++) {
    const inPlane = i % (count / planes);
    const y = Math.floor(inPlane / across) * segmentRows;
    const rows = isTiled ? segmentRows : Math.min(segmentRows, height - y);
    const neededBytes = segmentBytes(layout, segmentWidth, rows);
    const stated = counts?.[i] ?? 0;
    // Old writers omit the count if it follows from the size.
    const byteCount = layout.compression === 'none' && stated < neededBytes ? neededBytes : stated;
    if (!(offsets[i] + byteCount <= fileBytes) || neededBytes > byteCount * MAX_INFLATION[layout.compression]) {
      throw new Error('the file is truncated');
    }
    allBytes += byteCount;
    segments.push({
      x: (inPlane % across) * segmentWidth,
      y,
      rows,
      sample: Math.floor(i / (count / planes)),
      offset: offsets[i],
      byteCount,
    });
  }
  // Equal tiles may share their data, but not so much that a small file takes for ever.
  if (allBytes > 4 * fileBytes) throw new Error('its strips or tiles overlap');
  return { segments, segmentWidth };
}

/** Bytes of a strip or tile before compression. */
export function segmentBytes(
  {
    bits,
    samplesTogether,
    subSampling: [horizontal, vertical],
  }: Pick<TiffLayout, 'bits' | 'samplesTogether' | 'subSampling'>,
  width: number,
  rows: number,
): number {
  if (horizontal * vertical > 1) {
    return Math.ceil(width / horizontal) * Math.ceil(rows / vertical) * (horizontal * vertical + 2);
  }
  return Math.ceil((width * samplesTogether * bits) / 8) * rows;
}
