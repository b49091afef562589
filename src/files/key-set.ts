import { createHash } from 'node:crypto';

/** Number of 32-bit words kept of a key's digest: 128 bits, too many for two keys to collide by chance. */
const WORDS = 4;
const FIRST_CAPACITY = 1024;
/** The table grows beyond this share of occupied places. */
const MAX_LOAD = 0.75;

/**
 * A set of strings that only supports lookups: it keeps 16 bytes of each string's SHA-256, using 21 to 43 bytes of
 * memory whatever its length, and holds as many as fit in memory; a `Set` is limited to 16.7 million.
 */
export class KeySet {
  /** `[capacity x 4]`, open addressing; a place of four zeros is free. */
  #table = new Uint32Array(FIRST_CAPACITY * WORDS);
  #capacity = FIRST_CAPACITY;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns whether the key is new. */
  add(key: string): boolean {
    const digest = digestOf(key);
    const place = this.#placeOf(digest);
    if (!this.#isFree(place)) return false;
    this.#table.set(digest, place);
    this.#size++;
    if (this.#size > this.#capacity * MAX_LOAD) this.#grow();
    return true;
  }

  has(key: string): boolean {
    return !this.#isFree(this.#placeOf(digestOf(key)));
  }

  /** The place of a digest, or the free place for it. */
  #placeOf(digest: Uint32Array): number {
    // The table's length is a power of two, but above 2^30 places too large for bit operations.
    for (let slot = digest[0] % this.#capacity; ; slot = (slot + 1) % this.#capacity) {
      const place = slot * WORDS;
      if (this.#isFree(place) || this.#holds(place, digest)) return place;
    }
  }

  #isFree(place: number): boolean {
    const table = this.#table;
    return table[place] === 0 && table[place + 1] === 0 && table[place + 2] === 0 && table[place + 3] === 0;
  }

  #holds(place: number, digest: Uint32Array): boolean {
    const table = this.#table;
    return (
      table[place] === digest[0] &&
      table[place + 1] === digest[1] &&
      table[place + 2] === digest[2] &&
      table[place + 3] === digest[3]
    );
  }

  #grow(): void {
    const old = this.#table;
    this.#capacity *= 2;
    this.#table = new Uint32Array(this.#capacity * WORDS);
    for (let place = 0; place < old.length; place += WORDS) {
      const digest = old.subarray(place, place + WORDS);
      if (digest.some((word) => word !== 0)) this.#table.set(digest, this.#placeOf(digest));
    }
  }
}

function digestOf(key: string): Uint32Array {
  const bytes = createHash('sha256').update(key).digest();
  const words = new Uint32Array(WORDS);
  for (let i = 0; i < WORDS; i++) words[i] = bytes.readUInt32LE(4 * i);
  return words;
}
