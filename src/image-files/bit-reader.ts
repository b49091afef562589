/** Reads bits, the most significant first; reading beyond the end is an error. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#position++) {
      const at = this.#position >> 3;
      if (at >= this.#bytes.length) throw new Error('the file is truncated');
      value = value * 2 + ((this.#bytes[at] >> (7 - (this.#position & 7))) & 1);
    }
    return value;
  }

  /** A number in exponential Golomb coding, 0 and up. @see ITU-T H.265, section 9.2 */
  readGolomb(): number {
    let zeros = 0;
    while (this.read(1) === 0) if (++zeros > 32) throw new Error('its data is damaged');
    return 2 ** zeros - 1 + this.read(zeros);
  }
}
