import { describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import { readNpz } from '../../converters/npz.ts';
import { ZipArchive } from '../../converters/zip.ts';
import { describeTensors, expectFormatError, readerOf } from './describe-tensors.ts';
import { sample } from './samples.ts';

const open = (bytes: Uint8Array): ZipArchive => new ZipArchive(readerOf(bytes));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A little-endian record of numbers of 2, 4 or 8 bytes. */
function record(...fields: [value: number, bytes: 2 | 4 | 8][]): Buffer {
  return Buffer.concat(
    fields.map(([value, bytes]) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt(value));
      return field.subarray(0, bytes);
    }),
  );
}

/** A zip whose one entry 'a' is deflated zeros; its sizes are changed in both headers by `edit`. */
function editedZip(edit: (view: DataView, central: number) => void): Uint8Array {
  const bytes = zipSync({ a: new Uint8Array(1000) }, { level: 9 });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  edit(view, view.getUint32(bytes.length - 6, true));
  return bytes;
}

describe('ZipArchive', () => {
  test('reads stored and deflated entries that another program wrote', () => {
    const archive = open(
      zipSync({
        'd/stored': [Buffer.from('stored'), { level: 0 }],
        é: [Buffer.from('deflated'.repeat(99)), { level: 9 }],
        '': [] as never,
      }),
    );
    expect(archive.names.slice(0, 2)).toEqual(['d/stored', 'é']);
    expect(text(archive.read('d/stored'))).toBe('stored');
    expect(text(archive.read('é'))).toBe('deflated'.repeat(99));
    expect(archive.has('x')).toBe(false);
    expectFormatError(() => archive.read('x'), /no entry 'x'/);
  });

  test('finds the directory before a comment', () => {
    const bytes = zipSync({ a: Buffer.from('content') });
    const comment = Buffer.from('a comment with PK\x05\x06 in it');
    bytes[bytes.length - 2] = comment.length;
    expect(text(open(Buffer.concat([bytes, comment])).read('a'))).toBe('content');
  });

  test('reads zip64 sizes and offsets', () => {
    const content = Buffer.from('content');
    const crc = 0xfec530a9;
    const name = Buffer.from('a');
    const local = Buffer.concat([
      record(
        [0x04034b50, 4],
        [45, 2],
        [0, 2],
        [0, 2],
        [0, 4],
        [crc, 4],
        [0xffffffff, 4],
        [0xffffffff, 4],
        [1, 2],
        [0, 2],
      ),
      name,
      content,
    ]);
    const extra = record([9, 2], [2, 2], [0, 2], [1, 2], [24, 2], [7, 8], [7, 8], [0, 8]);
    const central = Buffer.concat([
      record(
        [0x02014b50, 4],
        [45, 2],
        [45, 2],
        [0, 2],
        [0, 2],
        [0, 4],
        [crc, 4],
        [0xffffffff, 4],
        [0xffffffff, 4],
        [1, 2],
        [extra.length, 2],
      ),
      record([0, 2], [0, 2], [0, 2], [0, 4], [0xffffffff, 4]),
      name,
      extra,
    ]);
    const end64 = record(
      [0x06064b50, 4],
      [44, 8],
      [45, 2],
      [45, 2],
      [0, 4],
      [0, 4],
      [1, 8],
      [1, 8],
      [central.length, 8],
      [local.length, 8],
    );
    const locator = record([0x07064b50, 4], [0, 4], [local.length + central.length, 8], [1, 4]);
    const end = record(
      [0x06054b50, 4],
      [0, 2],
      [0, 2],
      [0xffff, 2],
      [0xffff, 2],
      [0xffffffff, 4],
      [0xffffffff, 4],
      [0, 2],
    );
    const archive = open(Buffer.concat([local, central, end64, locator, end]));
    expect(text(archive.read('a'))).toBe('content');
  });

  test('notices damaged content by its CRC-32, stored or deflated', () => {
    const bytes = zipSync({ a: Buffer.from('content') }, { level: 0 });
    bytes[bytes.indexOf('c'.charCodeAt(0), 30)] = 0;
    expectFormatError(() => open(bytes).read('a'), /damaged entry 'a' \(CRC-32/);
    const deflated = editedZip((view, central) => view.setUint32(central + 16, 1, true));
    expectFormatError(() => open(deflated).read('a'), /damaged entry 'a' \(CRC-32/);
  });

  test('refuses an entry that inflates to more, or less, than it declares', () => {
    const more = editedZip((view, central) => view.setUint32(central + 24, 999, true));
    expectFormatError(() => open(more).read('a'), /entry 'a' does not decompress.*at most 999 bytes/);
    const less = editedZip((view, central) => view.setUint32(central + 24, 1001, true));
    expectFormatError(() => open(less).read('a'), /does not have its declared size.*expected 1001 bytes, got 1000/);
  });

  test('refuses a bomb before it inflates it', () => {
    const bomb = zipSync({ a: new Uint8Array(70_000_000) }, { level: 1 });
    expect(bomb.length).toBeLessThan(1_000_000);
    expectFormatError(() => open(bomb).read('a'), /entry 'a' requests more memory/);
    const declared = editedZip((view, central) => view.setUint32(central + 24, 0xfffffffe, true));
    expectFormatError(() => open(declared).read('a'), /entry 'a' requests more memory/);
  });

  test('refuses entries that overlap to make much of little', () => {
    // Ten thousand names for the same stored megabyte.
    const bytes = zipSync({ a: new Uint8Array(2 ** 20) }, { level: 0 });
    const size = bytes.length;
    const central = new DataView(bytes.buffer, bytes.byteOffset).getUint32(size - 6, true);
    const header = bytes.subarray(central, central + 46);
    header[28] = 5;
    const directory = Array.from({ length: 10_000 }, (_, i) => [
      header,
      Buffer.from(String(i).padStart(5, '0')),
    ]).flat();
    const end = Buffer.from(bytes.subarray(size - 22));
    end.writeUInt16LE(10_000, 10);
    const archive = open(Buffer.concat([bytes.subarray(0, central), ...directory, end]));
    expect(archive.names).toHaveLength(10_000);
    expectFormatError(() => archive.names.map((name) => archive.read(name)), /requests more memory/);
  });

  test.each([
    [
      'too many entries',
      (view: DataView) => view.setUint16(view.byteLength - 12, 2, true),
      /damaged zip directory.*expected 2 entries, got 1/,
    ],
    [
      'a directory beyond the end',
      (view: DataView) => view.setUint32(view.byteLength - 6, 1e6, true),
      /truncated or damaged/,
    ],
    [
      'no zip64 record',
      (view: DataView) => view.setUint16(view.byteLength - 12, 0xffff, true),
      /damaged zip64 directory/,
    ],
    [
      'no zip64 sizes',
      (view: DataView, central: number) => view.setUint32(central + 24, 0xffffffff, true),
      /without its zip64 sizes/,
    ],
    [
      'a header elsewhere',
      (view: DataView, central: number) => view.setUint32(central + 42, 5, true),
      /no header for its entry/,
    ],
    ['encryption', (view: DataView, central: number) => view.setUint16(central + 8, 1, true), /encrypted entry/],
    [
      'another compression',
      (view: DataView, central: number) => view.setUint16(central + 10, 12, true),
      /unknown compression.*method 12/,
    ],
  ])('refuses %s', (_what, edit, message) => {
    const bytes = editedZip(edit);
    expectFormatError(() => {
      const archive = open(bytes);
      return archive.names.map((name) => archive.read(name));
    }, message);
  });

  test('refuses an end record alone that promises a zip64 one before the file', () => {
    const end = record([0x06054b50, 4], [0, 4], [0xffff, 2], [0xffff, 2], [0, 4], [0, 4], [0, 2]);
    expectFormatError(() => open(end), /truncated or damaged/);
  });

  test('refuses two entries of one name', () => {
    const bytes = zipSync({ a: new Uint8Array(1), b: new Uint8Array(1) });
    bytes[bytes.lastIndexOf('b'.charCodeAt(0))] = 'a'.charCodeAt(0);
    expectFormatError(() => open(bytes), /two entries 'a'/);
  });

  test('refuses a zip cut off anywhere', () => {
    const bytes = sample('npz');
    for (let length = 0; length < bytes.length; length++) {
      expectFormatError(() => open(bytes.subarray(0, length)), /truncated|damaged/);
    }
  });
});

describe('readNpz', () => {
  test("reads numpy's stored and compressed archives", () => {
    const a = ['a', 'Float32Array [2 x 3] 1.5 -2 3 4 5 6.25'];
    expect(describeTensors(readNpz(open(sample('npz'))))).toEqual([a]);
    expect(describeTensors(readNpz(open(sample('npzCompressed'))))).toEqual([
      a,
      ['big', 'Int16Array [2 x 3] 1 -2 3 4 5 6'],
    ]);
  });

  test('names the file within the archive that is damaged', () => {
    const bytes = zipSync({ 'a.npy': sample('npyObject') });
    expect(expectFormatError(() => readNpz(open(bytes)), /unsupported type/).file).toBe('sample!a.npy');
  });
});
