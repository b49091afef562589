import { LANDMARK_COUNT } from '../geometry/landmark-regions.ts';
import type { AlignDocumentFace } from './align-document.ts';
import type { PictureResult } from './result-line.ts';

const PICTURE_COLUMNS = ['path', 'size', 'mtimeMs', 'width', 'height', 'error'] as const;
const FACE_COLUMNS = [
  'face',
  'xMin',
  'yMin',
  'xMax',
  'yMax',
  'score',
  'yawDegrees',
  'pitchDegrees',
  'rollDegrees',
] as const;
const AXES = ['x', 'y', 'z'] as const;
const POINT_COLUMNS = AXES.flatMap((axis) => Array.from({ length: LANDMARK_COUNT }, (_, point) => `${axis}_${point}`));

type Cell = string | number | undefined;

/** The first line of a table of results (RFC 4180, but lines end in a line feed). */
export function csvHeader(): string {
  return formatRow([...PICTURE_COLUMNS, ...FACE_COLUMNS, ...POINT_COLUMNS]);
}

/**
 * The lines of one picture: one per face, counted from 1, or a single one without a face if there is none or an error
 * occurred. Landmarks are x_0 … x_67, y_0 …, z_0 …, px of the image.
 */
export function csvRows(result: PictureResult): string {
  const { path, size, mtimeMs } = result;
  if ('error' in result)
    return formatRow([path, size, mtimeMs, undefined, undefined, result.error, ...facelessCells()]);
  const picture = [path, size, mtimeMs, result.width, result.height, undefined];
  if (result.faces.length === 0) return formatRow([...picture, ...facelessCells()]);
  return result.faces.map((face, index) => formatRow([...picture, index + 1, ...faceCells(face)])).join('');
}

function facelessCells(): Cell[] {
  return new Array<Cell>(FACE_COLUMNS.length + POINT_COLUMNS.length).fill(undefined);
}

function faceCells({ box, pose, landmarks }: AlignDocumentFace): Cell[] {
  const { xMin, yMin, xMax, yMax, score } = box;
  const points = AXES.flatMap((_, axis) =>
    Array.from({ length: LANDMARK_COUNT }, (_point, point) => landmarks?.[point][axis]),
  );
  return [xMin, yMin, xMax, yMax, score, pose.yawDegrees, pose.pitchDegrees, pose.rollDegrees, ...points];
}

function formatRow(cells: readonly Cell[]): string {
  return `${cells.map(formatCell).join(',')}\n`;
}

function formatCell(cell: Cell): string {
  if (cell === undefined) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
