/** The first 64 primes. */
const PRIMES: readonly number[] = Array.from({ length: 310 }, (_, i) => i + 2).filter((number, _, all) =>
  all.every((divisor) => divisor >= number || number % divisor !== 0),
);

const BLOCK_BYTES = 64;

/** The first 32 bits of the fraction. */
const fraction = (value: number): number => (value % 1) * 2 ** 32;

const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits));

/**
 * SHA-256 for environments without WebCrypto. Libraries are two to four times as large, and a page has to load this
 * code whether it needs it or not.
 * @returns `[32]`.
 * @see FIPS 180-4
 */
export function sha256InJavaScript(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  const constants = Uint32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
  const hash = Uint32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
  const words = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += BLOCK_BYTES) {
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      if (i < 16) words[i] = view.getUint32(block + 4 * i);
      else {
        const early = words[i - 15];
        const late = words[i - 2];
        const first = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
        const second = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
        words[i] = words[i - 16] + first + words[i - 7] + second;
      }
      const mixed = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const added = (h + mixed + ((e & f) ^ (~e & g)) + constants[i] + words[i]) | 0;
      const turned = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const moved = (turned + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + added) | 0;
      d = c;
      c = b;
      b = a;
      a = (added + moved) | 0;
    }
    for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) hash[i] += value;
  }
  const digest = new Uint8Array(32);
  const out = new DataView(digest.buffer);
  for (const [i, word] of hash.entries()) out.setUint32(4 * i, word);
  return digest;
}
