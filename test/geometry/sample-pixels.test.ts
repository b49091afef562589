import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { mixPixels, pixelWords, samplePixels } from '../../src/geometry/sample-pixels.ts';
import { sampleTexture } from '../../src/geometry/sample-texture.ts';

const random = randomNumbers(17);
const bytesOf = (word: number): number[] => [...new Uint8Array(Uint32Array.of(word).buffer)];

describe('the photo at a place', () => {
  const [width, height] = [5, 4];
  const data = Uint8Array.from({ length: width * height * 4 }, () => Math.floor(256 * random()));
  const words = pixelWords({ data, width, height });
  const valueAt = (x: number, y: number, channel: number): number => {
    const [px, py] = [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
    const [left, top] = [Math.min(Math.floor(px), width - 2), Math.min(Math.floor(py), height - 2)];
    const corner = (dx: number, dy: number): number =>
      data[((top + dy) * width + left + dx) * 4 + channel] *
      Math.abs(1 - dx - (px - left)) *
      Math.abs(1 - dy - (py - top));
    return corner(0, 0) + corner(1, 0) + corner(0, 1) + corner(1, 1);
  };

  test('is what lies between its four pixels, and beyond the border that of the border', () => {
    for (let round = 0; round < 500; round++) {
      const [x, y] = [7 * random() - 1, 6 * random() - 1];
      const found = bytesOf(samplePixels(words, width, width - 1, height - 1, x, y));
      // Places have 8 bits after the point, and so have weights: up to two levels.
      for (let c = 0; c < 4; c++) expect(Math.abs(found[c] - valueAt(x, y, c))).toBeLessThan(2);
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const pixel = [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)];
        expect(bytesOf(samplePixels(words, width, width - 1, height - 1, x, y))).toEqual(pixel);
      }
    }
  });

  test('of one colour is that colour everywhere', () => {
    for (let value = 0; value < 256; value++) {
      const colour = [value, 255 - value, (value * 7) & 255, 255];
      const plain = Uint32Array.from({ length: 4 }, () => new Uint32Array(Uint8Array.from(colour).buffer)[0]);
      for (let round = 0; round < 8; round++) {
        expect(bytesOf(samplePixels(plain, 2, 1, 1, random(), random()))).toEqual(colour);
        expect(bytesOf(mixPixels(plain[0], plain[1], random()))).toEqual(colour);
      }
    }
  });

  test('of bytes that do not begin at a multiple of four is the same', () => {
    for (const offset of [0, 1, 2, 3, 4]) {
      const buffer = new Uint8Array(data.length + 8);
      buffer.set(data, offset);
      const view = buffer.subarray(offset, offset + data.length);
      expect([...pixelWords({ data: view, width, height })]).toEqual([...words]);
    }
  });

  test('two words mix by their share', () => {
    const [one, two] = [words[3], words[8]];
    for (const share of [0, 0.25, 0.5, 1]) {
      const mixed = bytesOf(mixPixels(one, two, share));
      bytesOf(one).forEach((value, c) => {
        expect(Math.abs(mixed[c] - (value + (bytesOf(two)[c] - value) * share))).toBeLessThanOrEqual(0.51);
      });
    }
  });

  test("of a texture is at u from the left and v from the bottom, a texel's centre half a texel in", () => {
    const uvs = Float32Array.from({ length: 200 }, () => 1.4 * random() - 0.2);
    const colours = sampleTexture({ data, width, height }, uvs);
    expect(colours).toHaveLength(300);
    for (let i = 0; i < 100; i++) {
      const [x, y] = [uvs[2 * i] * width - 0.5, (1 - uvs[2 * i + 1]) * height - 0.5];
      for (let c = 0; c < 3; c++) expect(Math.abs(colours[3 * i + c] - valueAt(x, y, c))).toBeLessThan(2);
    }
  });
});
