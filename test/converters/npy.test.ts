import { describe, expect, test } from '@jest/globals';
import { readNpy } from '../../converters/npy.ts';
import { describeTensor, expectFormatError, readerOf } from './describe-tensors.ts';
import { sample } from './samples.ts';

const A = 'Float32Array [2 x 3] 1.5 -2 3 4 5 6.25';

const npy = (header: string, content = ''): string =>
  `\x93NUMPY\x01\0${String.fromCharCode(header.length & 0xff, header.length >> 8)}${header}${content}`;
const header = (descriptor: string, shape: string, order = 'False'): string =>
  `{'descr': ${descriptor}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

describe('readNpy', () => {
  test('reads versions 1, 2 (here in Fortran order) and 3', () => {
    expect(describeTensor(readNpy(readerOf(sample('npyVersion1'))))).toBe(A);
    expect(describeTensor(readNpy(readerOf(sample('npyVersion2'))))).toBe(A);
    expect(describeTensor(readNpy(readerOf(sample('npyVersion3'))))).toBe(A);
    expect(Buffer.from(sample('npyVersion2')).toString('latin1')).toContain("'fortran_order': True");
  });

  test('reads a scalar', () => {
    expect(describeTensor(readNpy(readerOf(sample('npyScalar'))))).toBe('Float64Array [] 3.5');
  });

  test.each([
    ["'|b1'", '\0\x01', 'Uint8Array [2] 0 1'],
    ["'|i1'", '\x7f\xff', 'Int8Array [2] 127 -1'],
    ["'|u1'", '\x7f\xff', 'Uint8Array [2] 127 255'],
    ["'<i2'", '\x01\0\xfe\xff', 'Int16Array [2] 1 -2'],
    ["'>i2'", '\0\x01\xff\xfe', 'Int16Array [2] 1 -2'],
    ["'>u2'", '\0\x01\xff\xfe', 'Uint16Array [2] 1 65534'],
    ["'>i4'", '\0\0\0\x01\xff\xff\xff\xfe', 'Int32Array [2] 1 -2'],
    ["'<u4'", '\x01\0\0\0\xff\xff\xff\xff', 'Uint32Array [2] 1 4294967295'],
    ["'>i8'", '\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xfe', 'BigInt64Array [2] 1 -2'],
    ["'<u8'", '\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff', 'BigUint64Array [2] 1 18446744073709551615'],
    ["'<f2'", '\0\x3c\x01\0', 'Float32Array [2] 1 5.960464477539063e-8'],
    ["'>f2'", '\xbc\0\x03\xff', 'Float32Array [2] -1 0.00006097555160522461'],
    ["'>f4'", '\x3f\x80\0\0\xc0\0\0\0', 'Float32Array [2] 1 -2'],
    ["'=f8'", '\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0', 'Float64Array [2] 1 -2'],
  ])('reads %s', (descriptor, content, expected) => {
    expect(describeTensor(readNpy(readerOf(npy(header(descriptor, '(2,)'), content))))).toBe(expected);
  });

  test('widens every float16 exactly', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const file = Buffer.concat([Buffer.from(npy(header("'<f2'", '(65536,)')), 'latin1'), Buffer.from(halves.buffer)]);
    const { data } = readNpy(readerOf(file));
    halves.forEach((bits) => {
      const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, (bits & 1023) / 1024];
      const finite = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
      const value = exponent < 31 ? sign * finite : fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
      if (!Object.is(data[bits], value)) throw new Error(`${bits}: ${data[bits]} is not ${value}`);
    });
  });

  test('reads three axes in Fortran order, and the shapes of Python 2', () => {
    const content = String.fromCharCode(...Array.from({ length: 24 }, (_, i) => i));
    const { shape, data } = readNpy(readerOf(npy(header("'|u1'", '(2L, 3L, 4L)', 'True'), content)));
    expect(shape).toEqual([2, 3, 4]);
    // Element [i, j, k] lies at i + 2 j + 6 k.
    expect(Array.from(data, Number)).toEqual(
      Array.from({ length: 24 }, (_, at) => Math.floor(at / 12) + 2 * (Math.floor(at / 4) % 3) + 6 * (at % 4)),
    );
  });

  test('reads an empty array', () => {
    expect(describeTensor(readNpy(readerOf(npy(header("'<f4'", '(0, 3)', 'True')))))).toBe('Float32Array [0 x 3]');
  });

  test.each([
    ['a structure', sample('npyStructured'), /unsupported type.*got a structure/],
    ['Python objects', sample('npyObject'), /unsupported type.*got \|O/],
    ['another magic', '\x93NUMPX', /not an \.npy file/],
    ['another version', '\x93NUMPY\x04\0\0\0', /expected 1, 2 or 3, got 4/],
    ['a giant header', '\x93NUMPY\x02\0\xff\xff\xff\xff', /an \.npy header that is too long/],
    ['a header that is none', npy('{}\n'), /damaged \.npy header/],
    ['no shape', npy(header("'<f4'", 'None')), /damaged \.npy header/],
    ['a negative extent', npy(header("'<f4'", '(-1,)')), /damaged \.npy header/],
    ['a missing extent', npy(header("'<f4'", '(1,,2)')), /damaged \.npy header/],
    ['an extent beyond numbers', npy(header("'<f4'", `(${'9'.repeat(400)},)`)), /damaged \.npy header/],
    [
      'extents whose product overflows',
      npy(header("'<f4'", '(9000000000000000, 9000000000000000)')),
      /expected NaN bytes/,
    ],
    ['too few numbers', npy(header("'<f4'", '(2,)'), 'aaaa'), /expected 8 bytes for float32 \[2\], got 4/],
    ['too many numbers', npy(header("'<f4'", '(2,)'), 'aaaaaaaaa'), /expected 8 bytes for float32 \[2\], got 9/],
  ])('refuses %s', (_what, bytes, message) => {
    expectFormatError(() => readNpy(readerOf(bytes)), message);
  });
});
