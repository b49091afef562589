/** TIFF files that no Debian program writes: thumbnails before the picture, unusual planes and tiles. Little-endian. */

/** A page: its fields, shorts unless they need more, and its strips or tiles. */
export interface TiffPage {
  readonly fields: Readonly<Record<number, readonly number[]>>;
  readonly strips: readonly Uint8Array[];
  /** Whether the strips are tiles. */
  readonly isTiled?: boolean;
  /** Pages inside it, such as the picture of which it is the thumbnail. */
  readonly inside?: readonly TiffPage[];
}

const LONG = 4;
const SHORT = 3;
const SUB_PAGES = 330;
const STRIPS = [273, 279] as const;
const TILES = [324, 325] as const;

/** @param mark - bytes after the header, such as a camera's signature. */
export function writeTiff(pages: readonly TiffPage[], mark: Uint8Array = new Uint8Array(0)): Buffer {
  const header = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0, ...mark]);
  const file = [header];
  let length = header.length;
  const append = (bytes: Uint8Array): number => {
    const at = length;
    const padded = Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
    file.push(padded);
    length += padded.length;
    return at;
  };
  /** @returns the page's offset. */
  const writePage = ({ fields, strips, isTiled = false, inside = [] }: TiffPage, next: number): number => {
    const [offsetTag, countTag] = isTiled ? TILES : STRIPS;
    const within = inside.map((page) => writePage(page, 0));
    const all: Record<number, readonly number[]> = {
      ...fields,
      [offsetTag]: strips.map(append),
      [countTag]: strips.map((strip) => strip.length),
      ...(within.length > 0 && { [SUB_PAGES]: within }),
    };
    const tags = Object.keys(all).map(Number);
    const entries = tags.map((tag) => {
      const values = all[tag] ?? [];
      const isLong =
        tag === offsetTag || tag === countTag || tag === SUB_PAGES || values.some((value) => value > 65535);
      const bytes = Buffer.alloc(Math.max(4, values.length * (isLong ? 4 : 2)));
      for (const [i, value] of values.entries()) {
        if (isLong) bytes.writeUInt32LE(value, 4 * i);
        else bytes.writeUInt16LE(value, 2 * i);
      }
      const entry = Buffer.alloc(12);
      entry.writeUInt16LE(tag, 0);
      entry.writeUInt16LE(isLong ? LONG : SHORT, 2);
      entry.writeUInt32LE(values.length, 4);
      if (bytes.length === 4) bytes.copy(entry, 8);
      else entry.writeUInt32LE(append(bytes), 8);
      return entry;
    });
    const count = Buffer.alloc(2);
    count.writeUInt16LE(tags.length);
    const end = Buffer.alloc(4);
    end.writeUInt32LE(next);
    return append(Buffer.concat([count, ...entries, end]));
  };
  header.writeUInt32LE(
    [...pages].reverse().reduce((next, page) => writePage(page, next), 0),
    4,
  );
  return Buffer.concat(file);
}
