import { BitReader } from './bit-reader.ts';

const SEQUENCE_HEADER = 1;

/** A size, px. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The sizes of the pictures in AV1 data, from its sequence headers: no frame is larger than the preceding one states.
 * There should be one, but there may be more.
 * @param data - open bitstream units (OBUs).
 * @throws Error if there is no such header, or it is truncated.
 * @see AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.5
 */
export function readAv1Sizes(data: Uint8Array): Size[] {
  const sizes: Size[] = [];
  for (let at = 0; at < data.length; ) {
    const header = data[at++];
    const type = (header >> 3) & 15;
    if (header & 4) at++;
    const { value: length, end } = header & 2 ? readLeb128(data, at) : { value: data.length - at, end: at };
    if (type === SEQUENCE_HEADER) sizes.push(readSequenceHeader(new BitReader(data.subarray(end, end + length))));
    at = end + length;
  }
  if (sizes.length === 0) throw new Error('its AV1 data has no header');
  return sizes;
}

/** @see section 4.10.5 */
function readLeb128(data: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 8 && start + i < data.length; i++) {
    const byte = data[start + i];
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, end: start + i + 1 };
  }
  throw new Error('the file is truncated');
}

/** @see section 5.5.1 */
function readSequenceHeader(bits: BitReader): Size {
  bits.read(4); // profile, still picture
  const isReduced = bits.read(1) === 1;
  if (isReduced) bits.read(5);
  else skipOperatingPoints(bits);
  const widthBits = bits.read(4) + 1;
  const heightBits = bits.read(4) + 1;
  return { width: bits.read(widthBits) + 1, height: bits.read(heightBits) + 1 };
}

function skipOperatingPoints(bits: BitReader): void {
  let delayBits = 0;
  if (bits.read(1) === 1) {
    bits.read(32);
    bits.read(32);
    if (bits.read(1) === 1) skipUvlc(bits);
    if (bits.read(1) === 1) {
      delayBits = bits.read(5) + 1;
      bits.read(32);
      bits.read(10);
    }
  }
  const hasInitialDelay = bits.read(1) === 1;
  const pointCount = bits.read(5) + 1;
  for (let i = 0; i < pointCount; i++) {
    bits.read(12);
    if (bits.read(5) > 7) bits.read(1);
    if (delayBits > 0 && bits.read(1) === 1) {
      bits.read(delayBits);
      bits.read(delayBits);
      bits.read(1);
    }
    if (hasInitialDelay && bits.read(1) === 1) bits.read(4);
  }
}

/** @see section 4.10.3 */
function skipUvlc(bits: BitReader): void {
  let zeros = 0;
  while (zeros < 32 && bits.read(1) === 0) zeros++;
  if (zeros < 32) bits.read(zeros);
}
