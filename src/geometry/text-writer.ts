/** Text of many numbers as UTF-8 bytes, without a string per number: `toFixed` and `join` cost five times as much. */
export class TextWriter {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  /** Appends text. */
  text(text: string): this {
    this.#reserve(text.length * MAX_BYTES_PER_UNIT);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#length += encoder.encodeInto(text.slice(i), this.#bytes.subarray(this.#length)).written;
        break;
      }
      this.#bytes[this.#length++] = code;
    }
    return this;
  }

  /** Appends a whole number from 0 to 2^53. */
  integer(value: number): this {
    this.#reserve(20);
    this.#digits(value, 1);
    return this;
  }

  /** Appends a finite number with a fixed number of decimals, 0..6, rounded half to even as C's `printf` does. */
  fixed(value: number, decimals: number): this {
    const power = POWERS[decimals];
    let scaled = Math.abs(value) * power;
    if (scaled >= MAX_EXACT) return this.text(value.toFixed(decimals));
    this.#reserve(32);
    if (value < 0 || Object.is(value, -0)) this.#bytes[this.#length++] = MINUS;
    const whole = Math.floor(scaled);
    const rest = scaled - whole;
    scaled = rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
    if (decimals === 0) {
      this.#digits(scaled, 1);
    } else {
      this.#digits(scaled, decimals + 1);
      // Moves the decimals one place to the right, to make room for the point.
      const end = this.#length++;
      for (let i = end; i > end - decimals; i--) this.#bytes[i] = this.#bytes[i - 1];
      this.#bytes[end - decimals] = POINT;
    }
    return this;
  }

  /**
   * Appends a line for each triangle.
   * @param prefix - what a line begins with.
   * @param offset - added to every index.
   */
  triangles(prefix: string, triangles: Uint32Array, offset: number): this {
    for (let t = 0; t < triangles.length; t += 3) {
      this.text(prefix).integer(triangles[t] + offset);
      this.text(' ').integer(triangles[t + 1] + offset);
      this.text(' ').integer(triangles[t + 2] + offset);
      this.text('\n');
    }
    return this;
  }

  /** What was written, in an array of its own. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Appends the digits of a whole number, padded with leading zeros to a minimum count. */
  #digits(value: number, leastCount: number): void {
    let count = leastCount;
    while (count < 16 && value >= POWERS[count]) count++;
    let at = this.#length + count;
    this.#length = at;
    const bytes = this.#bytes;
    let rest = value;
    while (rest >= 0x80000000) {
      const next = Math.floor(rest / 10);
      bytes[--at] = ZERO + (rest - next * 10);
      rest = next;
      count--;
    }
    rest |= 0;
    for (; count > 0; count--) {
      const next = (rest / 10) | 0;
      bytes[--at] = ZERO + (rest - next * 10);
      rest = next;
    }
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** UTF-8 of a UTF-16 unit: 3 bytes at most; of a pair of them 4. */
const MAX_BYTES_PER_UNIT = 3;
const encoder = new TextEncoder();

const ZERO = 48;
const MINUS = 45;
const POINT = 46;
const MAX_EXACT = 1e15;
const POWERS = Array.from({ length: 17 }, (_, exponent) => 10 ** exponent);
