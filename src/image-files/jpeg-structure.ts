/** What the markers of a JPEG file tell without decoding it. */
export interface JpegStructure {
  /** Colour components of the frame: 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK; 0 when no frame header was found. */
  readonly componentCount: number;
  /** Whether the end-of-image marker is there; a file cut short lacks it. */
  readonly isComplete: boolean;
}

const END_OF_IMAGE = 0xd9;

/**
 * Walks the markers of a JPEG file. Decoders fill what a truncated file lacks with grey and call it a success, so this
 * is how a cut download is told from a picture.
 * @param bytes - the file; anything may be in it.
 * @see ITU-T T.81 annex B
 */
export function readJpegStructure(bytes: Uint8Array): JpegStructure {
  let componentCount = 0;
  let position = 2; // after start-of-image
  while (position < bytes.length) {
    // Between segments and inside entropy-coded data alike, the next marker is 0xff and a byte that is neither a
    // stuffed zero, a fill byte nor a restart marker.
    position = bytes.indexOf(0xff, position);
    if (position < 0) break;
    const marker = bytes[position + 1] ?? 0;
    if (marker === 0xff) {
      position += 1;
      continue;
    }
    position += 2;
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker === END_OF_IMAGE) return { componentCount, isComplete: true };
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) componentCount = bytes[position + 7] ?? 0;
    const segmentBytes = ((bytes[position] ?? 0) << 8) | (bytes[position + 1] ?? 0);
    // The entropy-coded data behind a scan header has no length: the search above steps through it.
    position += Math.max(segmentBytes, 2);
  }
  return { componentCount, isComplete: false };
}
