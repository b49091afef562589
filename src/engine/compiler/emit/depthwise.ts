/**
 * Depthwise convolution: a register tile is a few pixels of a row x 4 channels, so a loaded input vector serves every
 * pixel whose window it lies in. Channels are the inner loop: it reads pictures and weights from front to back.
 */
import type { View } from '../assign-storage.ts';
import type { PackedChannels } from '../pack-weights.ts';
import type { Depthwise, Padding } from '../program.ts';
import { FLOAT, type KernelWriter } from './kernel-writer.ts';
import { depthwiseTilePixels, emitDepthwiseTaps, forEachTile } from './windows.ts';

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
  const windows = { kernel, strides, input, output, padding };
  const tilePixels = depthwiseTilePixels(writer, windows);
  const sums = f.locals('v128', tilePixels);
  const weightVectors = f.locals('v128', kernel[1]);
  const value = f.local('v128');
  const [quad, weight, tap] = f.locals('i32', 3);

  forEachTile(writer, windows, tilePixels, (source, target, pixels) => {
    f.i32(0).set(quad);
    writer.forEachVector(channels, [source, target, quad], (lanes) => {
      f.get(quad).memory('v128.load', packed.bias).set(value);
      for (let pixel = 0; pixel < pixels; pixel++) f.get(value).set(sums[pixel]);
      f.get(source).set(tap);
      f.get(quad).set(weight);
      emitDepthwiseTaps(writer, windows, {
        tap,
        weight,
        weightRowBytes: kernel[1] * packed.paddedChannels * FLOAT,
        pixels,
        loadWeights(column) {
          const offset = packed.weights + column * packed.paddedChannels * FLOAT;
          f.get(weight).memory('v128.load', offset).set(weightVectors[column]);
        },
        loadInput: (offset) => f.get(tap).memory('v128.load', offset).set(value),
        multiplyAdd: (pixel, column) => writer.multiplyAdd(sums[pixel], value, weightVectors[column]),
      });
      for (let pixel = 0; pixel < pixels; pixel++) {
        writer.activate(sums[pixel], activation, () => f.get(quad).memory('v128.load', packed.alphas));
        writer.store(target, pixel * output.pixelStride * FLOAT, sums[pixel], lanes);
      }
    });
  });
}
