/** Loops of kernels whose windows slide over a padded picture. Units: rows of the output, over all images. */
import type { Local } from '../../../wasm/function-builder.ts';
import { elementBytes, type View } from '../assign-storage.ts';
import type { Padding } from '../program.ts';
import type { KernelWriter } from './kernel-writer.ts';

/** Windows of a kernel over its input, one for each pixel of its output. */
export interface Windows {
  readonly kernel: readonly [rows: number, columns: number];
  readonly strides: readonly [rows: number, columns: number];
  readonly input: View;
  readonly output: View;
  readonly padding: Padding;
}

/**
 * `body` for every `tilePixels` pixels of each row, and for those that remain.
 * @param body - gets pointers to the first tap of the first pixel's window and to its place in the output; it must
 *   leave them unchanged.
 */
export function forEachTile(
  writer: KernelWriter,
  { strides, input, output, padding }: Omit<Windows, 'kernel'>,
  tilePixels: number,
  body: (source: Local, target: Local, pixels: number) => void,
): void {
  const { f } = writer;
  const { height, width } = output;
  const x = f.local('i32');
  const views = [
    { view: input, rowStep: strides[0], position: -padding.top * input.rowStride - padding.left * input.pixelStride },
    { view: output },
  ];
  writer.forEachRow(height, views, ([source, target]) => {
    f.repeat(Math.floor(width / tilePixels), x, () => {
      body(source, target, tilePixels);
      f.increment(source, tilePixels * strides[1] * input.pixelStride * elementBytes(input.buffer));
      f.increment(target, tilePixels * output.pixelStride * elementBytes(output.buffer));
    });
    if (width % tilePixels > 0) body(source, target, width % tilePixels);
  });
}

/** Pixels of a depthwise tile: as many as there are registers for. */
export function depthwiseTilePixels(
  { target }: KernelWriter,
  { strides, output }: Pick<Windows, 'strides' | 'output'>,
): number {
  return target.registerTiles ? Math.min(output.width, strides[1] === 1 ? 4 : 2) : 1;
}

/** Parts of a depthwise tile, of floats or bytes. */
export interface DepthwiseTile {
  /** Pointer to the first tap of the first pixel's window; it advances. */
  readonly tap: Local;
  /** Pointer to the first weight; it advances by `weightRowBytes` for each row of the kernel. */
  readonly weight: Local;
  readonly weightRowBytes: number;
  readonly pixels: number;
  /** Loads the weights of a column of the kernel, in the row at `weight`. */
  loadWeights(column: number): void;
  /** Loads the input at `offset` bytes from `tap`. */
  loadInput(offset: number): void;
  /** Adds what was loaded to the sum of `pixel`, times the weights of `column`. */
  multiplyAdd(pixel: number, column: number): void;
}

/**
 * The taps of a depthwise tile: a loaded input serves every pixel in whose window it lies.
 * The loop over the kernel's rows stays a real one: if it is unrolled, V8 moves all loads to the front and spills.
 */
export function emitDepthwiseTaps(
  writer: KernelWriter,
  { kernel, strides, input }: Pick<Windows, 'kernel' | 'strides' | 'input'>,
  { tap, weight, weightRowBytes, pixels, ...emit }: DepthwiseTile,
): void {
  const { f } = writer;
  const [rows, columns] = kernel;
  f.repeat(rows, f.local('i32'), () => {
    for (let column = 0; column < columns; column++) emit.loadWeights(column);
    const inputColumns = (pixels - 1) * strides[1] + columns;
    for (let inputColumn = 0; inputColumn < inputColumns; inputColumn++) {
      const taps = Array.from({ length: pixels }, (_, pixel) => ({ pixel, column: inputColumn - pixel * strides[1] }));
      const used = taps.filter(({ column }) => column >= 0 && column < columns);
      if (used.length === 0) continue;
      emit.loadInput(inputColumn * input.pixelStride * elementBytes(input.buffer));
      for (const { pixel, column } of used) emit.multiplyAdd(pixel, column);
    }
    if (rows > 1) {
      f.increment(tap, input.rowStride * elementBytes(input.buffer));
      f.increment(weight, weightRowBytes);
    }
  });
}

/** Windows of up to this many taps are unrolled. */
const UNROLLED_TAPS = 16;

/**
 * Combines the taps of a window, all of which exist.
 * @param source - pointer to the first tap.
 * @param combine - takes the next tap and `result` from the stack, and leaves the new result on it.
 * @param begin - sets `result` before a loop combines every tap with it; without it, `result` starts as the first tap.
 */
export function emitWindowTaps(
  { f }: KernelWriter,
  { kernel: [rows, columns], input }: Pick<Windows, 'kernel' | 'input'>,
  source: Local,
  result: Local,
  combine: () => void,
  begin?: () => void,
): void {
  const pixelBytes = input.pixelStride * elementBytes(input.buffer);
  const rowBytes = input.rowStride * elementBytes(input.buffer);
  f.get(source).memory('v128.load').set(result);
  if (rows * columns <= UNROLLED_TAPS) {
    for (let i = 1; i < rows * columns; i++) {
      const offset = Math.floor(i / columns) * rowBytes + (i % columns) * pixelBytes;
      f.get(source).memory('v128.load', offset).get(result);
      combine();
      f.set(result);
    }
    return;
  }
  begin?.();
  const [tap, row, column] = f.locals('i32', 3);
  f.get(source).set(tap);
  f.repeat(rows, row, () => {
    f.repeat(columns, column, () => {
      f.get(tap).memory('v128.load').get(result);
      combine();
      f.set(result).increment(tap, pixelBytes);
    });
    f.increment(tap, rowBytes - columns * pixelBytes);
  });
}
