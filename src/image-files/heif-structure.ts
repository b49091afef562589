import { ByteReader } from './byte-reader.ts';

/** The picture of an AVIF or HEIC file, as described by its boxes. */
export interface HeifStructure {
  /** As stored, before rotation. */
  readonly width: number;
  readonly height: number;
  /** From `irot` and `imir`, as in EXIF, 1..8. */
  readonly orientation: number;
}

/** A separately coded picture: the whole one, a tile, the alpha, a thumbnail. */
export interface HeifItem {
  /** From its own properties. */
  readonly width: number;
  readonly height: number;
  /** Its coded data, all pieces joined. */
  readonly data: Uint8Array;
  /** Content of its `hvcC` box, if it is coded as HEVC. */
  readonly hevcConfiguration?: Uint8Array;
}

interface Box {
  readonly name: string;
  readonly content: Uint8Array;
}

const MAX_BOXES = 65_536;
/** Items may share their pieces; this bounds the cost of copying them. */
const MAX_SHARING = 4;

/** Kinds of items that are not pictures by themselves, and are not decoded. */
const REFUSED_ITEMS: Readonly<Record<string, string>> = {
  iovl: 'an overlay of pictures (iovl)',
  iden: 'a picture derived from another (iden)',
  tmap: 'a gain map (tmap)',
};

/** EXIF orientations by quarter turns against the clock, without mirroring, and mirrored after that, left-right and top-bottom. */
const TURNED = [1, 8, 3, 6] as const;
const TURNED_THEN_LEFT_RIGHT = [2, 7, 4, 5] as const;
const TURNED_THEN_TOP_BOTTOM = [4, 5, 2, 7] as const;

/**
 * Reads the properties of a file's primary picture.
 * @param type - required coding of it or its tiles, such as `av01`.
 * @throws Error if they are truncated, damaged or missing, or crop the picture, or if it is coded differently.
 * @see ISO/IEC 23008-12, sections 6.5 and 9
 */
export function readHeifStructure(bytes: Uint8Array, type: string): HeifStructure {
  const boxes = readMeta(bytes);
  const primary = readPrimaryItem(required(boxes, 'pitm'));
  const primaryType = readItemTypes(required(boxes, 'iinf')).get(primary) ?? 'none';
  if (primaryType !== type && primaryType !== 'grid') {
    throw new Error(
      `${REFUSED_ITEMS[primaryType] ?? `a picture coded as ${JSON.stringify(primaryType)}`} is not supported`,
    );
  }
  const own = readProperties(boxes)(primary);
  if (own.some(({ name }) => name === 'clap')) throw new Error('a cropped picture (clap) is not supported');
  return { ...readSize(own), orientation: readOrientation(own) };
}

/**
 * The pictures in a file with a given coding.
 * @param type - such as `av01`.
 * @throws Error if the boxes that describe them are truncated, damaged or missing.
 * @see ISO/IEC 14496-12, section 8.11
 */
export function readHeifItems(bytes: Uint8Array, type: string): HeifItem[] {
  const boxes = readMeta(bytes);
  const propertiesOf = readProperties(boxes);
  const types = readItemTypes(required(boxes, 'iinf'));
  const stored = boxes.find(({ name }) => name === 'idat')?.content ?? new Uint8Array(0);
  const locations = readLocations(required(boxes, 'iloc'));
  if (new Set(locations.map(({ id }) => id)).size < locations.length) throw new Error('its boxes are damaged');
  let budget = MAX_SHARING * bytes.length;
  return locations
    .filter(({ id }) => types.get(id) === type)
    .map(({ id, isInBox, pieces }) => {
      const place = new ByteReader(isInBox ? stored : bytes, 'big-endian');
      const found = pieces.map(({ offset, length }) =>
        place.slice(offset, length === 0 ? place.length - offset : length),
      );
      budget -= found.reduce((sum, piece) => sum + piece.length, 0);
      if (budget < 0) throw new Error('its boxes are damaged');
      const properties = propertiesOf(id);
      const hevcConfiguration = properties.find(({ name }) => name === 'hvcC')?.content;
      return {
        ...readSize(properties),
        data: found.length === 1 ? found[0] : Buffer.concat(found),
        ...(hevcConfiguration !== undefined && { hevcConfiguration }),
      };
    });
}

function readMeta(bytes: Uint8Array): Box[] {
  return readBoxes(required(readBoxes(bytes), 'meta').subarray(4));
}

/** @returns the properties of an item, in order of application. */
function readProperties(boxes: readonly Box[]): (item: number) => Box[] {
  const properties = readBoxes(required(boxes, 'iprp'));
  const all = readBoxes(required(properties, 'ipco'));
  const associations = new Map<number, number[]>();
  for (const { name, content } of properties) if (name === 'ipma') addAssociations(content, associations);
  return (item) => (associations.get(item) ?? []).flatMap((index) => all[index - 1] ?? []);
}

function readSize(properties: readonly Box[]): { width: number; height: number } {
  const extents = new ByteReader(required(properties, 'ispe'), 'big-endian');
  return { width: extents.uint32(4), height: extents.uint32(8) };
}

function readOrientation(properties: readonly Box[]): number {
  const turning = properties.findIndex(({ name }) => name === 'irot');
  const mirroring = properties.findIndex(({ name }) => name === 'imir');
  const turns = (properties[turning]?.content[0] ?? 0) & 3;
  const mirror = properties[mirroring]?.content[0];
  if (mirror === undefined) return TURNED[turns] ?? 1;
  // Axis 0 is vertical, swapping left and right, in AVIF; programs have agreed on this since 2022.
  const isTopBottom = (mirror & 1) === 0;
  // Mirroring before a quarter turn equals mirroring about the other axis after it.
  const isSwapped = mirroring < turning && turns % 2 === 1;
  const mirrored = isTopBottom !== isSwapped ? TURNED_THEN_TOP_BOTTOM : TURNED_THEN_LEFT_RIGHT;
  return mirrored[turns] ?? 1;
}

/** Coding of items by item number. */
function readItemTypes(content: Uint8Array): Map<number, string> {
  const isWide = new ByteReader(content, 'big-endian').uint8(0) > 0;
  const types = new Map<number, string>();
  for (const box of readBoxes(content.subarray(isWide ? 8 : 6))) {
    const entry = new ByteReader(box.content, 'big-endian');
    const version = box.name === 'infe' ? entry.uint8(0) : 0;
    if (version < 2) continue;
    const isLong = version > 2;
    const id = isLong ? entry.uint32(4) : entry.uint16(4);
    // Decoders use one of the two.
    if (types.has(id)) throw new Error('its boxes are damaged');
    types.set(id, entry.tag(isLong ? 10 : 8));
  }
  return types;
}

interface Location {
  readonly id: number;
  /** Whether it is in the box for small items; otherwise it is in the file. */
  readonly isInBox: boolean;
  readonly pieces: readonly Piece[];
}

interface Piece {
  readonly offset: number;
  /** 0: up to the end. */
  readonly length: number;
}

/** Locations of items. */
function readLocations(content: Uint8Array): Location[] {
  const file = new ByteReader(content, 'big-endian');
  const version = file.uint8(0);
  const [offsetBytes, lengthBytes] = [file.uint8(4) >> 4, file.uint8(4) & 15];
  const [baseBytes, indexBytes] = [file.uint8(5) >> 4, version > 0 ? file.uint8(5) & 15 : 0];
  let at = 6;
  const next = (size: number): number => {
    at += size;
    if (size === 0) return 0;
    if (size === 2) return file.uint16(at - 2);
    if (size === 4) return file.uint32(at - 4);
    if (size === 8) return file.uint64(at - 8);
    throw new Error('its boxes are damaged');
  };
  const count = next(version < 2 ? 2 : 4);
  const locations: Location[] = [];
  for (let i = 0; i < count; i++) {
    const id = next(version < 2 ? 2 : 4);
    const isInBox = version > 0 && (next(2) & 15) === 1;
    next(2); // where references to other files would begin
    const base = next(baseBytes);
    const extents = next(2);
    if (extents > 1 && indexBytes + offsetBytes + lengthBytes === 0) throw new Error('its boxes are damaged');
    const pieces: Piece[] = [];
    for (let extent = 0; extent < extents; extent++) {
      next(indexBytes);
      pieces.push({ offset: base + next(offsetBytes), length: next(lengthBytes) });
    }
    locations.push({ id, isInBox, pieces });
  }
  return locations;
}

function readBoxes(bytes: Uint8Array): Box[] {
  const file = new ByteReader(bytes, 'big-endian');
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const stated = file.uint32(at);
    const headerBytes = stated === 1 ? 16 : 8;
    const size = stated === 1 ? file.uint64(at + 8) : stated === 0 ? bytes.length - at : stated;
    if (size < headerBytes || boxes.length >= MAX_BOXES) throw new Error('its boxes are damaged');
    // Anything after the required boxes may be truncated or something else.
    if (at + size > bytes.length && boxes.some(({ name }) => name === 'meta')) break;
    boxes.push({ name: file.tag(at + 4), content: file.slice(at + headerBytes, size - headerBytes) });
    at += size;
  }
  return boxes;
}

function required(boxes: readonly Box[], name: string): Uint8Array {
  const box = boxes.find((candidate) => candidate.name === name);
  if (box === undefined) throw new Error(`its ${name} box is missing`);
  return box.content;
}

function readPrimaryItem(content: Uint8Array): number {
  const reader = new ByteReader(content, 'big-endian');
  return reader.uint8(0) === 0 ? reader.uint16(4) : reader.uint32(4);
}

/** Adds the numbers of each item's properties, from 1. */
function addAssociations(content: Uint8Array, byItem: Map<number, number[]>): void {
  const reader = new ByteReader(content, 'big-endian');
  const isLong = reader.uint8(0) > 0;
  const isWide = (reader.uint8(3) & 1) === 1;
  const count = reader.uint32(4);
  let at = 8;
  for (let entry = 0; entry < count; entry++) {
    const id = isLong ? reader.uint32(at) : reader.uint16(at);
    at += isLong ? 4 : 2;
    const found = byItem.get(id) ?? [];
    byItem.set(id, found);
    const associations = reader.uint8(at++);
    for (let i = 0; i < associations; i++) {
      found.push(isWide ? reader.uint16(at) & 0x7fff : reader.uint8(at) & 0x7f);
      at += isWide ? 2 : 1;
    }
  }
}
