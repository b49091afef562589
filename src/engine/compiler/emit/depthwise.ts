/**
 * Depthwise convolution: a register tile is a few pixels of a row x 4 channels, so that a loaded input vector serves
 * every pixel whose window it lies in. Channels are the inner loop: it reads pictures and weights from front to back.
 * The loop over the kernel's rows stays a real one: unrolled, V8 moves all loads to the front and spills.
 */

import type { FunctionBuilder, Local } from '../../../wasm/function-builder.ts';
import { elementBytes, type View } from '../assign-storage.ts';
import type { PackedChannels } from '../pack-weights.ts';
import type { Depthwise, Padding } from '../program.ts';
import { FLOAT, type KernelWriter } from './kernel-writer.ts';

/** Units: rows of the output, over all images. */
export function emitDepthwise(
  writer: KernelWriter,
  depthwise: Depthwise,
  packed: PackedChannels,
  input: View,
  output: View,
  padding: Padding,
): void {
  const { f } = writer;
  const { kernel, strides, activation, channels } = depthwise;
  const { width } = output;
  const tilePixels = writer.target.registerTiles ? Math.min(width, strides[1] === 1 ? 4 : 2) : 1;
  const sums = f.locals('v128', tilePixels);
  const weightVectors = f.locals('v128', kernel[1]);
  const value = f.local('v128');
  const [quad, tapRow, weight, tap, x] = f.locals('i32', 5);

  const emitTile = (source: Local, target: Local, pixels: number): void => {
    f.i32(0).set(quad);
    writer.forEachVector(channels, [source, target, quad], (lanes) => {
      f.get(quad).memory('v128.load', packed.bias).set(value);
      for (let pixel = 0; pixel < pixels; pixel++) f.get(value).set(sums[pixel]);
      f.get(source).set(tap);
      f.get(quad).set(weight);
      emitTaps(f, depthwise, input, sums.slice(0, pixels), {
        ...{ tapRow, tap, weight, weightBytes: packed.paddedChannels * FLOAT },
        loadWeights: (offset, column) => f.memory('v128.load', packed.weights + offset).set(weightVectors[column]),
        loadInput: (offset) => f.memory('v128.load', offset).set(value),
        addProduct: (sum, column) => writer.multiplyAdd(sum, value, weightVectors[column]),
      });
      for (let pixel = 0; pixel < pixels; pixel++) {
        writer.activate(sums[pixel], activation, () => f.get(quad).memory('v128.load', packed.alphas));
        writer.store(target, pixel * output.pixelStride * FLOAT, sums[pixel], lanes);
      }
    });
  };

  emitTileRows(writer, depthwise, { input, output, padding }, tilePixels, x, emitTile);
}

/** How the taps of a tile are added up. */
export interface Taps {
  /** Pointers to the input and the weights of a row of taps, which are moved; and the counter of rows. */
  readonly tap: Local;
  readonly weight: Local;
  readonly tapRow: Local;
  /** Of the weights of all channels for one tap. */
  readonly weightBytes: number;
  /** Loads the weights of a column of the kernel, at an offset from the pointer on the stack. */
  loadWeights(offset: number, column: number): void;
  /** Loads a column of the input likewise. */
  loadInput(offset: number): void;
  /** Adds the product of the loaded input and a column's weights to a pixel's sum. */
  addProduct(sum: Local, column: number): void;
}

/** The sums of a tile's pixels over all taps. */
export function emitTaps(
  f: FunctionBuilder,
  { kernel, strides }: Pick<Depthwise, 'kernel' | 'strides'>,
  input: View,
  sums: readonly Local[],
  { tap, weight, tapRow, weightBytes, loadWeights, loadInput, addProduct }: Taps,
): void {
  const bytes = elementBytes(input.buffer);
  f.repeat(kernel[0], tapRow, () => {
    for (let column = 0; column < kernel[1]; column++) {
      f.get(weight);
      loadWeights(column * weightBytes, column);
    }
    const columns = (sums.length - 1) * strides[1] + kernel[1];
    for (let column = 0; column < columns; column++) {
      const readers = sums
        .map((sum, pixel) => ({ sum, tapColumn: column - pixel * strides[1] }))
        .filter(({ tapColumn }) => tapColumn >= 0 && tapColumn < kernel[1]);
      if (readers.length === 0) continue;
      f.get(tap);
      loadInput(column * input.pixelStride * bytes);
      for (const { sum, tapColumn } of readers) addProduct(sum, tapColumn);
    }
    if (kernel[0] > 1) {
      f.increment(tap, input.rowStride * bytes);
      f.increment(weight, kernel[1] * weightBytes);
    }
  });
}

/** The loops around the tiles: rows, tiles of a row. @param x - counts tiles. */
export function emitTileRows(
  writer: KernelWriter,
  { strides }: Pick<Depthwise, 'strides'>,
  { input, output, padding }: { readonly input: View; readonly output: View; readonly padding: Padding },
  tilePixels: number,
  x: Local,
  emitTile: (source: Local, target: Local, pixels: number) => void,
): void {
  const { f } = writer;
  const { height, width } = output;
  const position = -padding.top * input.rowStride - padding.left * input.pixelStride;
  writer.forEachRow(height, [{ view: input, rowStep: strides[0], position }, { view: output }], ([source, target]) => {
    f.repeat(Math.floor(width / tilePixels), x, () => {
      emitTile(source, target, tilePixels);
      f.increment(source, tilePixels * strides[1] * input.pixelStride * elementBytes(input.buffer));
      f.increment(target, tilePixels * output.pixelStride * elementBytes(output.buffer));
    });
    if (width % tilePixels > 0) emitTile(source, target, width % tilePixels);
  });
}
