import { ByteReader } from '../byte-reader.ts';

/** Bytes per value by field type; other types are ignored. */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  12: 8,
  13: 4,
  16: 8,
  18: 8,
};
const RATIONAL = 5;

/** Values of a page's fields by their tags. Text and bytes are numbers; a rational is its quotient. */
export type TiffFields = ReadonlyMap<number, readonly number[]>;

/** A TIFF with the fields of one page read. */
export interface TiffFile {
  readonly file: ByteReader;
  readonly byteOrder: 'little-endian' | 'big-endian';
  readonly fields: TiffFields;
}

const NEW_SUBFILE_TYPE = 254;
const SUBFILE_TYPE = 255;
const SUB_PAGES = 330;
const DNG_VERSION = 50706;
/** Bits of the field NewSubfileType: a page of lower resolution than another one, and a mask. */
const REDUCED = 1;
const MASK = 4;
const OLD_REDUCED = 2;
/** Cameras write a thumbnail and a preview or two. */
const MAX_THUMBNAILS = 64;
const MAX_SHARING = 4;

/**
 * Reads the fields of the first page of a TIFF or BigTIFF, or those of EXIF, which is a TIFF. All values are in the
 * file, so there are no more of them than it has bytes.
 * @throws Error if it is not a TIFF or is damaged.
 * @see TIFF revision 6.0, section 2
 */
export function readTiffFields(bytes: Uint8Array): TiffFile {
  const tiff = openTiff(bytes);
  return readPage(tiff, tiff.firstPage);
}

/**
 * Reads the fields of the page with the picture: the first page or, if that is marked as a thumbnail, the first
 * unmarked one among its sub-pages and the pages after it. So the thumbnail in a camera raw file is not mistaken for
 * the photo.
 * @throws Error if it is not a TIFF, is damaged, or is a DNG.
 */
export function readTiffPicture(bytes: Uint8Array): TiffFile {
  const tiff = openTiff(bytes);
  const first = readPage(tiff, tiff.firstPage);
  if (first.fields.has(DNG_VERSION)) throw new Error('a raw photo of a camera (DNG) is not supported');
  const seen = new Set<number>();
  const waiting = [first];
  for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
    if (isPicture(page.fields)) return page;
    for (const at of [...(page.fields.get(SUB_PAGES) ?? []), page.nextPage]) {
      if (at === 0 || seen.has(at)) continue;
      seen.add(at);
      if (seen.size > MAX_THUMBNAILS) throw new Error(`its first ${MAX_THUMBNAILS} pages are thumbnails`);
      waiting.push(readPage(tiff, at));
    }
  }
  // Nothing but thumbnails: the first is what other programs show.
  return first;
}

function isPicture(fields: TiffFields): boolean {
  const isMarked = ((fields.get(NEW_SUBFILE_TYPE)?.[0] ?? 0) & (REDUCED | MASK)) !== 0;
  return !isMarked && fields.get(SUBFILE_TYPE)?.[0] !== OLD_REDUCED;
}

interface OpenTiff extends Omit<TiffFile, 'fields'> {
  readonly isBig: boolean;
  readonly firstPage: number;
  /** Bytes of values that may still be read: fields may share them, and this bounds the cost of reading. */
  budget: number;
}

function openTiff(bytes: Uint8Array): OpenTiff {
  const byteOrder = bytes[0] === 0x49 ? 'little-endian' : 'big-endian';
  const file = new ByteReader(bytes, byteOrder);
  const version = file.uint16(2);
  const isBig = version === 43;
  if (version !== 42 && !isBig) throw new Error('this is not a TIFF');
  const firstPage = isBig ? file.uint64(8) : file.uint32(4);
  return { file, byteOrder, isBig, firstPage, budget: MAX_SHARING * bytes.length };
}

/** @param page - offset of the page, bytes. @returns its fields, and the offset of the next one: 0 after the last. */
function readPage(tiff: OpenTiff, page: number): TiffFile & { readonly nextPage: number } {
  const { file, byteOrder, isBig } = tiff;
  const entryCount = isBig ? file.uint64(page) : file.uint16(page);
  const entryBytes = isBig ? 20 : 12;
  const inlineBytes = isBig ? 8 : 4;
  const start = page + (isBig ? 8 : 2);
  file.slice(start, entryCount * entryBytes);
  const fields = new Map<number, readonly number[]>();
  for (let entry = start; entry < start + entryCount * entryBytes; entry += entryBytes) {
    const tag = file.uint16(entry);
    const type = file.uint16(entry + 2);
    const size = TYPE_BYTES[type];
    // Fields that describe or annotate a picture may be anywhere, or be truncated.
    if (size === undefined || !isNeeded(tag)) continue;
    if (fields.has(tag)) throw new Error('its header has a duplicate field');
    const count = isBig ? file.uint64(entry + 4) : file.uint32(entry + 4);
    const inline = entry + entryBytes - inlineBytes;
    const at = count * size <= inlineBytes ? inline : isBig ? file.uint64(inline) : file.uint32(inline);
    file.slice(at, count * size);
    tiff.budget -= count * size;
    if (tiff.budget < 0) throw new Error('a field of the TIFF is damaged');
    fields.set(
      tag,
      Array.from({ length: count }, (_, i) => readValue(file, type, at + i * size)),
    );
  }
  const end = start + entryCount * entryBytes;
  // Some writers end the file here, and EXIF has no other page.
  const isLast = end + inlineBytes > file.length;
  return { file, byteOrder, fields, nextPage: isLast ? 0 : isBig ? file.uint64(end) : file.uint32(end) };
}

/** Tags that determine how pixels are stored; those about cameras, places and programs are irrelevant here. */
function isNeeded(tag: number): boolean {
  return (tag >= 254 && tag <= 347) || (tag >= 529 && tag <= 532) || tag === DNG_VERSION;
}

function readValue(file: ByteReader, type: number, at: number): number {
  if (type === RATIONAL) return file.uint32(at) / file.uint32(at + 4);
  const size = TYPE_BYTES[type];
  if (size === 1) return file.uint8(at);
  if (size === 2) return file.uint16(at);
  return size === 4 ? file.uint32(at) : file.uint64(at);
}
