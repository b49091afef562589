/**
 * SHA-256 in lower-case hexadecimal. Browsers have WebCrypto only on pages from https or localhost; on others, such as
 * those of a development server opened from a phone, it is computed in JavaScript, which is loaded only then.
 */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  const digest =
    subtle === undefined
      ? (await import('./sha256-in-javascript.ts')).sha256InJavaScript(bytes)
      : new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Checksums of files that were hashed when they were read, so that they are not hashed again when they are used. */
const knownSums = new WeakMap<Uint8Array, string>();

/**
 * Notes the checksum of an array's bytes.
 * @param bytes - must not be written to afterwards.
 */
export function noteSha256(bytes: Uint8Array, sum: string): void {
  knownSums.set(bytes, sum);
}

/** The checksum that was noted for this very array, if any. */
export function notedSha256(bytes: Uint8Array): string | undefined {
  return knownSums.get(bytes);
}
