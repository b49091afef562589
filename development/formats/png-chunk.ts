/** A PNG chunk with its checksum. */
export function pngChunk(name: string, content: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(name, 'latin1'), content, Buffer.alloc(4)]);
  bytes.writeUInt32BE(content.length, 0);
  let crc = 0xffffffff;
  for (const byte of bytes.subarray(4, -4)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  bytes.writeUInt32BE(~crc >>> 0, bytes.length - 4);
  return bytes;
}

/** Inserts a chunk after the header of a PNG. */
export const withPngChunk =
  (name: string, content: Uint8Array) =>
  (bytes: Buffer): Buffer =>
    Buffer.concat([bytes.subarray(0, 33), pngChunk(name, content), bytes.subarray(33)]);
