import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { fillUnknown } from '../../src/geometry/fill-unknown.ts';
import type { Picture } from '../../src/geometry/picture.ts';
import { shrinkPhoto } from '../../src/geometry/shrink-photo.ts';

const SIZES = [1, 2, 3, 5, 8, 13];

function filled(size: number, colourOf: (x: number, y: number, c: number) => number, known: Float32Array): Picture {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 0; i < data.length; i++) data[i] = colourOf((i >> 2) % size, Math.floor((i >> 2) / size), i % 4);
  const texture = { data, width: size, height: size };
  fillUnknown(texture, known.slice());
  return texture;
}

describe('unknown texels', () => {
  const random = randomNumbers(43);

  test.each(SIZES)('of a texture %i wide get the only colour that is known anywhere', (size) => {
    for (let round = 0; round < 10; round++) {
      // One is certain, others are more or less so.
      const known = Float32Array.from({ length: size * size }, () => (random() < 0.7 ? 0 : random()));
      known[Math.floor(random() * size * size)] = 1;
      const { data } = filled(size, (_x, _y, c) => [200, 90, 30, 77][c], known);
      for (let i = 0; i < data.length; i++) expect(Math.abs(data[i] - [200, 90, 30, 77][i % 4])).toBeLessThanOrEqual(1);
    }
  });

  test('what is certain stays, and where nothing is known there is nothing', () => {
    const known = Float32Array.from({ length: 64 }, () => (random() < 0.5 ? 1 : 0));
    const colour = (x: number, y: number, c: number): number => (x * 31 + y * 57 + c * 11) % 256;
    const { data } = filled(8, colour, known);
    known.forEach((share, i) => {
      for (let c = 0; c < 3; c++) if (share === 1) expect(data[i * 4 + c]).toBe(colour(i % 8, i >> 3, c));
    });
    expect(filled(5, () => 9, new Float32Array(25)).data.filter((_, i) => i % 4 < 3)).toEqual(
      new Uint8ClampedArray(75),
    );
  });

  test.each(SIZES)('of a texture %i wide come from coarser ones, as sure as those are', (size) => {
    const known = Float32Array.from({ length: size * size }, () => (random() < 0.6 ? 0 : random()));
    const values = Array.from({ length: size * size * 4 }, () => Math.floor(256 * random()));
    const { data } = filled(size, (x, y, c) => values[(y * size + x) * 4 + c], known);
    for (let c = 0; c < 3; c++) {
      const sure = [...known];
      const expected = pushPull(
        sure.map((share, i) => ({ sum: share * values[i * 4 + c], share })),
        size,
      );
      expected.forEach((value, i) => {
        expect(Math.abs(data[i * 4 + c] - value)).toBeLessThan(0.6);
      });
    }
  });

  interface Texel {
    readonly sum: number;
    readonly share: number;
  }

  /** Each level is four texels of the finer one, no surer than 1, and what is missing comes from between those of the coarser. */
  function pushPull(texels: readonly Texel[], size: number): number[] {
    if (size === 1) return texels.map(({ sum }) => sum);
    const half = Math.ceil(size / 2);
    const coarse = Array.from({ length: half * half }, (_, i): Texel => {
      const under = texels.filter(
        (_texel, k) => (k % size) >> 1 === i % half && Math.floor(k / size) >> 1 === Math.floor(i / half),
      );
      const [sum, share] = [
        under.reduce((all, one) => all + one.sum, 0),
        under.reduce((all, one) => all + one.share, 0),
      ];
      return { sum: sum / Math.max(1, share), share: Math.min(1, share) };
    });
    const above = pushPull(coarse, half);
    const between = (at: number): [number, number, number] => {
      const place = Math.min(half - 1, Math.max(0, (at + 0.5) / 2 - 0.5));
      return [Math.floor(place), Math.min(half - 1, Math.floor(place) + 1), place - Math.floor(place)];
    };
    return texels.map(({ sum, share }, i) => {
      const [left, right, x] = between(i % size);
      const [top, bottom, y] = between(Math.floor(i / size));
      const mix = (a: number, b: number, part: number): number => a * (1 - part) + b * part;
      const row = (r: number): number => mix(above[r * half + left], above[r * half + right], x);
      return sum + (1 - share) * mix(row(top), row(bottom), y);
    });
  }
});

describe('a photo made smaller', () => {
  const [width, height] = [30, 26];
  const random = randomNumbers(47);
  const data = Uint8Array.from({ length: width * height * 4 }, () => Math.floor(256 * random()));
  const image = { data, width, height };
  const vertices = Float32Array.of(7.2, 5.9, 1, 20.4, 5.3, 2, 12, 18.5, 3);

  test.each([
    [2, 2],
    [3.9, 2],
    [4, 4],
    [8, 8],
    [100, 64],
  ])('for texels of %f px has blocks of %i px, from the first px of the face on', (pixelsPerTexel, block) => {
    const small = shrinkPhoto(image, vertices, pixelsPerTexel);
    // Columns 7 to 21, rows 5 to 19.
    expect(small).toMatchObject({ block, left: 7, top: 5 });
    const [columns, rows] = [Math.ceil(15 / block), Math.ceil(15 / block)];
    expect([small.image.width, small.image.height, small.image.data.length]).toEqual([
      columns,
      rows,
      columns * rows * 4,
    ]);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let c = 0; c < 4; c++) {
          const found: number[] = [];
          for (let y = 5 + row * block; y < Math.min(20, 5 + (row + 1) * block); y++) {
            for (let x = 7 + column * block; x < Math.min(22, 7 + (column + 1) * block); x++) {
              found.push(data[(y * width + x) * 4 + c]);
            }
          }
          const mean = c === 3 ? 255 : found.reduce((sum, value) => sum + value, 0) / found.length;
          expect(Math.abs(small.image.data[(row * columns + column) * 4 + c] - mean)).toBeLessThan(0.51);
        }
      }
    }
    // The middle of a block of px is a whole px of the small photo.
    for (let i = 0; i < vertices.length; i += 3) {
      expect(small.vertices[i]).toBeCloseTo((vertices[i] - 7 - (block - 1) / 2) / block, 5);
      expect(small.vertices[i + 1]).toBeCloseTo((vertices[i + 1] - 5 - (block - 1) / 2) / block, 5);
      expect(small.vertices[i + 2]).toBe(vertices[i + 2]);
    }
    expect([...vertices]).toEqual([...Float32Array.of(7.2, 5.9, 1, 20.4, 5.3, 2, 12, 18.5, 3)]);
  });

  test('is the photo itself for smaller texels, for nonsense, and for a face that is not on it', () => {
    const whole = { image, vertices, block: 1, left: 0, top: 0 };
    for (const size of [0, 1, 1.99, 8192, Infinity]) expect(shrinkPhoto(image, vertices, size)).toEqual(whole);
    expect(shrinkPhoto(image, vertices, 4096).block).toBe(4096);
    for (const [x, y] of [
      [50, 0],
      [0, 50],
    ]) {
      const away = vertices.map((value, i) => value + [x, y, 0][i % 3]);
      expect(shrinkPhoto(image, away, 4)).toEqual({ ...whole, vertices: away });
    }
  });

  test('ends at the borders of the photo', () => {
    const large = Float32Array.of(-3, -4, 0, 50, 60, 0);
    expect(shrinkPhoto(image, large, 2)).toMatchObject({ left: 0, top: 0, image: { width: 15, height: 13 } });
    const last = Float32Array.of(27.5, 23.5, 0, 28.9, 24.9, 0);
    expect(shrinkPhoto(image, last, 2)).toMatchObject({ left: 27, top: 23, image: { width: 2, height: 2 } });
  });
});
