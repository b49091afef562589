import { WeightFormatError } from '../src/errors.ts';

/** Memory that any file may request, however small it is, bytes. */
const ALLOCATION_FLOOR = 64 * 2 ** 20;
/** Memory that a file may request beyond that, per byte of its own: far above the compression ratio of real weights. */
const ALLOCATION_PER_FILE_BYTE = 32;

/**
 * How much memory the parts of one file may still request: protects against a small file causing a giant allocation.
 */
class AllocationBudget {
  #remainingBytes: number;

  constructor(fileBytes: number) {
    this.#remainingBytes = ALLOCATION_FLOOR + ALLOCATION_PER_FILE_BYTE * fileBytes;
  }

  get remainingBytes(): number {
    return this.#remainingBytes;
  }

  /** @returns whether the budget sufficed; nothing is deducted if it did not. */
  take(byteCount: number): boolean {
    if (!(byteCount <= this.#remainingBytes)) return false;
    this.#remainingBytes -= byteCount;
    return true;
  }
}

/**
 * Reads the bytes of one file, front to back. Every parser here uses it, so that running off the end and requesting
 * more memory than the file can justify are one kind of error each, detected in one place.
 */
export class ByteReader {
  /** Name of the file in errors. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  #offset = 0;
  readonly #view: DataView;
  readonly #budget: AllocationBudget;

  /**
   * @param bytes - the whole file, which is never written to.
   * @param file - its name for errors.
   * @param littleEndian - byte order of the numbers to read.
   * @param parent - the reader of the file that these bytes came from; both share one memory budget.
   */
  constructor(bytes: Uint8Array, file: string, littleEndian = true, parent?: ByteReader) {
    this.bytes = bytes;
    this.file = file;
    this.littleEndian = littleEndian;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = parent === undefined ? new AllocationBudget(bytes.length) : parent.#budget;
  }

  /** A reader of a part of this file (a zip entry, a decompressed block), within the same memory budget. */
  part(bytes: Uint8Array, { file = this.file, littleEndian = this.littleEndian } = {}): ByteReader {
    return new ByteReader(bytes, file, littleEndian, this);
  }

  /** Next byte to be read. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  /** Memory that the file may still request, bytes. */
  get allocationLimit(): number {
    return this.#budget.remainingBytes;
  }

  /** Counts memory that is about to be allocated for this file. */
  allocate(byteCount: number, what: string): void {
    if (this.#budget.take(byteCount)) return;
    throw this.error(`${what} requests more memory than a file of this size can fill`, {
      expected: `at most ${this.#budget.remainingBytes} bytes`,
      actual: `${byteCount}`,
    });
  }

  /** An error that names the file; throw it. */
  error(
    reason: string,
    options?: ErrorOptions & { tensor?: string; expected?: string; actual?: string },
  ): WeightFormatError {
    return new WeightFormatError(this.file, reason, options);
  }

  /** The next `byteCount` bytes, as a view. */
  take(byteCount: number): Uint8Array {
    const start = this.#advance(byteCount);
    return this.bytes.subarray(start, start + byteCount);
  }

  skip(byteCount: number): void {
    this.#advance(byteCount);
  }

  /** Continues reading at an offset; the end of the file is allowed. */
  seek(offset: number): void {
    this.#offset = 0;
    this.#advance(offset);
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), this.littleEndian);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), this.littleEndian);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), this.littleEndian);
  }

  /** A size or an offset: values beyond 2^53 - 1 exceed any file and are clamped to that. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.#advance(8), this.littleEndian);
    return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** Always big-endian, as pickles store it. */
  float64BigEndian(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** Latin-1 text up to the next newline, which is consumed but not returned. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.#offset);
    if (end < 0) throw this.#truncated('a line', 'no end of line');
    const text = latin1(this.bytes.subarray(this.#offset, end));
    this.#offset = end + 1;
    return text;
  }

  /** Moves on and returns where the bytes start. */
  #advance(byteCount: number): number {
    // Written so that NaN fails too.
    const fits = byteCount >= 0 && byteCount <= this.remaining;
    if (!fits) throw this.#truncated(`${byteCount} more bytes`, `${this.remaining}`);
    const start = this.#offset;
    this.#offset += byteCount;
    return start;
  }

  #truncated(expected: string, actual: string): WeightFormatError {
    return this.error(`is truncated or damaged at byte ${this.#offset}`, { expected, actual });
  }
}

/** Text with the bytes as characters. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Whether the bytes at `offset` are the expected ones. */
export function hasBytes(bytes: Uint8Array, offset: number, expected: Iterable<number>): boolean {
  let i = offset;
  for (const byte of expected) {
    if (bytes[i++] !== byte) return false;
  }
  return true;
}
