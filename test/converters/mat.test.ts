import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { readMat } from '../../converters/mat.ts';
import { describeTensors, expectFormatError, readerOf } from './describe-tensors.ts';
import { sample } from './samples.ts';

/** What scipy's samples hold, as samples.ts has it. */
const NUMBERS = [
  ['UV', 'Float64Array [3 x 2] 0.5 0.25 1 2 3 4'],
  ['single', 'Float32Array [2 x 3] 1.5 -2 3 4 5 6.25'],
  ['int32', 'Int32Array [1 x 2] 1 -2'],
  ['u8', 'Uint8Array [1 x 1] 200'],
  ['logical', 'Uint8Array [1 x 2] 1 0'],
  ['cube', `Float64Array [2 x 3 x 4] ${Array.from({ length: 24 }, (_, i) => i).join(' ')}`],
  ['i64', 'BigInt64Array [1 x 1] 1099511627776'],
];

/** Writes MAT-files in either byte order. */
class MatWriter {
  readonly #littleEndian: boolean;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  file(...elements: Buffer[]): Buffer {
    const header = Buffer.alloc(128, ' ');
    header.write('MATLAB 5.0 MAT-file');
    header.set(this.numbers(2, [0x0100, 0x4d49]), 124);
    return Buffer.concat([header, ...elements]);
  }

  numbers(bytes: number, values: readonly number[]): Buffer {
    const buffer = Buffer.alloc(bytes * values.length);
    values.forEach((value, i) => {
      if (this.#littleEndian) buffer.writeIntLE(value, bytes * i, bytes);
      else buffer.writeIntBE(value, bytes * i, bytes);
    });
    return buffer;
  }

  element(type: number, content: Buffer): Buffer {
    return Buffer.concat([this.numbers(4, [type, content.length]), content, Buffer.alloc(-content.length & 7)]);
  }

  shortElement(type: number, content: Buffer): Buffer {
    const tag = this.numbers(4, [(content.length << 16) | type]);
    return Buffer.concat([tag, content, Buffer.alloc(4 - content.length)]);
  }

  /** A matrix named `name`; `content` is its real part, a whole element. */
  matrix(arrayClass: number, shape: readonly number[], name: string, content: Buffer): Buffer {
    const parts = [
      this.element(6, this.numbers(4, [arrayClass, 0])),
      this.element(5, this.numbers(4, shape)),
      name.length > 4 ? this.element(1, Buffer.from(name)) : this.shortElement(1, Buffer.from(name)),
      content,
    ];
    return this.element(14, Buffer.concat(parts));
  }
}

const little = new MatWriter(true);
const big = new MatWriter(false);
const read = (bytes: Uint8Array) => readMat(readerOf(bytes));

describe('readMat', () => {
  test('reads the numbers of what scipy writes, plain and compressed, and leaves out the rest', () => {
    expect(describeTensors(read(sample('matPlain')))).toEqual(NUMBERS);
    expect(describeTensors(read(sample('matCompressed')))).toEqual(NUMBERS);
  });

  test.each([
    ['little', little],
    ['big', big],
  ])('reads %s-endian files, short elements and narrowed numbers', (_order, writer) => {
    const file = writer.file(
      writer.matrix(6, [2, 2], 'a', writer.shortElement(2, writer.numbers(1, [1, 2, 3, 4]))),
      writer.matrix(12, [1, 2], 'longer', writer.shortElement(3, writer.numbers(2, [-300, 300]))),
      writer.matrix(14, [1, 1], 'wide', writer.element(5, writer.numbers(4, [-7]))),
      writer.matrix(7, [0, 3], 'none', writer.element(7, Buffer.alloc(0))),
    );
    expect(describeTensors(read(file))).toEqual([
      ['a', 'Float64Array [2 x 2] 1 3 2 4'],
      ['longer', 'Int32Array [1 x 2] -300 300'],
      ['wide', 'BigInt64Array [1 x 1] -7'],
      ['none', 'Float32Array [0 x 3]'],
    ]);
  });

  test('reads a last element that is not padded', () => {
    const file = little.file(little.matrix(9, [1, 9], 'a', little.element(2, Buffer.from('abcdefghi'))));
    const unpadded = Buffer.from(file.subarray(0, file.length - 7));
    unpadded.writeUInt32LE(unpadded.length - 136, 132);
    expect(read(unpadded).get('a')?.data).toEqual(new Uint8Array(Buffer.from('abcdefghi')));
  });

  test.each([
    ['MATLAB 7.3', (file: Buffer) => file.writeUInt16LE(0x0200, 124), /7\.3.*HDF5.*-v7/],
    ['another version', (file: Buffer) => file.writeUInt16LE(0x0300, 124), /not a MATLAB 5 file/],
    [
      'an element that is no matrix',
      (file: Buffer) => file.writeUInt32LE(9, 128),
      /expected a matrix, got a data element of type 9/,
    ],
    ['a matrix beyond the end', (file: Buffer) => file.writeUInt32LE(1e9, 132), /truncated/],
    ['flags that are none', (file: Buffer) => file.writeUInt32LE(9, 136), /expected flags/],
    ['an unknown class', (file: Buffer) => file.writeUInt32LE(99, 144), /'a'.*class 99/],
    [
      'dimensions that do not fit',
      (file: Buffer) => file.writeInt32LE(3, 160),
      /'a'.*expected \[3,2\], got 4 elements/,
    ],
    ['a negative dimension', (file: Buffer) => file.writeInt32LE(-2, 160), /'a'.*expected \[-2,2\]/],
    [
      'a short element that is long',
      (file: Buffer) => file.writeUInt32LE(0x00070001, 168),
      /at most 4 bytes in a short element, got 7/,
    ],
    ['numbers of no known type', (file: Buffer) => file.writeUInt32LE(0x00040011, 176), /'a'.*expected numbers/],
    [
      'a class that cannot hold its numbers',
      (file: Buffer) => {
        file.writeUInt32LE(8, 144);
        file[180] = 0xc8;
      },
      /'a'.*expected values of int8/,
    ],
  ])('refuses %s', (_what, edit, message) => {
    const file = little.file(little.matrix(6, [2, 2], 'a', little.shortElement(2, Buffer.from([1, 2, 3, 4]))));
    edit(file);
    expectFormatError(() => read(file), message);
  });

  test('refuses a fraction in an array of whole 64-bit numbers', () => {
    const half = Buffer.alloc(8);
    half.writeDoubleLE(0.5);
    expectFormatError(
      () => read(little.file(little.matrix(14, [1, 1], 'a', little.element(9, half)))),
      /values of int64/,
    );
  });

  test('refuses two arrays of one name, and a file without numbers', () => {
    const a = little.matrix(6, [1, 1], 'a', little.shortElement(2, Buffer.from([1])));
    expect(expectFormatError(() => read(little.file(a, a)), /appears twice/).tensor).toBe('a');
    const words = little.matrix(4, [1, 1], 'words', little.shortElement(4, Buffer.from([65, 0])));
    expectFormatError(() => read(little.file(words)), /contains no numeric array.*got text 'words'/);
  });

  test('refuses a bomb', () => {
    // 100 MB of zeros in one compressed element.
    const bomb = little.file(Buffer.concat([Buffer.alloc(8), deflateSync(Buffer.alloc(100_000_000), { level: 9 })]));
    bomb.writeUInt32LE(15, 128);
    bomb.writeUInt32LE(bomb.length - 136, 132);
    expectFormatError(() => read(bomb), /a zlib stream does not decompress/);
  });

  test.each(['matPlain', 'matCompressed'] as const)('refuses %s cut off within an element', (name) => {
    const bytes = sample(name);
    const whole = new Set(describeTensors(read(bytes)).map(String));
    for (let length = 0; length < bytes.length; length++) {
      try {
        // A file that ends between two elements cannot be told from one that was meant to.
        for (const tensor of describeTensors(read(bytes.subarray(0, length)))) expect(whole).toContain(String(tensor));
      } catch (error) {
        expectFormatError(() => {
          throw error;
        }, /./);
      }
    }
  });
});
