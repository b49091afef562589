/**
 * Files split into their parts. A mutation of bytes alone seldom gets past a checksum or a length; parts are dropped, doubled,
 * swapped and changed, and then reassembled so that lengths and checksums are right again.
 */
import { inflateSync } from 'node:zlib';
import { crc32 } from '../converters/crc32.ts';
import { storedZlib } from './stored-deflate.ts';

/** A file split into parts. */
export interface Pieces {
  readonly parts: readonly Uint8Array[];
  /** Assembles a file from parts, which need not be the original ones. */
  join(parts: readonly Uint8Array[]): Uint8Array;
}

/** Splits a whole file into parts. */
export type Split = (bytes: Uint8Array) => Pieces;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function withLength(length: number, isBigEndian: boolean): Buffer {
  const bytes = Buffer.alloc(4);
  if (isBigEndian) bytes.writeUInt32BE(length);
  else bytes.writeUInt32LE(length);
  return bytes;
}

/** Type and content of each chunk, with IDAT inflated. */
export const splitPng: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const parts: Buffer[] = [];
  for (let at = 8; at + 8 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.subarray(at + 4, at + 8);
    const content = file.subarray(at + 8, at + 8 + length);
    parts.push(Buffer.concat([type, text(type) === 'IDAT' ? inflateSync(content) : content]));
    at += 12 + length;
  }
  return {
    parts,
    join: (changed) =>
      Buffer.concat([
        file.subarray(0, 8),
        ...changed.flatMap((part) => {
          const type = part.subarray(0, 4);
          const content = text(type) === 'IDAT' ? storedZlib(part.subarray(4)) : part.subarray(4);
          const whole = Buffer.concat([type, content]);
          return [withLength(content.length, true), whole, withLength(crc32(whole), true)];
        }),
      ]),
  };
};

/** Marker and content of each segment, and what follows a scan's header. */
export const splitJpeg: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const parts: Buffer[] = [];
  let at = 2;
  while (at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== 0xd9) {
    const length = file.readUInt16BE(at + 2);
    parts.push(Buffer.concat([file.subarray(at, at + 2), file.subarray(at + 4, at + 2 + length)]));
    const isScan = file[at + 1] === 0xda;
    at += 2 + length;
    if (!isScan) continue;
    let end = at;
    while (end + 1 < file.length && !(file[end] === 0xff && file[end + 1] !== 0)) end++;
    parts.push(file.subarray(at, end));
    at = end;
  }
  return {
    parts,
    join: (changed) =>
      Buffer.concat([
        file.subarray(0, 2),
        ...changed.flatMap((part) => {
          if (part[0] !== 0xff || part.length < 2 || part[1] === 0) return [part];
          const length = Buffer.alloc(2);
          length.writeUInt16BE(Math.min(part.length, 0xffff));
          return [part.subarray(0, 2), length, part.subarray(2)];
        }),
        Buffer.from([0xff, 0xd9]),
      ]),
  };
};

/** Header with palette, then each extension and each picture with its blocks. */
export const splitGif: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const paletteBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const endOfBlocks = (start: number): number => {
    let end = start;
    while (end < file.length && file[end] !== 0) end += file[end] + 1;
    return end + 1;
  };
  let at = 13 + paletteBytes(file[10]);
  const parts = [file.subarray(0, at)];
  while (at < file.length && file[at] !== 0x3b) {
    const end = endOfBlocks(file[at] === 0x21 ? at + 2 : at + 11 + paletteBytes(file[at + 9]));
    parts.push(file.subarray(at, end));
    at = end;
  }
  return { parts, join: (changed) => Buffer.concat([...changed, Buffer.from([0x3b])]) };
};

/** Name and content of each chunk of a RIFF file. */
export const splitRiff: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const parts: Buffer[] = [];
  for (let at = 12; at + 8 <= file.length; ) {
    const length = file.readUInt32LE(at + 4);
    parts.push(Buffer.concat([file.subarray(at, at + 4), file.subarray(at + 8, at + 8 + length)]));
    at += 8 + length + (length & 1);
  }
  return {
    parts,
    join(changed) {
      const chunks = changed.map((part) => {
        const content = part.subarray(4);
        const padding = Buffer.alloc(content.length & 1);
        return Buffer.concat([part.subarray(0, 4), withLength(content.length, false), content, padding]);
      });
      const body = Buffer.concat([file.subarray(8, 12), ...chunks]);
      return Buffer.concat([file.subarray(0, 4), withLength(body.length, false), body]);
    },
  };
};

/** Fields of the first directory of a little-endian TIFF; the data they point to stays in place. */
export const splitTiff: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const directory = file.readUInt32LE(4);
  const count = file.readUInt16LE(directory);
  const parts = Array.from({ length: count }, (_, i) => file.subarray(directory + 2 + 12 * i, directory + 14 + 12 * i));
  return {
    parts,
    join(changed) {
      const whole = Buffer.concat([file, Buffer.alloc(2), ...changed, Buffer.alloc(4)]);
      whole.writeUInt16LE(Math.min(changed.length, 0xffff), file.length);
      whole.writeUInt32LE(file.length, 4);
      return whole;
    },
  };
};

/** The boxes of an ISO media file, with those inside `meta`. */
export const splitBoxes: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const boxesOf = (content: Buffer): Buffer[] => {
    const boxes: Buffer[] = [];
    for (let at = 0; at + 8 <= content.length; ) {
      const length = content.readUInt32BE(at);
      if (length < 8) break;
      boxes.push(content.subarray(at + 4, at + length));
      at += length;
    }
    return boxes;
  };
  const box = (part: Uint8Array): Buffer => Buffer.concat([withLength(part.length + 4, true), part]);
  const whole = boxesOf(file);
  const meta = whole.findIndex((part) => text(part.subarray(0, 4)) === 'meta');
  const inner = meta < 0 ? [] : boxesOf(whole[meta].subarray(8));
  const outer = whole.filter((_, i) => i !== meta);
  return {
    parts: [...inner, ...outer],
    join(changed) {
      // A part goes where its place in the list puts it: moving one across is a mutation too.
      const inside = changed.slice(0, inner.length).map(box);
      const outside = changed.slice(inner.length).map(box);
      const head = meta < 0 ? [] : [box(Buffer.concat([whole[meta].subarray(0, 8), ...inside]))];
      return Buffer.concat([...outside.slice(0, 1), ...head, ...outside.slice(1)]);
    },
  };
};

/** Length of the header, the header and the numbers of a safetensors file; the length is corrected. */
export const splitSafetensors: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const end = 8 + Number(file.readBigUInt64LE(0));
  return {
    parts: [file.subarray(8, end), file.subarray(end)],
    join([header = new Uint8Array(0), ...others]) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.length));
      return Buffer.concat([length, header, ...others]);
    },
  };
};

/** Magic, header and numbers of an `.npy` of version 1; the length of the header is corrected. */
export const splitNpy: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const isFirst = file[6] === 1;
  const start = isFirst ? 10 : 12;
  const end = start + (isFirst ? file.readUInt16LE(8) : file.readUInt32LE(8));
  return {
    parts: [file.subarray(start, end), file.subarray(end)],
    join([header = new Uint8Array(0), ...others]) {
      const length = withLength(header.length, false).subarray(0, isFirst ? 2 : 4);
      return Buffer.concat([file.subarray(0, 8), length, header, ...others]);
    },
  };
};

/** Type and content of each element of a level 5 MAT-file, with compressed ones inflated. */
export const splitMat: Split = (bytes) => {
  const file = Buffer.from(bytes);
  const parts: Buffer[] = [];
  for (let at = 128; at + 8 <= file.length; ) {
    const type = file.subarray(at, at + 4);
    const length = file.readUInt32LE(at + 4);
    const content = file.subarray(at + 8, at + 8 + length);
    const isCompressed = type.readUInt32LE() === 15;
    parts.push(Buffer.concat([type, isCompressed ? inflateSync(content) : content]));
    at += 8 + length + (isCompressed ? 0 : -length & 7);
  }
  return {
    parts,
    join: (changed) =>
      Buffer.concat([
        file.subarray(0, 128),
        ...changed.flatMap((part) => {
          const isCompressed = part[0] === 15;
          const content = isCompressed ? storedZlib(part.subarray(4)) : part.subarray(4);
          const padding = Buffer.alloc(isCompressed ? 0 : -content.length & 7);
          return [part.subarray(0, 4), withLength(content.length, false), content, padding];
        }),
      ]),
  };
};

/** A file without known parts. */
export const splitNothing: Split = (bytes) => ({ parts: [bytes], join: (parts) => Buffer.concat(parts) });
