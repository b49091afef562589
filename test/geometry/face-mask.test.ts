import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { syntheticFace } from '../../development/synthetic-face.ts';
import { faceMask, hideFaces } from '../../src/geometry/face-mask.ts';
import type { RgbaImage } from '../../src/types.ts';

const WIDTH = 100;
const HEIGHT = 80;

function noise(seed: number): RgbaImage {
  const random = randomNumbers(seed);
  const data = Uint8Array.from({ length: WIDTH * HEIGHT * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : Math.floor(256 * random()),
  );
  return { data, width: WIDTH, height: HEIGHT };
}

const image = noise(3);
const at = ({ data }: { data: ArrayLike<number> }, x: number, y: number, channel: number): number =>
  data[(y * WIDTH + x) * 4 + channel];

const blockMeans = new Map<string, number>();

/** Mean of the picture's pixels in a block that begins at a multiple of its size. */
function blockMean(size: number, column: number, row: number, channel: number): number {
  const key = `${size} ${column} ${row} ${channel}`;
  const known = blockMeans.get(key);
  if (known !== undefined) return known;
  let [sum, count] = [0, 0];
  for (let y = row * size; y < Math.min(HEIGHT, (row + 1) * size); y++) {
    for (let x = column * size; x < Math.min(WIDTH, (column + 1) * size); x++, count++) sum += at(image, x, y, channel);
  }
  blockMeans.set(key, sum / count);
  return sum / count;
}

test('a mask holds the pixels whose centres the mesh covers, the mouth included', () => {
  // The face is a square of 60 px about (50.3, 40.4); the second lies beyond two of the picture's borders.
  const one = syntheticFace(50.3, 40.4, 30);
  const two = syntheticFace(95.6, 70.7, 10);
  const mask = faceMask({ width: WIDTH, height: HEIGHT }, [one.vertices, two.vertices], one.maps);
  expect([mask.width, mask.height, mask.data.length]).toEqual([WIDTH, HEIGHT, WIDTH * HEIGHT]);
  const wrong: [number, number][] = [];
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const isInOne = Math.abs(x - 50.3) < 30 && Math.abs(y - 40.4) < 30;
      const isInTwo = Math.abs(x - 95.6) < 10 && Math.abs(y - 70.7) < 10;
      if (mask.data[y * WIDTH + x] !== (isInOne || isInTwo ? 255 : 0)) wrong.push([x, y]);
    }
  }
  expect(wrong).toEqual([]);
});

describe('of a face 63 px wide', () => {
  // Nine blocks across are 7 px each; the picture ends with a block of 2 px, and below with one of 3.
  const { vertices, maps } = syntheticFace(70.2, 50.2, 31.5);
  const mask = faceMask(image, [vertices], maps);

  /** Each channel of each pixel of the face; all others are the photo's. */
  function expectInside(
    how: 'blur' | 'pixelate' | 'black',
    detail: number,
    expected: (x: number, y: number, channel: number) => number,
  ): void {
    const hidden = hideFaces(image, [vertices], maps, { how, detail });
    let worst = 0;
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        for (let channel = 0; channel < 4; channel++) {
          const isPhoto = mask.data[y * WIDTH + x] === 0 || channel === 3;
          const value = isPhoto ? at(image, x, y, channel) : expected(x, y, channel);
          worst = Math.max(worst, Math.abs(at(hidden, x, y, channel) - value));
        }
      }
    }
    // Bytes are rounded.
    expect(worst).toBeLessThan(0.51);
  }

  test('the picture holds some of it at its right and at its bottom', () => {
    expect([mask.data[WIDTH * HEIGHT - 1], mask.data[30 * WIDTH + 99], mask.data[0]]).toEqual([255, 255, 0]);
  });

  test('pixelated: means of blocks', () => {
    expectInside('pixelate', 9, (x, y, channel) => blockMean(7, Math.floor(x / 7), Math.floor(y / 7), channel));
  });

  test('blurred: means in the middle of each block, and even passages from one to the next', () => {
    // Nodes at 3, 10, 17, ...: the last block's mean stands where a whole block's middle would be.
    const lastColumn = Math.floor((WIDTH - 1) / 7);
    const lastRow = Math.floor((HEIGHT - 1) / 7);
    const node = (column: number, row: number, channel: number): number =>
      blockMean(7, Math.max(0, Math.min(lastColumn, column)), Math.max(0, Math.min(lastRow, row)), channel);
    const along = (place: number, valueAt: (index: number) => number): number => {
      const before = Math.floor((place - 3) / 7);
      const share = (place - 3) / 7 - before;
      return valueAt(before) + share * (valueAt(before + 1) - valueAt(before));
    };
    expectInside('blur', 9, (x, y, channel) => along(y, (row) => along(x, (column) => node(column, row, channel))));
  });

  test('blacked out', () => {
    expectInside('black', 8, () => 0);
  });

  test('in blocks of a px at the least', () => {
    expectInside('pixelate', 100, (x, y, channel) => at(image, x, y, channel));
    expect(() => hideFaces(image, [vertices], maps, { detail: 1 })).not.toThrow();
    for (const detail of [0.9, 100.1, Number.NaN]) {
      expect(() => hideFaces(image, [vertices], maps, { detail })).toThrow('detail: expected a number from 1 to 100');
    }
  });

  test('by default blurred into eight', () => {
    const hidden = hideFaces(image, [vertices], maps);
    expect(hidden.data).toEqual(hideFaces(image, [vertices], maps, { how: 'blur', detail: 8 }).data);
    expect(hidden.data).not.toEqual(hideFaces(image, [vertices], maps, { how: 'blur', detail: 9 }).data);
  });

  test('each face by its own width', () => {
    const small = syntheticFace(20.2, 20.2, 10.5);
    const both = hideFaces(image, [vertices, small.vertices], maps, { how: 'pixelate', detail: 3 });
    // 63 / 3 = 21 and 21 / 3 = 7 px.
    expect(at(both, 70, 50, 0)).toBe(Math.round(blockMean(21, 3, 2, 0)));
    expect(at(both, 20, 20, 1)).toBe(Math.round(blockMean(7, 2, 2, 1)));
  });
});
