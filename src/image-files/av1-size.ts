const SEQUENCE_HEADER = 1;
/** The header is the first or second unit, behind a delimiter; what has many before it is no picture. */
const UNITS_BEFORE_HEADER = 16;

/**
 * The size of the pictures that AV1 data holds, by its sequence header: none of its frames is larger.
 * @param data - open bitstream units (OBUs) from the first on.
 * @throws Error where there is no such header, or it is cut off.
 * @see AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.5
 */
export function readAv1Size(data: Uint8Array): { readonly width: number; readonly height: number } {
  let at = 0;
  for (let unit = 0; unit < UNITS_BEFORE_HEADER && at < data.length; unit++) {
    const header = data[at++];
    const type = (header >> 3) & 15;
    if (header & 4) at++;
    const { value: length, end } = header & 2 ? readLeb128(data, at) : { value: data.length - at, end: at };
    if (type === SEQUENCE_HEADER) return readSequenceHeader(new BitReader(data.subarray(end, end + length)));
    at = end + length;
  }
  throw new Error('its AV1 data has no header');
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
function readSequenceHeader(bits: BitReader): { width: number; height: number } {
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

class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next bits, the most significant first. */
  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#position++) {
      const at = this.#position >> 3;
      if (at >= this.#bytes.length) throw new Error('the file is truncated');
      value = value * 2 + ((this.#bytes[at] >> (7 - (this.#position & 7))) & 1);
    }
    return value;
  }
}
