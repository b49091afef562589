import { describe, expect, test } from '@jest/globals';
import { readSafetensors } from '../../converters/safetensors.ts';
import { describeTensors, expectFormatError, readerOf } from './describe-tensors.ts';
import { sample } from './samples.ts';

function safetensors(header: unknown, content = ''): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.from(content, 'latin1')]);
}

const entry = (dtype: string, shape: unknown, begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('readSafetensors', () => {
  test('reads what the reference implementation writes', () => {
    expect(describeTensors(readSafetensors(readerOf(sample('safetensors')))).sort()).toEqual([
      ['a', 'BigInt64Array [2] 1 2'],
      ['b', 'Float32Array [2 x 3] 1.5 -2 3 4 5 6.25'],
      ['h', 'Float32Array [1] 1.5'],
      ['scalar', 'Float64Array [] 2'],
    ]);
  });

  test.each([
    ['BOOL', '\0\x01', 'Uint8Array [2] 0 1'],
    ['I8', '\x7f\xff', 'Int8Array [2] 127 -1'],
    ['U8', '\x7f\xff', 'Uint8Array [2] 127 255'],
    ['I16', '\x01\0\xfe\xff', 'Int16Array [2] 1 -2'],
    ['U16', '\x01\0\xfe\xff', 'Uint16Array [2] 1 65534'],
    ['BF16', '\x80\x3f\0\xc0', 'Float32Array [2] 1 -2'],
    ['U32', '\x01\0\0\0\xff\xff\xff\xff', 'Uint32Array [2] 1 4294967295'],
    ['I32', '\x01\0\0\0\xff\xff\xff\xff', 'Int32Array [2] 1 -1'],
    ['U64', '\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff', 'BigUint64Array [2] 1 18446744073709551615'],
  ])('reads %s', (dtype, content, expected) => {
    const file = safetensors({ t: entry(dtype, [2], 0, content.length) }, content);
    expect(describeTensors(readSafetensors(readerOf(file)))).toEqual([['t', expected]]);
  });

  test('reads empty tensors and a header padded with spaces', () => {
    const header = JSON.stringify({ __proto__x: entry('F32', [0, 3], 0, 0), t: entry('F32', [], 0, 4) });
    expect(describeTensors(readSafetensors(readerOf(safetensors(`${header}     `, '\0\0\x80\x3f'))))).toEqual([
      ['__proto__x', 'Float32Array [0 x 3]'],
      ['t', 'Float32Array [] 1'],
    ]);
  });

  test.each([
    ['a header beyond the end', Buffer.from('\x50\0\0\0\0\0\0\0{}', 'latin1'), /truncated/],
    ['a giant header', Buffer.from('\xff\xff\xff\xff\xff\xff\xff\xff{}', 'latin1'), /a header that is too long/],
    ['a header that is not JSON', safetensors('{"t":'), /header: is not JSON/],
    ['a header that is deep', safetensors('{"t":'.repeat(200_000)), /header: is not JSON/],
    ['a header that is a number', safetensors('1'), /the root: expected an object, got 1/],
    ['a header that is not text', Buffer.from('\x02\0\0\0\0\0\0\0{\xff', 'latin1'), /header: is not JSON/],
    [
      'an entry without offsets',
      safetensors({ t: { dtype: 'F32', shape: [1] } }),
      /t\.data_offsets: expected a list, got nothing/,
    ],
    ['a shape that is text', safetensors({ t: entry('F32', '1', 0, 4) }, 'aaaa'), /t\.shape: expected a list, got '1'/],
    ['a negative extent', safetensors({ t: entry('F32', [-1], 0, 4) }, 'aaaa'), /t\.shape\.0.*got -1/],
    ['a fraction of an extent', safetensors({ t: entry('F32', [0.5], 0, 2) }, 'aa'), /t\.shape\.0.*0\.5/],
    ['a name that commands the terminal', safetensors({ '\x1b[2J\n': entry('F8', [1], 0, 1) }, 'a'), /'\ufffd\[2J '/],
    ['an unknown type', safetensors({ t: entry('F8_E4M3', [1], 0, 1) }, 'a'), /'t'.*unsupported type.*F8_E4M3/],
    [
      'a shape that its bytes do not fill',
      safetensors({ t: entry('F32', [2], 0, 4) }, 'aaaa'),
      /'t'.*expected 8 bytes/,
    ],
    ['a tensor beyond the end', safetensors({ t: entry('F32', [2], 0, 8) }, 'aaaa'), /'t'.*within 4, got bytes 0 to 8/],
    ['extents that overflow', safetensors({ t: entry('F32', [2 ** 52, 2 ** 52], 0, 0) }), /'t'.*NaN bytes/],
    ['a hole', safetensors({ t: entry('U8', [1], 1, 2) }, 'aa'), /'t'.*hole.*expected byte 0, got byte 1/],
    ['an overlap', safetensors({ t: entry('U8', [2], 0, 2), u: entry('U8', [2], 1, 3) }, 'aaa'), /'u'.*overlaps/],
    ['bytes that are no tensor', safetensors({ t: entry('U8', [1], 0, 1) }, 'aa'), /belong to no tensor/],
  ])('refuses %s', (_what, bytes, message) => {
    expectFormatError(() => readSafetensors(readerOf(bytes)), message);
  });

  test('refuses a file cut off anywhere', () => {
    const bytes = sample('safetensors');
    for (let length = 0; length < bytes.length; length++) {
      expectFormatError(() => readSafetensors(readerOf(bytes.subarray(0, length))), /./);
    }
  });
});
