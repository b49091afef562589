import { BitReader } from './bit-reader.ts';
import { ByteReader } from './byte-reader.ts';

const PARAMETER_SET = 33;
const HEADER_BYTES = 2;
const FULL_CHROMA = 3;
/** Of the profile, and of the level that follows it. */
const PROFILE_BITS = 88;
const LEVEL_BITS = 8;

/** Size of the pictures in HEVC data, px. */
export interface HevcSize {
  /** As decoded: whole blocks. */
  readonly codedWidth: number;
  readonly codedHeight: number;
  /** As displayed. */
  readonly width: number;
  readonly height: number;
}

/**
 * The sizes stated in HEVC data: in its configuration, and anywhere among its pictures.
 * @param configuration - content of a `hvcC` box.
 * @param data - units, each preceded by its length.
 * @throws Error if something is truncated or damaged.
 * @see ISO/IEC 14496-15, section 8.3; ITU-T H.265, section 7.3
 */
export function readHevcSizes(configuration: Uint8Array, data: Uint8Array): HevcSize[] {
  const box = new ByteReader(configuration, 'big-endian');
  const units: Uint8Array[] = [];
  let at = 23;
  for (let array = box.uint8(22); array > 0; array--) {
    const count = box.uint16(at + 1);
    at += 3;
    for (let i = 0; i < count; i++) {
      const length = box.uint16(at);
      units.push(box.slice(at + 2, length));
      at += 2 + length;
    }
  }
  const lengthBytes = (box.uint8(21) & 3) + 1;
  const file = new ByteReader(data, 'big-endian');
  for (let start = 0; start + lengthBytes <= data.length; ) {
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + data[start + i];
    units.push(file.slice(start + lengthBytes, length));
    start += lengthBytes + length;
  }
  return units.filter(isParameterSet).map(readParameterSet);
}

/** Only in the base layer: decoders ignore the others. */
function isParameterSet(unit: Uint8Array): boolean {
  if (unit.length <= HEADER_BYTES) return false;
  const layer = ((unit[0] & 1) << 5) | (unit[1] >> 3);
  return ((unit[0] >> 1) & 63) === PARAMETER_SET && layer === 0;
}

function readParameterSet(unit: Uint8Array): HevcSize {
  const bits = new BitReader(withoutEscapes(unit.subarray(HEADER_BYTES)));
  bits.read(4);
  const subLayers = bits.read(3);
  bits.read(1);
  bits.read(PROFILE_BITS + LEVEL_BITS);
  const present = Array.from({ length: subLayers }, () => bits.read(1) * PROFILE_BITS + bits.read(1) * LEVEL_BITS);
  if (subLayers > 0) bits.read(2 * (8 - subLayers));
  for (const count of present) bits.read(count);
  bits.readGolomb();
  const chroma = bits.readGolomb();
  if (chroma === FULL_CHROMA) bits.read(1);
  const codedWidth = bits.readGolomb();
  const codedHeight = bits.readGolomb();
  const [left, right, top, bottom] = bits.read(1) === 1 ? [0, 1, 2, 3].map(() => bits.readGolomb()) : [0, 0, 0, 0];
  // The margins are in colour samples.
  const acrossSample = chroma === 1 || chroma === 2 ? 2 : 1;
  const downSample = chroma === 1 ? 2 : 1;
  return {
    codedWidth,
    codedHeight,
    width: codedWidth - acrossSample * (left + right),
    height: codedHeight - downSample * (top + bottom),
  };
}

/** Removes the threes that keep two zeros from looking like the start of a unit; no size is further in than this. */
function withoutEscapes(unit: Uint8Array): Uint8Array {
  const beginning = unit.subarray(0, 256);
  return beginning.filter((byte, i) => !(byte === 3 && i >= 2 && beginning[i - 1] === 0 && beginning[i - 2] === 0));
}
