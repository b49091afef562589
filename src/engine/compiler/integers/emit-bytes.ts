/** Operations on individual bytes. Units: rows of the output, over all images; for borders, images. */
import type { Local } from '../../../wasm/function-builder.ts';
import type { Step, View } from '../assign-storage.ts';
import { FLOAT, type KernelWriter, VECTOR } from '../emit/kernel-writer.ts';
import { emitWindowTaps, forEachTile } from '../emit/windows.ts';
import { type PackedByteChannels, QUAD } from '../pack-weights.ts';
import type { Dequantize, IntegerMaxPool, Padding, Quantize } from '../program.ts';
import { BYTES } from './byte-instructions.ts';
import { forEachLanes, loadBytesAsFloats, narrowToBytes, roundToByte, storeFirstBytes } from './byte-vectors.ts';
import { inverseScales } from './pack-integers.ts';

/** `byte = clamp(round(number * (1 / scale) + zero point), 0, 127)`, each step rounded to float32. */
export function emitQuantize(
  writer: KernelWriter,
  { quantization }: Quantize,
  packed: PackedByteChannels,
  input: View,
  output: View,
): void {
  const { f } = writer;
  const { scales, zeroPoints } = quantization;
  const { channels, width, height } = output;
  const values = f.locals('v128', 4);
  const [x, place] = f.locals('i32', 2);
  const isAlike = scales.every((scale) => scale === scales[0]) && zeroPoints.every((zero) => zero === zeroPoints[0]);
  const isDense = input.pixelStride === channels && output.pixelStride === channels;
  const store = (target: Local, count: number): void => {
    const used = values.slice(0, Math.ceil(count / QUAD));
    for (const value of used) roundToByte(writer, value);
    narrowToBytes(writer, used);
    storeFirstBytes(writer, target, 0, values[0], count);
  };
  writer.forEachRow(height, [{ view: input }, { view: output }], ([source, target]) => {
    if (isAlike && isDense) {
      // One run of numbers.
      const [factor] = inverseScales(scales);
      const pointers = [
        { pointer: source, bytes: FLOAT },
        { pointer: target, bytes: 1 },
      ];
      forEachLanes(writer, width * channels, 16, pointers, (lanes) => {
        for (let v = 0; v * QUAD < lanes; v++) {
          f.get(source)
            .memory('v128.load', v * VECTOR)
            .f32x4(factor)
            .op('f32x4.mul');
          f.f32x4(zeroPoints[0]).op('f32x4.add').set(values[v]);
        }
        store(target, lanes);
      });
      return;
    }
    f.repeat(width, x, () => {
      f.i32(0).set(place);
      const pointers = [
        { pointer: source, bytes: FLOAT },
        { pointer: place, bytes: FLOAT },
        { pointer: target, bytes: 1 },
      ];
      forEachLanes(writer, channels, 8, pointers, (lanes) => {
        for (let v = 0; v * QUAD < lanes; v++) {
          const offset = v * VECTOR;
          f.get(source).memory('v128.load', offset);
          f.get(place)
            .memory('v128.load', packed.multipliers + offset)
            .op('f32x4.mul');
          f.get(place)
            .memory('v128.load', packed.zeroPoints + offset)
            .op('f32x4.add')
            .set(values[v]);
        }
        store(target, lanes);
      });
      f.increment(source, input.pixelStride * FLOAT);
      f.increment(target, output.pixelStride);
    });
  });
}

/** `number = (byte - zero point) * scale`. */
export function emitDequantize(
  writer: KernelWriter,
  _operation: Dequantize,
  packed: PackedByteChannels,
  input: View,
  output: View,
): void {
  const { f } = writer;
  const value = f.local('v128');
  const [x, place] = f.locals('i32', 2);
  writer.forEachRow(output.height, [{ view: input }, { view: output }], ([source, target]) => {
    f.repeat(output.width, x, () => {
      f.i32(0).set(place);
      const pointers = [
        { pointer: source, bytes: 1 },
        { pointer: place, bytes: FLOAT },
        { pointer: target, bytes: FLOAT },
      ];
      forEachLanes(writer, output.channels, QUAD, pointers, (lanes) => {
        loadBytesAsFloats(writer, source, 0);
        f.get(place).memory('v128.load', packed.zeroPoints).op('f32x4.sub');
        f.get(place).memory('v128.load', packed.multipliers).op('f32x4.mul').set(value);
        writer.store(target, 0, value, lanes);
      });
      f.increment(source, input.pixelStride);
      f.increment(target, output.pixelStride * FLOAT);
    });
  });
}

/** Every tap is in the picture or in its border of zeros. */
export function emitIntegerMaxPool(
  writer: KernelWriter,
  { kernel, strides }: IntegerMaxPool,
  input: View,
  output: View,
  padding: Padding,
): void {
  const { f } = writer;
  const result = f.local('v128');
  forEachTile(writer, { strides, input, output, padding }, 1, (source, target) => {
    const pointers = [source, target].map((pointer) => ({ pointer, bytes: 1 }));
    forEachLanes(writer, output.channels, 16, pointers, (lanes) => {
      emitWindowTaps(writer, { kernel, input }, source, result, () => f.op(BYTES['i8x16.max_u']));
      storeFirstBytes(writer, target, 0, result, lanes);
    });
  });
}

/** The same bytes elsewhere. */
export function emitCopyBytes(writer: KernelWriter, input: View, output: View): void {
  const { f } = writer;
  const value = f.local('v128');
  const x = f.local('i32');
  writer.forEachRow(output.height, [{ view: input }, { view: output }], ([source, target]) => {
    f.repeat(output.width, x, () => {
      const pointers = [source, target].map((pointer) => ({ pointer, bytes: 1 }));
      forEachLanes(writer, output.channels, 16, pointers, (lanes) => {
        f.get(source).memory('v128.load').set(value);
        storeFirstBytes(writer, target, 0, value, lanes);
      });
      f.increment(source, input.pixelStride);
      f.increment(target, output.pixelStride);
    });
  });
}

/**
 * Writes the bytes that represent 0 to a buffer's border.
 * @param pattern - address of the zero points, if channels have different ones.
 */
export function emitByteBorder(
  writer: KernelWriter,
  { buffer }: Extract<Step, { kind: 'clearBorder' }>,
  pattern: number | undefined,
): void {
  const { f } = writer;
  const { border, height, width, channels, zeroPoints } = buffer;
  const rowPixels = border.left + width + border.right;
  const value = f.local('v128');
  const [row, pixel, place] = f.locals('i32', 3);
  const zero = (zeroPoints?.[0] ?? 0) * 0x0101_0101;
  // The whole buffer, its border included, as one row.
  const whole = { buffer, height: 1, width: 1, channels: 1, offset: 0, pixelStride: 1, rowStride: 0 };
  const fill = (pixels: number, target: Local): void => {
    if (pixels <= 0) return;
    if (pattern === undefined) {
      forEachLanes(writer, pixels * channels, 16, [{ pointer: target, bytes: 1 }], (lanes) => {
        f.i32x4(zero).set(value);
        storeFirstBytes(writer, target, 0, value, lanes);
      });
      f.increment(target, pixels * channels);
      return;
    }
    f.repeat(pixels, pixel, () => {
      f.i32(0).set(place);
      const pointers = [target, place].map((pointer) => ({ pointer, bytes: 1 }));
      forEachLanes(writer, channels, 16, pointers, (lanes) => {
        f.get(place).memory('v128.load', pattern).set(value);
        storeFirstBytes(writer, target, 0, value, lanes);
      });
      f.increment(target, channels);
    });
  };
  writer.forEachRow(1, [{ view: whole }], ([target]) => {
    // Top rows and the first row's left side; then each row's right side and the next one's left; then the rest.
    fill(border.top * rowPixels + border.left, target);
    f.increment(target, width * channels);
    f.repeat(height - 1, row, () => {
      fill(border.right + border.left, target);
      f.increment(target, width * channels);
    });
    fill(border.right + border.bottom * rowPixels, target);
  });
}
