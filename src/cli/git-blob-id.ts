import { createHash } from 'node:crypto';

/** Git's name for a file's content: SHA-1 of `blob `, the length in decimal, a NUL and the bytes; hexadecimal. */
export function gitBlobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
