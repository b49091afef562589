/** Bytes of a value by the type of a TIFF field. */
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4 };

/** Fields that say how the pixels of a page are stored; all others are left out. */
const TAG = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  predictor: 317,
  colourMap: 320,
  tileWidth: 322,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

const KEPT_TAGS: ReadonlySet<number> = new Set(Object.values(TAG));
/** None, LZW, deflate (two numbers), PackBits. */
const COMPRESSIONS: ReadonlySet<number> = new Set([1, 5, 8, 32946, 32773]);
const MAX_BITS_PER_PIXEL = 4 * 64;
const ENTRY_BYTES = 12;

/**
 * The same TIFF with nothing but the pixels of its first page. The decoder believes what a file claims: it allocates every
 * page, follows lists of any length and prints what it does not understand. What is left here has been checked.
 * @throws Error when the page is damaged, or stored in a way that is not supported: tiles, planes, other compressions.
 * @see TIFF revision 6.0, sections 2 and 8
 */
export function firstTiffPage(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const littleEndian = copy[0] === 0x49;
  const page = copy.length < 8 ? copy.length : view.getUint32(4, littleEndian);
  const entryCount = page + 2 > copy.length ? 0 : view.getUint16(page, littleEndian);
  const end = page + 2 + entryCount * ENTRY_BYTES;
  if (entryCount === 0 || end + 4 > copy.length) throw new Error('the file is truncated');

  const values = new Map<number, number[]>();
  let kept = 0;
  for (let entry = page + 2; entry < end; entry += ENTRY_BYTES) {
    const tag = view.getUint16(entry, littleEndian);
    if (!KEPT_TAGS.has(tag)) continue;
    values.set(tag, fieldValues(view, entry, littleEndian));
    copy.copyWithin(page + 2 + kept * ENTRY_BYTES, entry, entry + ENTRY_BYTES);
    kept++;
  }
  checkLayout(values, copy.length);
  view.setUint16(page, kept, littleEndian);
  view.setUint32(page + 2 + kept * ENTRY_BYTES, 0, littleEndian);
  return copy;
}

function fieldValues(view: DataView, entry: number, littleEndian: boolean): number[] {
  const type = view.getUint16(entry + 2, littleEndian);
  const count = view.getUint32(entry + 4, littleEndian);
  const size = TYPE_BYTES[type];
  if (size === undefined || count === 0) throw new Error('a field of the TIFF is damaged');
  const start = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, littleEndian);
  if (start + count * size > view.byteLength) throw new Error('the file is truncated');
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    if (size === 1) return view.getUint8(at);
    return size === 2 ? view.getUint16(at, littleEndian) : view.getUint32(at, littleEndian);
  });
}

function checkLayout(values: ReadonlyMap<number, readonly number[]>, fileBytes: number): void {
  const first = (tag: number, otherwise: number): number => values.get(tag)?.[0] ?? otherwise;
  if (values.has(TAG.tileWidth)) throw new Error('TIFF pictures in tiles are not supported');
  if (first(TAG.planarConfiguration, 1) !== 1) throw new Error('TIFF pictures in planes are not supported');
  const compression = first(TAG.compression, 1);
  if (!COMPRESSIONS.has(compression)) throw new Error(`TIFF compression ${compression} is not supported`);
  const bitsPerSample = values.get(TAG.bitsPerSample) ?? [1];
  const bitsPerPixel = Math.max(...bitsPerSample.slice(0, 8)) * first(TAG.samplesPerPixel, 1);
  if (bitsPerPixel < 1 || bitsPerPixel > MAX_BITS_PER_PIXEL) throw new Error('a field of the TIFF is damaged');
  const offsets = values.get(TAG.stripOffsets);
  const counts = values.get(TAG.stripByteCounts);
  if (offsets === undefined || counts === undefined || offsets.length !== counts.length) {
    throw new Error('the TIFF does not say where its pixels are');
  }
  if (offsets.length > first(TAG.height, 0) || first(TAG.rowsPerStrip, 1) < 1) {
    throw new Error('a field of the TIFF is damaged');
  }
  if (offsets.some((offset, strip) => offset + counts[strip] > fileBytes)) {
    throw new Error('the file is truncated');
  }
}
