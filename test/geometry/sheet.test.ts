import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { gradientImage } from '../../development/synthetic-face.ts';
import { resizePicture } from '../../src/geometry/resize-picture.ts';
import { arrangeSheet, createSheet } from '../../src/geometry/sheet.ts';
import type { RgbaImage } from '../../src/types.ts';

function plain(width: number, height: number, value: number): RgbaImage {
  return { data: new Uint8Array(width * height * 4).fill(value), width, height };
}

function pixel({ data, width }: RgbaImage, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)];
}

const many = (count: number, width: number, height: number): RgbaImage[] =>
  Array.from({ length: count }, () => plain(width, height, 100));

describe('sheet', () => {
  test('pictures lie side by side, or in rows', () => {
    const row = arrangeSheet([plain(4, 3, 10), plain(2, 2, 20)], { gap: 1, columns: 2 });
    expect([row.width, row.height]).toEqual([9, 3]);
    expect(pixel(row, 3, 2)).toEqual([10, 10, 10]);
    expect(pixel(row, 4, 0)).toEqual([0, 0, 0]);
    expect(pixel(row, 5, 0)).toEqual([20, 20, 20]);
    expect(pixel(row, 5, 2)).toEqual([0, 0, 0]);
    const rows = arrangeSheet([plain(2, 2, 1), plain(2, 2, 2), plain(2, 2, 3)], { columns: 2 });
    expect([rows.width, rows.height]).toEqual([4, 4]);
    expect(pixel(rows, 0, 3)).toEqual([3, 3, 3]);
  });

  test.each([
    [2, 100, 100, 2],
    [4, 100, 100, 2],
    [9, 100, 100, 3],
    [20, 256, 256, 5],
    [3, 300, 100, 1],
    [3, 100, 300, 3],
    [9, 1536, 689, 2],
  ])('%i pictures of %i x %i make %i columns', (count, width, height, columns) => {
    expect(arrangeSheet(many(count, width, height)).width).toBe(columns * width);
  });

  test('labels can be read above pictures of any size, each in its own colour-free band', () => {
    for (const size of [40, 100, 900]) {
      const sheet = arrangeSheet(many(4, size, size), { labels: ['landmarks', 'uv-texture', 'pose', ''] });
      const cell = Math.max(256, size);
      const band = Math.round(Math.max(9, cell * 0.035) * 2.4);
      const gap = Math.round(cell / 100);
      expect([sheet.width, sheet.height]).toEqual([2 * cell + gap, 2 * (cell + band) + gap]);
      const ink = (column: number, row: number): number => {
        let bright = 0;
        for (let y = 0; y < band; y++) {
          for (let x = 0; x < cell; x++) {
            const [value = 0] = pixel(sheet, column * (cell + gap) + x, row * (cell + band + gap) + y);
            if (value > 150) bright++;
          }
        }
        return bright / band ** 2;
      };
      expect(ink(0, 0)).toBeGreaterThan(0.2);
      expect(ink(1, 0)).toBeGreaterThan(0.2);
      expect(ink(0, 1)).toBeGreaterThan(0.1);
      expect(ink(1, 1)).toBe(0);
      expect(pixel(sheet, 5, band + 5)).toEqual([100, 100, 100]);
    }
  });

  test('a label longer than its cell stays within it', () => {
    const text = 'a very long label that no cell of this width could hold';
    const sheet = arrangeSheet(many(2, 256, 256), { labels: [text, ''], columns: 2 });
    for (let y = 0; y < 20; y++) for (let x = 256; x < sheet.width; x++) expect(pixel(sheet, x, y)).toEqual([0, 0, 0]);
  });

  test('never grows beyond its bound, whatever the pictures', () => {
    const large = arrangeSheet(many(6, 3000, 2000), { labels: ['a', 'b', 'c', 'd', 'e', 'f'], maxSide: 1000 });
    expect(Math.max(large.width, large.height)).toBeLessThanOrEqual(1000);
    expect(Math.max(large.width, large.height)).toBeGreaterThan(950);
    expect(pixel(large, 100, 100)).toEqual([100, 100, 100]);
    const crowd = arrangeSheet(many(300, 64, 64), { columns: 300 });
    expect(crowd.width).toBeLessThanOrEqual(8192);
    expect(pixel(crowd, 8000, 3)).toEqual([100, 100, 100]);
    expect(arrangeSheet(many(2, 5, 5), { maxSide: 1, columns: 1 })).toMatchObject({ width: 1 });
  });

  test('a sheet is filled picture by picture, and no further', () => {
    const photo = gradientImage(300, 200);
    const before = photo.data.slice();
    const sheet = createSheet(2, photo, { columns: 2 });
    expect(pixel(sheet.picture, 350, 50)).toEqual([0, 0, 0]);
    sheet.add(photo);
    sheet.add(plain(150, 400, 77));
    expect(pixel(sheet.picture, 299, 199)).toEqual([...photo.data.slice(-4, -1)]);
    // Higher than its cell: half the size.
    expect(pixel(sheet.picture, 300 + 74, 199)).toEqual([77, 77, 77]);
    expect(pixel(sheet.picture, 300 + 76, 100)).toEqual([0, 0, 0]);
    expect(() => sheet.add(photo)).toThrow('all are filled');
    expect(photo.data).toEqual(before);
  });

  test('what makes no sense is refused', () => {
    const [one] = many(1, 4, 4) as [RgbaImage];
    expect(() => arrangeSheet([])).toThrow(RangeError);
    expect(() => arrangeSheet([one], { columns: 0 })).toThrow('columns');
    expect(() => arrangeSheet([one], { gap: -1 })).toThrow('gap');
    expect(() => arrangeSheet([one], { maxSide: 0.5 })).toThrow('maxSide');
    expect(() => arrangeSheet([one], { labels: [] })).toThrow('labels');
    expect(() => arrangeSheet([{ ...one, width: 5 }])).toThrow('image.data');
    expect(() => createSheet(0, one)).toThrow('count');
    expect(() => createSheet(1, { width: 1.5, height: 1 })).toThrow('cell.width');
    expect(() => createSheet(1, { width: 1, height: 0 })).toThrow('cell.height');
  });
});

describe('resized picture', () => {
  test('the same size is the same picture', () => {
    const photo = gradientImage(31, 17);
    expect([...resizePicture(photo, 31, 17).data]).toEqual([...photo.data]);
  });

  test.each([
    [400, 300],
    [50, 40],
    [7, 300],
    [1, 1],
  ])('a gradient stays one at %i x %i', (width, height) => {
    const photo = gradientImage(200, 150);
    const resized = resizePicture(photo, width, height);
    let worst = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [red = 0, green = 0] = pixel(resized, x, y);
        const isBorder = x === 0 || y === 0 || x === width - 1 || y === height - 1;
        if (isBorder && width > 1) continue;
        worst = Math.max(worst, Math.abs(red - (((x + 0.5) / width) * 255 - 0.5)));
        worst = Math.max(worst, Math.abs(green - (((y + 0.5) / height) * 255 - 0.5)));
      }
    }
    expect(worst).toBeLessThan(2);
  });

  test.each([
    [3, 2],
    [5, 4],
    [13, 11],
    [20, 9],
    [1, 30],
  ])('each pixel at %i x %i is the mean of those under its tent, all four channels', (width, height) => {
    const random = randomNumbers(width);
    const photo = {
      data: Uint8Array.from({ length: 13 * 9 * 4 }, () => Math.floor(256 * random())),
      width: 13,
      height: 9,
    };
    /** Weights of the photo's pixels along one side: a tent as wide as two of the larger pixels, about the place itself. */
    const tent = (from: number, to: number, at: number): number[] => {
      const centre = Math.min(from - 1, Math.max(0, ((at + 0.5) * from) / to - 0.5));
      const weights = Array.from({ length: from }, (_, i) =>
        Math.max(0, 1 - Math.abs(i - centre) / Math.max(1, from / to)),
      );
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return weights.map((weight) => weight / total);
    };
    const { data } = resizePicture(photo, width, height);
    expect(data).toHaveLength(width * height * 4);
    let worst = 0;
    for (let y = 0; y < height; y++) {
      const rows = tent(9, height, y);
      for (let x = 0; x < width; x++) {
        const columns = tent(13, width, x);
        for (let c = 0; c < 4; c++) {
          let sum = 0;
          rows.forEach((down, row) => {
            columns.forEach((across, column) => {
              sum += down * across * photo.data[(row * 13 + column) * 4 + c];
            });
          });
          worst = Math.max(worst, Math.abs(data[(y * width + x) * 4 + c] - sum));
        }
      }
    }
    expect(worst).toBeLessThan(0.51);
  });

  test('shrinking averages: fine lines turn grey instead of vanishing', () => {
    const lines = plain(120, 120, 0);
    for (let i = 0; i < 120 * 120; i++) lines.data.fill(i % 4 === 0 ? 200 : 0, i * 4, i * 4 + 4);
    const { data } = resizePicture(lines, 12, 12);
    for (const value of data) expect(Math.abs(value - 50)).toBeLessThan(6);
  });

  test('refuses sizes that are none', () => {
    expect(() => resizePicture(plain(4, 4, 0), 0, 4)).toThrow('width');
    expect(() => resizePicture(plain(4, 4, 0), 4, 1.5)).toThrow('height');
  });
});
