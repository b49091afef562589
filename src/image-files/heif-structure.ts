import { ByteReader } from './byte-reader.ts';

/** What the boxes of an AVIF or HEIC file say of its picture. */
export interface HeifStructure {
  /** As it is stored, before it is turned. */
  readonly width: number;
  readonly height: number;
  /** From `irot` and `imir`, as in EXIF, 1..8. */
  readonly orientation: number;
}

interface Box {
  readonly name: string;
  readonly content: Uint8Array;
}

const MAX_BOXES = 65_536;

/** EXIF orientations by quarter turns against the clock, without mirroring, and mirrored after that, left-right and top-bottom. */
const TURNED = [1, 8, 3, 6] as const;
const TURNED_THEN_LEFT_RIGHT = [2, 7, 4, 5] as const;
const TURNED_THEN_TOP_BOTTOM = [4, 5, 2, 7] as const;

/**
 * Reads the properties of a file's primary picture.
 * @throws Error where they are cut off, damaged or missing, or crop the picture.
 * @see ISO/IEC 23008-12, sections 6.5 and 9
 */
export function readHeifStructure(bytes: Uint8Array): HeifStructure {
  const meta = required(readBoxes(bytes), 'meta');
  const boxes = readBoxes(meta.subarray(4));
  const primary = readPrimaryItem(required(boxes, 'pitm'));
  const properties = readBoxes(required(boxes, 'iprp'));
  const all = readBoxes(required(properties, 'ipco'));
  const indices = properties
    .filter(({ name }) => name === 'ipma')
    .flatMap(({ content }) => readAssociations(content, primary));
  const own = indices.flatMap((index) => all[index - 1] ?? []);
  const extents = new ByteReader(required(own, 'ispe'), 'big-endian');
  if (own.some(({ name }) => name === 'clap')) throw new Error('a cropped picture (clap) is not supported');
  const turns = own.find(({ name }) => name === 'irot')?.content[0] ?? 0;
  const mirror = own.find(({ name }) => name === 'imir')?.content[0];
  return { width: extents.uint32(4), height: extents.uint32(8), orientation: orientationOf(turns & 3, mirror) };
}

function orientationOf(turns: number, mirror: number | undefined): number {
  if (mirror === undefined) return TURNED[turns] ?? 1;
  // Axis 0 is upright, about which left and right change places, in AVIF; programs agree on it since 2022.
  const mirrored = (mirror & 1) === 0 ? TURNED_THEN_TOP_BOTTOM : TURNED_THEN_LEFT_RIGHT;
  return mirrored[turns] ?? 1;
}

function readBoxes(bytes: Uint8Array): Box[] {
  const file = new ByteReader(bytes, 'big-endian');
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const stated = file.uint32(at);
    const headerBytes = stated === 1 ? 16 : 8;
    const size = stated === 1 ? file.uint64(at + 8) : stated === 0 ? bytes.length - at : stated;
    if (size < headerBytes || boxes.length >= MAX_BOXES) throw new Error('its boxes are damaged');
    // What follows the boxes that count may be cut off or be something else.
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

/** Numbers of an item's properties, from 1. */
function readAssociations(content: Uint8Array, item: number): number[] {
  const reader = new ByteReader(content, 'big-endian');
  const isLong = reader.uint8(0) > 0;
  const isWide = (reader.uint8(3) & 1) === 1;
  const count = reader.uint32(4);
  let at = 8;
  const found: number[] = [];
  for (let entry = 0; entry < count; entry++) {
    const id = isLong ? reader.uint32(at) : reader.uint16(at);
    at += isLong ? 4 : 2;
    const associations = reader.uint8(at++);
    for (let i = 0; i < associations; i++) {
      const index = isWide ? reader.uint16(at) & 0x7fff : reader.uint8(at) & 0x7f;
      at += isWide ? 2 : 1;
      if (id === item) found.push(index);
    }
  }
  return found;
}
