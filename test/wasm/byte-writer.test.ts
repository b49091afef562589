import { describe, expect, test } from '@jest/globals';
import { ByteWriter } from '../../src/wasm/byte-writer.ts';

describe('byte writer', () => {
  // The examples of the WebAssembly and DWARF specifications, and the borders between lengths.
  test.each([
    [0, [0]],
    [127, [127]],
    [128, [0x80, 1]],
    [624_485, [0xe5, 0x8e, 0x26]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('unsigned %i', (value, bytes) => {
    expect([...new ByteWriter().unsigned(value).bytes]).toEqual(bytes);
  });

  test.each([
    [0, [0]],
    [63, [63]],
    [64, [0xc0, 0]],
    [-1, [0x7f]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [-123_456, [0xc0, 0xbb, 0x78]],
    [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 0x07]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])('signed %i', (value, bytes) => {
    expect([...new ByteWriter().signed(value).bytes]).toEqual(bytes);
  });

  test('grows, and keeps what it has', () => {
    const writer = new ByteWriter(1);
    for (let i = 0; i < 300; i++) writer.byte(i & 0xff);
    writer.append(Uint8Array.of(1, 2)).float32(1).name('é');
    expect(writer.length).toBe(300 + 2 + 4 + 3);
    expect([...writer.bytes.subarray(255)]).toEqual([
      255,
      ...Array.from({ length: 44 }, (_, i) => i),
      1,
      2,
      0,
      0,
      0x80,
      0x3f,
      2,
      0xc3,
      0xa9,
    ]);
  });
});
