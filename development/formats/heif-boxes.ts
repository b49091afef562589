/** Boxes of HEIF files that Debian's programs cannot write: libheif's encoder neither rotates nor mirrors. */

/** A box that states how a picture is rotated or mirrored. */
export function transformBox(name: 'irot' | 'imir', value: number): Buffer {
  return Buffer.concat([uint32(9), Buffer.from(name, 'latin1'), Uint8Array.of(value)]);
}

/** Adds properties to the primary picture of a file, in this order. */
export const withProperties =
  (...added: readonly Buffer[]) =>
  (bytes: Buffer): Buffer => {
    const meta = findBox(bytes, 'meta', 0, bytes.length);
    const inMeta = (name: string) => findBox(bytes, name, meta.start + 12, meta.end);
    const properties = inMeta('iprp');
    const container = findBox(bytes, 'ipco', properties.start + 8, properties.end);
    const associations = findBox(bytes, 'ipma', properties.start + 8, properties.end);
    let count = 0;
    for (let at = container.start + 8; at < container.end; at += bytes.readUInt32BE(at)) count++;
    // Entries of a 16-bit item, a count and 8-bit numbers.
    const primary = bytes.readUInt16BE(inMeta('pitm').start + 12);
    let entry = associations.start + 16;
    while (bytes.readUInt16BE(entry) !== primary) entry += 3 + (bytes[entry + 2] ?? 0);
    const entryEnd = entry + 3 + (bytes[entry + 2] ?? 0);
    const contents = Buffer.concat(added);
    const numbers = Uint8Array.from(added, (_, i) => 0x80 | (count + i + 1));

    const changed = Buffer.from(bytes);
    changed[entry + 2] = (changed[entry + 2] ?? 0) + added.length;
    const growth = contents.length + numbers.length;
    const grow = ({ start }: Box, by: number): unknown =>
      changed.writeUInt32BE(changed.readUInt32BE(start) + by, start);
    grow(meta, growth);
    grow(properties, growth);
    grow(container, contents.length);
    grow(associations, numbers.length);
    moveItems(changed, inMeta('iloc').start + 8, growth);
    const [first, second] = [container.end, entryEnd];
    return Buffer.concat([
      ...[changed.subarray(0, first), contents],
      ...[changed.subarray(first, second), numbers, changed.subarray(second)],
    ]);
  };

/** Changes the size that a picture's property states, wherever it is the given size. */
export const withStatedSize =
  (width: number, height: number) =>
  (bytes: Buffer): Buffer => {
    const at = bytes.indexOf('ispe') + 8;
    bytes.writeUInt32BE(width, at);
    bytes.writeUInt32BE(height, at + 4);
    return bytes;
  };

interface Box {
  readonly start: number;
  readonly end: number;
}

function findBox(bytes: Buffer, name: string, start: number, end: number): Box {
  for (let at = start; at < end; at += bytes.readUInt32BE(at)) {
    if (bytes.toString('latin1', at + 4, at + 8) === name) return { start: at, end: at + bytes.readUInt32BE(at) };
  }
  throw new Error(`there is no box ${name}`);
}

/** Increases the offsets of items in the file; all have 4 bytes, with 4-byte lengths. */
function moveItems(bytes: Buffer, content: number, by: number): void {
  const version = bytes[content];
  const baseBytes = (bytes[content + 5] ?? 0) >> 4;
  let at = content + 8;
  for (let i = 0; i < bytes.readUInt16BE(content + 6); i++) {
    const isInBox = version === 1 && (bytes.readUInt16BE(at + 2) & 15) === 1;
    at += (version === 1 ? 6 : 4) + baseBytes;
    const extents = bytes.readUInt16BE(at);
    at += 2;
    for (let extent = 0; extent < extents; extent++, at += 8) {
      if (!isInBox) bytes.writeUInt32BE(bytes.readUInt32BE(at) + by, at);
    }
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
