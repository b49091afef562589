import { ByteReader } from './byte-reader.ts';
import { isExif, readExifOrientation } from './exif-orientation.ts';

/** What the markers of a JPEG file reveal without decoding it. */
export interface JpegStructure {
  readonly width: number;
  readonly height: number;
  /** Colour components of the frame: 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK. */
  readonly componentCount: number;
  /** Colour transform in Adobe's marker: 0 none, 1 YCbCr, 2 YCCK; absent if there is no such marker. */
  readonly adobeTransform?: number;
  /** From EXIF, 1..8. */
  readonly orientation: number;
  /** Bytes up to and including the end-of-image marker. */
  readonly length: number;
}

const START_OF_IMAGE = 0xd8;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
const APP1 = 0xe1;
const APP14 = 0xee;

/** Unsupported codings by the second byte of the frame's marker. */
const REFUSED_CODINGS: Readonly<Record<number, string>> = {
  195: 'lossless JPEG',
  197: 'hierarchical JPEG',
  198: 'hierarchical JPEG',
  199: 'hierarchical lossless JPEG',
  201: 'arithmetic-coded JPEG',
  202: 'arithmetic-coded JPEG',
  203: 'arithmetic-coded lossless JPEG',
  205: 'arithmetic-coded hierarchical JPEG',
  206: 'arithmetic-coded hierarchical JPEG',
  207: 'arithmetic-coded hierarchical lossless JPEG',
};
const COMPONENT_COUNTS: readonly number[] = [1, 3, 4];

/**
 * A block of 8x8 takes at least one bit; with colours sampled as coarsely as allowed, a byte yields this many pixels.
 */
const MAX_PIXELS_PER_BYTE = 8 * 64;
/** Progressive photos have 10 scans; optimisers produce at most about 40. */
const MAX_SCANS = 100;
/** Pixels times scans: the cost of decoding. */
const MAX_SCANNED_PIXELS = 4e9;

/**
 * Walks the markers of a JPEG file. Decoders fill the missing part of a truncated file with grey and report success, so
 * this is how a partial download is distinguished from a picture; and they decode any number of scans, which may take
 * for ever.
 * @param bytes - the file, with any content.
 * @throws Error if it is truncated, damaged or coded in an unsupported way.
 * @see ITU-T T.81 annex B
 */
export function readJpegStructure(bytes: Uint8Array): JpegStructure {
  const file = new ByteReader(bytes, 'big-endian');
  let frame: Pick<JpegStructure, 'width' | 'height' | 'componentCount'> | undefined;
  let orientation: number | undefined;
  let adobeTransform: number | undefined;
  let scanCount = 0;
  let position = 2; // after start-of-image
  for (;;) {
    // Between segments and inside entropy-coded data alike, the next marker is 0xff and a byte that is neither a
    // stuffed zero, a fill byte nor a restart marker.
    position = bytes.indexOf(0xff, position);
    if (position < 0 || position + 1 >= bytes.length) throw new Error('the file is truncated');
    const marker = bytes[position + 1];
    if (marker === 0xff) {
      position += 1;
      continue;
    }
    position += 2;
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    if (marker === START_OF_IMAGE) throw new Error('the JPEG data is damaged');
    if (marker === END_OF_IMAGE) break;
    const segmentBytes = file.uint16(position);
    if (segmentBytes < 2) throw new Error('the JPEG data is damaged');
    const segment = file.slice(position + 2, segmentBytes - 2);
    const refused = REFUSED_CODINGS[marker];
    if (refused !== undefined) throw new Error(`${refused} is not supported`);
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (frame !== undefined) throw new Error('it has two frames');
      frame = readFrame(segment);
    } else if (marker === START_OF_SCAN) scanCount++;
    else if (marker === APP1 && isExif(segment)) orientation ??= readExifOrientation(segment);
    else if (marker === APP14 && String.fromCharCode(...segment.subarray(0, 5)) === 'Adobe')
      adobeTransform = segment[11];
    // The entropy-coded data behind a scan header has no length: the search above steps through it.
    position += segmentBytes;
  }
  if (frame === undefined || scanCount === 0) throw new Error('there is no picture in this JPEG');
  const pixelCount = frame.width * frame.height;
  if (pixelCount > position * MAX_PIXELS_PER_BYTE) throw new Error('the file is truncated');
  if (scanCount > MAX_SCANS || pixelCount * scanCount > MAX_SCANNED_PIXELS) {
    throw new Error(`it has ${scanCount} scans, more than any photo needs`);
  }
  return {
    ...frame,
    ...(adobeTransform !== undefined && { adobeTransform }),
    orientation: orientation ?? 1,
    length: position,
  };
}

function readFrame(segment: Uint8Array): Pick<JpegStructure, 'width' | 'height' | 'componentCount'> {
  const reader = new ByteReader(segment, 'big-endian');
  const precision = reader.uint8(0);
  const height = reader.uint16(1);
  const width = reader.uint16(3);
  const componentCount = reader.uint8(5);
  if (precision !== 8) throw new Error(`JPEG of ${precision} bits is not supported`);
  if (height === 0) throw new Error('JPEG without a height in its header is not supported');
  if (!COMPONENT_COUNTS.includes(componentCount)) throw new Error(`JPEG of ${componentCount} colours is not supported`);
  return { width, height, componentCount };
}
