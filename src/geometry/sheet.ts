/** Several pictures on one. */
import type { RgbaImage } from '../types.ts';
import { checkImage, type Picture } from './picture.ts';

/** Options of `arrangeSheet`. */
export interface SheetOptions {
  /** Pictures in a row; default all of them. */
  readonly columns?: number;
  /** Black space between pictures, px; default 0. */
  readonly gap?: number;
}

/**
 * Puts pictures side by side, on black where they differ in size.
 * @returns a new picture.
 * @throws RangeError for no picture at all or a column count below 1.
 */
export function arrangeSheet(pictures: readonly RgbaImage[], options: SheetOptions = {}): Picture {
  const { columns = pictures.length, gap = 0 } = options;
  if (pictures.length === 0) throw new RangeError('pictures: expected at least one, got none');
  if (!Number.isInteger(columns) || columns < 1) {
    throw new RangeError(`columns: expected a whole number >= 1, got ${columns}`);
  }
  if (!Number.isInteger(gap) || gap < 0) throw new RangeError(`gap: expected a whole number >= 0, got ${gap}`);
  for (const picture of pictures) checkImage(picture);
  const cellWidth = Math.max(...pictures.map((picture) => picture.width));
  const cellHeight = Math.max(...pictures.map((picture) => picture.height));
  const columnCount = Math.min(columns, pictures.length);
  const rowCount = Math.ceil(pictures.length / columnCount);
  const width = columnCount * (cellWidth + gap) - gap;
  const height = rowCount * (cellHeight + gap) - gap;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  pictures.forEach((picture, index) => {
    const left = (index % columnCount) * (cellWidth + gap);
    const top = Math.floor(index / columnCount) * (cellHeight + gap);
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(y * picture.width * 4, (y + 1) * picture.width * 4);
      data.set(row, ((top + y) * width + left) * 4);
    }
  });
  return { data, width, height };
}
