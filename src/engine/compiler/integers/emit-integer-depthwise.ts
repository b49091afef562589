/**
 * Depthwise convolution of bytes: as with floats, but 8 channels per vector instead of 4. Products and sums have 16
 * bits, which the weights were chosen to fit; the result is a 16-bit product too, so nothing is widened again.
 */
import type { View } from '../assign-storage.ts';
import type { KernelWriter } from '../emit/kernel-writer.ts';
import { depthwiseTilePixels, emitDepthwiseTaps, forEachTile } from '../emit/windows.ts';
import type { PackedByteChannels } from '../pack-weights.ts';
import type { IntegerDepthwise, Padding } from '../program.ts';
import { BYTES } from './byte-instructions.ts';
import { forEachLanes, MAX_BYTES, storeFirstBytes } from './byte-vectors.ts';
import { OCTET } from './pack-integers.ts';

/** Units: rows of the output, over all images. */
export function emitIntegerDepthwise(
  writer: KernelWriter,
  depthwise: IntegerDepthwise,
  packed: PackedByteChannels,
  input: View,
  output: View,
  padding: Padding,
): void {
  const { f } = writer;
  const { kernel, strides, channels, isRectified } = depthwise;
  const windows = { kernel, strides, input, output, padding };
  const tilePixels = depthwiseTilePixels(writer, windows);
  const sums = f.locals('v128', tilePixels);
  const weights = f.locals('v128', kernel[1]);
  const value = f.local('v128');
  // Offset of the 8 channels, in bytes and in 16-bit numbers.
  const [channel, wide, weight, tap] = f.locals('i32', 4);

  forEachTile(writer, windows, tilePixels, (source, target, pixels) => {
    f.i32(0).set(channel).i32(0).set(wide);
    const pointers = [
      ...[source, target, channel].map((pointer) => ({ pointer, bytes: 1 })),
      { pointer: wide, bytes: 2 },
    ];
    forEachLanes(writer, channels, OCTET, pointers, (lanes) => {
      f.get(wide).memory('v128.load', packed.bias).set(value);
      for (let pixel = 0; pixel < pixels; pixel++) f.get(value).set(sums[pixel]);
      f.get(source).set(tap);
      f.get(channel).set(weight);
      emitDepthwiseTaps(writer, windows, {
        tap,
        weight,
        weightRowBytes: kernel[1] * packed.paddedChannels,
        pixels,
        loadWeights(column) {
          const offset = packed.weights + column * packed.paddedChannels;
          f.get(weight).memory(BYTES['v128.load8x8_s'], offset).set(weights[column]);
        },
        loadInput: (offset) => f.get(tap).memory(BYTES['v128.load8x8_u'], offset).set(value),
        multiplyAdd(pixel, column) {
          const sum = sums[pixel];
          f.get(sum).get(value).get(weights[column]).op(BYTES['i16x8.mul']).op(BYTES['i16x8.add']).set(sum);
        },
      });
      for (let pixel = 0; pixel < pixels; pixel++) {
        const sum = sums[pixel];
        f.get(sum).get(wide).memory('v128.load', packed.multipliers).op(BYTES['i16x8.q15mulr_sat_s']).set(sum);
        if (packed.zeroPoints !== 0) {
          if (isRectified) f.get(sum).i32x4(0).op(BYTES['i16x8.max_s']).set(sum);
          f.get(sum).get(wide).memory('v128.load', packed.zeroPoints).op(BYTES['i16x8.add_sat_s']).set(sum);
        }
        f.get(sum).get(sum).op('i8x16.narrow_i16x8_u').i32x4(MAX_BYTES).op(BYTES['i8x16.min_u']).set(sum);
        storeFirstBytes(writer, target, pixel * output.pixelStride, sum, lanes);
      }
    });
  });
}
