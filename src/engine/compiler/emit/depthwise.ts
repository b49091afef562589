/**
 * Depthwise convolution: a register tile is a few pixels of a row x 4 channels, so that a loaded input vector serves
 * every pixel whose window it lies in. Channels are the inner loop: it reads pictures and weights from front to back.
 * The loop over the kernel's rows stays a real one: unrolled, V8 moves all loads to the front and spills.
 */

import type { Local } from '../../../wasm/function-builder.ts';
import type { View } from '../assign-storage.ts';
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
  const { height, width } = output;
  const tilePixels = writer.target.registerTiles ? Math.min(width, strides[1] === 1 ? 4 : 2) : 1;
  const sums = f.locals('v128', tilePixels);
  const weightVectors = f.locals('v128', kernel[1]);
  const value = f.local('v128');
  const [quad, tapRow, weight, tap, x] = f.locals('i32', 5);
  const rowBytes = input.rowStride * FLOAT;
  const weightRowBytes = kernel[1] * packed.paddedChannels * FLOAT;

  const emitTile = (source: Local, target: Local, pixels: number): void => {
    f.i32(0).set(quad);
    writer.forEachVector(channels, [source, target, quad], (lanes) => {
      f.get(quad).memory('v128.load', packed.bias).set(value);
      for (let pixel = 0; pixel < pixels; pixel++) f.get(value).set(sums[pixel]);
      f.get(source).set(tap);
      f.get(quad).set(weight);
      f.repeat(kernel[0], tapRow, () => {
        for (let column = 0; column < kernel[1]; column++) {
          const offset = packed.weights + column * packed.paddedChannels * FLOAT;
          f.get(weight).memory('v128.load', offset).set(weightVectors[column]);
        }
        const columns = (pixels - 1) * strides[1] + kernel[1];
        for (let column = 0; column < columns; column++) {
          const readers = sums
            .slice(0, pixels)
            .map((sum, pixel) => ({ sum, tapColumn: column - pixel * strides[1] }))
            .filter(({ tapColumn }) => tapColumn >= 0 && tapColumn < kernel[1]);
          if (readers.length === 0) continue;
          f.get(tap)
            .memory('v128.load', column * input.pixelStride * FLOAT)
            .set(value);
          for (const { sum, tapColumn } of readers) writer.multiplyAdd(sum, value, weightVectors[tapColumn]);
        }
        if (kernel[0] > 1) {
          f.increment(tap, rowBytes);
          f.increment(weight, weightRowBytes);
        }
      });
      for (let pixel = 0; pixel < pixels; pixel++) {
        writer.activate(sums[pixel], activation, () => f.get(quad).memory('v128.load', packed.alphas));
        writer.store(target, pixel * output.pixelStride * FLOAT, sums[pixel], lanes);
      }
    });
  };

  const views = [
    {
      view: input,
      rowStep: strides[0],
      position: -padding.top * input.rowStride - padding.left * input.pixelStride,
    },
    { view: output },
  ];
  writer.forEachRow(height, views, ([source, target]) => {
    f.repeat(Math.floor(width / tilePixels), x, () => {
      emitTile(source, target, tilePixels);
      f.increment(source, tilePixels * strides[1] * input.pixelStride * FLOAT);
      f.increment(target, tilePixels * output.pixelStride * FLOAT);
    });
    if (width % tilePixels > 0) emitTile(source, target, width % tilePixels);
  });
}
