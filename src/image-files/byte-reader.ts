const TRUNCATED = 'the file is truncated';

/** Reads numbers from a file; reading beyond its end is an error, never `undefined` or zero. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isLittleEndian: boolean;

  constructor(bytes: Uint8Array, byteOrder: 'little-endian' | 'big-endian') {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittleEndian = byteOrder === 'little-endian';
  }

  get length(): number {
    return this.bytes.length;
  }

  uint8(at: number): number {
    this.#check(at, 1);
    return this.bytes[at];
  }

  uint16(at: number): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, this.#isLittleEndian);
  }

  uint32(at: number): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, this.#isLittleEndian);
  }

  int32(at: number): number {
    this.#check(at, 4);
    return this.#view.getInt32(at, this.#isLittleEndian);
  }

  /** A 64-bit number; values larger than any file are inexact, but still beyond the end of any. */
  uint64(at: number): number {
    this.#check(at, 8);
    return Number(this.#view.getBigUint64(at, this.#isLittleEndian));
  }

  /** Four characters, such as the name of a chunk. */
  tag(at: number): string {
    return String.fromCharCode(...this.slice(at, 4));
  }

  /** A view of bytes, not a copy. */
  slice(at: number, count: number): Uint8Array {
    this.#check(at, count);
    return this.bytes.subarray(at, at + count);
  }

  #check(at: number, count: number): void {
    if (!(at >= 0 && count >= 0 && at + count <= this.bytes.length)) throw new Error(TRUNCATED);
  }
}
