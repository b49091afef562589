import { describe, expect, test } from '@jest/globals';
import { readHevcSizes } from '../../src/image-files/hevc-size.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** A configuration by libheif's encoder: of a picture of 181x175 pixels, which it stores with a row and a column more. */
const CONFIGURATION = bytes(
  '0103700000000000000000001ef000fcfdf8f800000f03 200001001840010c01ffff03700000030090000003000003001eba0240' +
    '210001002c 42010103700000030090000003000003001ea017202c75e5ba924a6b9b81010302000003000200000300021022' +
    '000100074401c172b06240',
);
/** The parameter set of one of 64x64 by the same. */
const SMALL = bytes('42010103700000030090000003000003001ea020810596eae4a6b9b8101030200000030020000003002122');

const unit = (content: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
};

describe('readHevcSizes', () => {
  const ofConfiguration = { codedWidth: 184, codedHeight: 176, width: 182, height: 176 };

  test('the size in the configuration, in whole blocks and as it is shown', () => {
    expect(readHevcSizes(CONFIGURATION, new Uint8Array(0))).toEqual([ofConfiguration]);
  });

  test('a size among the pictures counts too', () => {
    const picture = unit(bytes('2601af0980'));
    expect(readHevcSizes(CONFIGURATION, Buffer.concat([picture, unit(SMALL), picture]))).toEqual([
      ofConfiguration,
      { codedWidth: 64, codedHeight: 64, width: 64, height: 64 },
    ]);
  });

  test('of a stream in layers of time, by x265', () => {
    const inLayers = bytes(
      '42010201600000030090000003000003001e0000a034839dde59598acd7265780b404000000300400000064222',
    );
    expect(readHevcSizes(CONFIGURATION, unit(inLayers))[1]).toEqual({
      codedWidth: 104,
      codedHeight: 56,
      width: 100,
      height: 52,
    });
  });

  test('that of another layer does not', () => {
    const other = Buffer.from(SMALL);
    other[1] = 0x09;
    expect(readHevcSizes(CONFIGURATION, unit(other))).toEqual([ofConfiguration]);
  });

  test('what is cut off is an error', () => {
    for (const length of [10, 60, 90]) {
      expect(() => readHevcSizes(CONFIGURATION.subarray(0, length), new Uint8Array(0))).toThrow('truncated');
    }
    expect(() => readHevcSizes(CONFIGURATION, unit(SMALL).subarray(0, 20))).toThrow('truncated');
    expect(() => readHevcSizes(CONFIGURATION, unit(SMALL.subarray(0, 16)))).toThrow('truncated');
  });
});
