/** Several pictures on one. */

import { checkOptionNames, type OptionNames } from '../check-arguments.ts';
import type { RgbaImage } from '../types.ts';
import { checkListArgument } from './check-surface-arguments.ts';
import { paintSegments } from './paint.ts';
import { type Colour, checkImage, newCanvas, type Picture } from './picture.ts';
import { resizePicture } from './resize-picture.ts';
import { textSegments, textWidth } from './stroke-font.ts';

/** Options of `createSheet` and `arrangeSheet`. */
export interface SheetOptions {
  /** Pictures per row; by default as many as bring the sheet closest to a square. */
  readonly columns?: number;
  /** Black space between pictures, px; default 0, or with labels a hundredth of a cell. */
  readonly gap?: number;
  /** A line above each picture, in their order. Small pictures are enlarged so that it is legible. */
  readonly labels?: readonly string[];
  /** Maximum longer side of the sheet, px; pictures are scaled down if they do not fit. Default 8192. */
  readonly maxSide?: number;
}

const SHEET_OPTION_NAMES: OptionNames<SheetOptions> = { columns: true, gap: true, labels: true, maxSide: true };

/** A sheet that is filled picture by picture, so that they need not all be in memory at once. */
export interface Sheet {
  /**
   * Puts a picture into the next cell, as large as the cell if it has the cell's proportions, else fitted into it.
   * @throws RangeError if the sheet is full, or for a picture whose size and data disagree.
   */
  add(picture: RgbaImage): void;
  /** The sheet so far; cells are black until they are filled. */
  readonly picture: Picture;
}

const DEFAULT_MAX_SIDE = 8192;
/** A labelled cell is at least this wide or high, px. */
const LEAST_LABELLED_CELL = 256;
/** Height of a label's capitals relative to the cell's shorter side, and the minimum in px. */
const LABEL_SHARE = 0.035;
const LEAST_LABEL_HEIGHT = 9;
/** Height of the label's band relative to its capitals. */
const BAND_SHARE = 2.4;
const LABEL_COLOUR: Colour = [235, 235, 235];
/** How much an empty cell counts, relative to a sheet that is 2.7 times as wide as high. */
const EMPTY_CELL_COST = 0.3;

/**
 * Makes an empty sheet.
 * @param count - cells.
 * @param cell - size of the pictures, px; larger ones are scaled down, and with labels smaller ones up.
 * @throws RangeError for no cells at all, sizes that are not whole, or a different number of labels.
 */
export function createSheet(
  count: number,
  cell: { readonly width: number; readonly height: number },
  options: SheetOptions = {},
): Sheet {
  checkOptionNames(options, SHEET_OPTION_NAMES);
  const { labels, maxSide = DEFAULT_MAX_SIDE } = options;
  checkWhole('count', count, 1);
  checkWhole('cell.width', cell.width, 1);
  checkWhole('cell.height', cell.height, 1);
  checkWhole('maxSide', maxSide, 1);
  if (options.columns !== undefined) checkWhole('columns', options.columns, 1);
  if (options.gap !== undefined) checkWhole('gap', options.gap, 0);
  if (labels !== undefined && labels.length !== count) {
    throw new RangeError(`labels: expected ${count}, got ${labels.length}`);
  }
  const layout = layOut(count, cell, options, maxSide);
  const { columns, width, height, cellWidth, cellHeight, labelHeight, band, gap } = layout;
  const picture = newCanvas({ data: new Uint8Array(width * height * 4), width, height }, 'black');
  let filled = 0;
  return {
    picture,
    add(added) {
      checkImage(added);
      if (filled === count) throw new RangeError(`the sheet has ${count} cells, and all are filled`);
      const left = (filled % columns) * (cellWidth + gap);
      const top = Math.floor(filled / columns) * (band + cellHeight + gap);
      const label = labels?.[filled];
      filled++;
      if (label !== undefined) {
        // A long label is made smaller rather than reaching into the next cell.
        const size = Math.min(
          labelHeight,
          (labelHeight * cellWidth * 0.96) / Math.max(1, textWidth(label, labelHeight)),
        );
        const strokes = textSegments(label, left + size * 0.4, top + (band + size) / 2, size);
        paintSegments(picture, strokes, { colour: LABEL_COLOUR, lineWidth: Math.max(1, size * 0.13) });
      }
      const fitted = fitInto(added, cellWidth, cellHeight, labels !== undefined);
      for (let y = 0; y < fitted.height; y++) {
        const row = fitted.data.subarray(y * fitted.width * 4, (y + 1) * fitted.width * 4);
        picture.data.set(row, ((top + band + y) * width + left) * 4);
      }
    },
  };
}

/**
 * Arranges pictures on one sheet, in rows, on black where they differ in size.
 * @returns a new picture.
 * @throws RangeError as `createSheet` does.
 */
export function arrangeSheet(pictures: readonly RgbaImage[], options: SheetOptions = {}): Picture {
  checkListArgument(pictures, 'pictures', 'pictures');
  if (pictures.length === 0) throw new RangeError('pictures: expected at least one, got none');
  for (const picture of pictures) checkImage(picture);
  const cell = {
    width: Math.max(...pictures.map((picture) => picture.width)),
    height: Math.max(...pictures.map((picture) => picture.height)),
  };
  const sheet = createSheet(pictures.length, cell, options);
  for (const picture of pictures) sheet.add(picture);
  return sheet.picture;
}

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${name}: expected a whole number >= ${least}, got ${value}`);
  }
}

/** Where things go on a sheet, px. */
interface Layout {
  readonly columns: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly labelHeight: number;
  readonly band: number;
  readonly gap: number;
  readonly width: number;
  readonly height: number;
}

function layOut(
  count: number,
  cell: { readonly width: number; readonly height: number },
  { columns, gap, labels }: SheetOptions,
  maxSide: number,
): Layout {
  const at = (scale: number, columnCount: number): Layout => {
    const cellWidth = Math.max(1, Math.round(cell.width * scale));
    const cellHeight = Math.max(1, Math.round(cell.height * scale));
    const labelHeight = Math.max(LEAST_LABEL_HEIGHT, Math.min(cellWidth, cellHeight) * LABEL_SHARE);
    const band = labels === undefined ? 0 : Math.round(labelHeight * BAND_SHARE);
    const space = gap ?? (labels === undefined ? 0 : Math.max(2, Math.round(Math.max(cellWidth, cellHeight) / 100)));
    const rows = Math.ceil(count / columnCount);
    const width = columnCount * (cellWidth + space) - space;
    const height = rows * (band + cellHeight + space) - space;
    return { columns: columnCount, cellWidth, cellHeight, labelHeight, band, gap: space, width, height };
  };
  const least = labels === undefined ? 0 : LEAST_LABELLED_CELL;
  const enlarged = Math.max(1, least / Math.max(cell.width, cell.height));
  const cost = ({ columns: columnCount, width, height }: Layout): number => {
    const empty = Math.ceil(count / columnCount) * columnCount - count;
    return Math.abs(Math.log(width / height)) + EMPTY_CELL_COST * (empty / count);
  };
  // From many columns to few: of two that are equally good, the wider wins.
  const candidates = Array.from({ length: count }, (_, i) => at(enlarged, count - i));
  const square = candidates.reduce((best, layout) => (cost(layout) < cost(best) - 1e-9 ? layout : best));
  const columnCount = Math.min(columns ?? square.columns, count);
  let scale = enlarged;
  let layout = at(scale, columnCount);
  // Bands and gaps do not shrink in proportion: a few rounds, until it fits or nothing is left to shrink.
  while (Math.max(layout.width, layout.height) > maxSide && Math.max(layout.cellWidth, layout.cellHeight) > 1) {
    scale *= Math.min(0.99, maxSide / Math.max(layout.width, layout.height));
    layout = at(scale, columnCount);
  }
  return layout;
}

/** The picture as large as the cell allows; never enlarged unless requested. */
function fitInto(picture: RgbaImage, width: number, height: number, enlarge: boolean): RgbaImage {
  const scale = Math.min(width / picture.width, height / picture.height, enlarge ? Number.POSITIVE_INFINITY : 1);
  if (scale === 1) return picture;
  const sideOf = (side: number, most: number): number => Math.min(most, Math.max(1, Math.round(side * scale)));
  return resizePicture(picture, sideOf(picture.width, width), sideOf(picture.height, height));
}
