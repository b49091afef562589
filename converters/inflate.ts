import { constants } from 'node:buffer';
import { gunzipSync, inflateRawSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { type ByteReader, hasBytes } from './byte-reader.ts';

export function isGzip(bytes: Uint8Array): boolean {
  return hasBytes(bytes, 0, [0x1f, 0x8b, 8]);
}

/**
 * Decompresses a whole gzip file.
 * @returns a reader of its content, within the same memory budget.
 * @throws WeightFormatError if it is damaged, or inflates to more than a file of this size may.
 */
export function gunzip(reader: ByteReader): ByteReader {
  const content = decompress(reader, reader.bytes, gunzipSync, reader.allocationLimit, 'its gzip stream');
  reader.allocate(content.length, 'its gzip stream');
  return reader.part(content);
}

/** Decompresses a zlib stream (RFC 1950), as `gunzip`. */
export function inflate(reader: ByteReader, compressed: Uint8Array): ByteReader {
  const content = decompress(reader, compressed, inflateSync, reader.allocationLimit, 'a zlib stream');
  reader.allocate(content.length, 'a zlib stream');
  return reader.part(content);
}

/**
 * Decompresses a bare deflate stream (RFC 1951) whose size is known.
 * @throws WeightFormatError if it is damaged, or does not have exactly that size.
 */
export function inflateRaw(reader: ByteReader, compressed: Uint8Array, byteCount: number, what: string): Uint8Array {
  reader.allocate(byteCount, what);
  if (byteCount > MAX_RATIO * compressed.length) {
    throw reader.error(`${what} declares more than its bytes can inflate to`, {
      expected: `at most ${MAX_RATIO * compressed.length} bytes`,
      actual: `${byteCount}`,
    });
  }
  const content = decompress(reader, compressed, inflateRawSync, byteCount, what);
  if (content.length === byteCount) return content;
  throw reader.error(`${what} does not have its declared size`, {
    expected: `${byteCount} bytes`,
    actual: `${content.length}`,
  });
}

/** A match of 258 bytes takes at least two bits. */
const MAX_RATIO = 1032;

function decompress(
  reader: ByteReader,
  compressed: Uint8Array,
  run: (bytes: Uint8Array, options: ZlibOptions) => Uint8Array,
  maxBytes: number,
  what: string,
): Uint8Array {
  try {
    return run(compressed, { maxOutputLength: Math.min(Math.max(maxBytes, 1), constants.MAX_LENGTH) });
  } catch (cause) {
    throw reader.error(`${what} does not decompress`, {
      cause,
      expected: `at most ${maxBytes} bytes`,
      actual: cause instanceof Error ? cause.message : String(cause),
    });
  }
}
