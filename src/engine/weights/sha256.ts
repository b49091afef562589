/**
 * SHA-256 in lower-case hexadecimal. Browsers have WebCrypto only on pages from https or localhost; on others, such as those
 * of a development server seen from a phone, it is computed in JavaScript, which is loaded only then.
 */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  const digest =
    subtle === undefined
      ? (await import('@noble/hashes/sha2.js')).sha256(bytes)
      : new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
