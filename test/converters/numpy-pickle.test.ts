import { describe, expect, test } from '@jest/globals';
import { readNumpyPickle } from '../../converters/numpy-pickle.ts';
import { BARE_ARRAY_NAME } from '../../converters/tensor.ts';
import { describeTensors, expectFormatError, readerOf } from './describe-tensors.ts';
import { type SampleName, sample } from './samples.ts';

const A = '[2 x 3] 1.5 -2 3 4 5 6.25';

/** A pickle of protocol 2 as Python 2 writes it, whose byte strings are not text; `state` is numpy's state of an array. */
const python2Array = (
  state: string,
  dtype = 'U\x02f4K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb',
): string =>
  `\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01${state.replace('DTYPE', `cnumpy\ndtype\n${dtype}`)}tb.`;

describe('readNumpyPickle', () => {
  test.each([
    'numpy1Protocol0',
    'numpy1Protocol1',
    'numpy1Protocol2',
    'numpy1Protocol3',
    'numpy1Protocol4',
    'numpy1Protocol5',
    'numpy2Protocol2',
    'numpy2Protocol5',
  ] satisfies SampleName[])('reads %s: C and Fortran order, little and big endian', (name) => {
    expect(describeTensors(readNumpyPickle(readerOf(sample(name))))).toEqual([
      ['a', `Float32Array ${A}`],
      ['f', `Float32Array ${A}`],
      ['big', `Float64Array ${A}`],
      ['n', 'BigInt64Array [2] 1 -1099511627776'],
    ]);
  });

  test('reads a bare array that Python 2 wrote', () => {
    const pickle = python2Array('K\x01\x85DTYPE\x89U\x04\0\0\x80?');
    expect(describeTensors(readNumpyPickle(readerOf(pickle)))).toEqual([[BARE_ARRAY_NAME, 'Float32Array [1] 1']]);
  });

  test.each([
    [
      'fewer bytes than the shape',
      python2Array('K\x02\x85DTYPE\x89U\x04\0\0\x80?'),
      /8 bytes for float32 \[2\], got 4/,
    ],
    ['more bytes than the shape', python2Array(')DTYPE\x89U\x08\0\0\x80?\0\0\x80?'), /4 bytes for float32 \[\], got 8/],
    ['a negative extent', python2Array('J\xff\xff\xff\xff\x85DTYPE\x89U\0'), /expected an extent, got -1/],
    [
      'a fraction of an extent',
      python2Array('G?\xf8\0\0\0\0\0\0\x85DTYPE\x89U\x04aaaa'),
      /expected an extent, got 1.5/,
    ],
    [
      'extents whose product overflows',
      python2Array('J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87DTYPE\x89U\0'),
      /NaN bytes/,
    ],
    ['text for numbers', python2Array('K\x01\x85DTYPE\x89X\x02\0\0\0\xc4\x80'), /characters beyond one byte/],
    ['no bytes', python2Array('K\x01\x85DTYPE\x89N'), /expected the bytes of an array, got None/],
    ['no dtype', python2Array('K\x01\x85N\x89U\x04aaaa'), /expected a dtype, got None/],
    [
      'Python objects',
      python2Array('K\x01\x85DTYPE\x89]', 'U\x02O8K\0K\x01\x87R(K\x03U\x01|NNNK\0K\0K\x3ftb'),
      /array of Python objects/,
    ],
    [
      'complex numbers',
      python2Array('K\x01\x85DTYPE\x89U\x08aaaaaaaa', 'U\x02c8K\0K\x01\x87R(K\x03U\x01<NNNK\0K\0K\0tb'),
      /got <c8/,
    ],
    [
      'a structure',
      python2Array('K\x01\x85DTYPE\x89U\x08aaaaaaaa', 'U\x02V8K\0K\x01\x87R(K\x03U\x01|NU\x01x\x85}K\0K\0K\0tb'),
      /got a structure/,
    ],
    ['no array', '\x80\x02}X\x01\0\0\0kK\x01s.', /contains no numpy array.*got a dict of 1/],
    ['no array without its numbers', '\x80\x02cnumpy\nndarray\nK\x01\x85R.', /without its numbers/],
    ['bytes after its end', `${python2Array('K\x01\x85DTYPE\x89U\x04\0\0\x80?')}x`, /1 bytes after its end/],
    ['os.system', '\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.', /'os\.system'/],
    ["torch's globals", '\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.', /'torch\._utils\._rebuild_tensor_v2'/],
  ])('refuses %s', (_what, pickle, message) => {
    expectFormatError(() => readNumpyPickle(readerOf(pickle)), message);
  });

  test('does not copy one byte string into ever more arrays', () => {
    const array = 'h\0h\x01)h\x02\x87R(K\x01J\0\0\x10\0\x85h\x03\x89h\x04tba';
    const shared = [
      'cnumpy.core.multiarray\n_reconstruct\nq\x000cnumpy\nndarray\nq\x010U\x01bq\x020',
      'cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNK\0K\0K\0tbq\x030',
      `B\0\0\x10\0${'a'.repeat(2 ** 20)}q\x040`,
    ];
    const pickle = `\x80\x02${shared.join('')}]${array.repeat(10_000)}.`;
    expectFormatError(() => readNumpyPickle(readerOf(pickle)), /more memory than a file of this size/);
  });
});
