/** Operations on individual numbers or pixels. Units: rows of the output, over all images. */

import type { Local } from '../../../wasm/function-builder.ts';
import type { Step, View } from '../assign-storage.ts';
import type { PackedChannels } from '../pack-weights.ts';
import type { Activation, Padding } from '../program.ts';
import { FLOAT, type KernelWriter } from './kernel-writer.ts';

/**
 * `output = activation(sum or product of inputs)`: copies, activations, additions and multiplications. A one-pixel
 * input applies to every pixel of the output.
 */
export function emitCombination(
  writer: KernelWriter,
  combine: 'f32x4.add' | 'f32x4.mul',
  inputs: readonly View[],
  output: View,
  activation: Activation,
  packed: PackedChannels | undefined,
): void {
  const { f } = writer;
  const result = f.local('v128');
  const [x, quad] = f.locals('i32', 2);
  const views = [output, ...inputs];
  const { channels, width, height } = output;
  const isSpread = (view: View): boolean => view.width * view.height === 1 && width * height > 1;
  const isFlat = activation.kind !== 'prelu' && views.every((view) => view.pixelStride === channels && !isSpread(view));
  const emitRun = (count: number, [target, ...sources]: Local[]): void => {
    f.i32(0).set(quad);
    writer.forEachVector(count, [quad, target, ...sources], (lanes) => {
      for (const [i, source] of sources.entries()) {
        f.get(source).memory('v128.load');
        if (i > 0) f.op(combine);
      }
      f.set(result);
      writer.activate(result, activation, () => f.get(quad).memory('v128.load', packed?.alphas ?? 0));
      writer.store(target, 0, result, lanes);
    });
  };
  writer.forEachRow(
    height,
    views.map((view) => ({ view, rowStep: isSpread(view) ? 0 : 1 })),
    (pointers) => {
      if (isFlat) emitRun(width * channels, pointers);
      else {
        f.repeat(width, x, () => {
          emitRun(channels, pointers);
          for (const [i, view] of views.entries()) {
            if (!isSpread(view)) f.increment(pointers[i], view.pixelStride * FLOAT);
          }
        });
      }
    },
  );
}

/** PReLU with a factor for every element. */
export function emitElementPrelu(writer: KernelWriter, input: View, output: View, packed: PackedChannels): void {
  const { f } = writer;
  const value = f.local('v128');
  const [x, factor] = f.locals('i32', 2);
  writer.forEachRow(output.height, [{ view: input }, { view: output }], ([source, target], row) => {
    f.get(row)
      .i32(output.width * output.channels * FLOAT)
      .op('i32.mul')
      .set(factor);
    f.repeat(output.width, x, () => {
      writer.forEachVector(output.channels, [source, target, factor], (lanes) => {
        f.get(source).memory('v128.load').set(value);
        writer.activate(value, { kind: 'prelu', alphas: new Float32Array() }, () =>
          f.get(factor).memory('v128.load', packed.alphas),
        );
        writer.store(target, 0, value, lanes);
      });
      f.increment(source, input.pixelStride * FLOAT);
      f.increment(target, output.pixelStride * FLOAT);
      f.increment(factor, output.channels * FLOAT);
    });
  });
}

/** A picture with zeros around it. */
export function emitPad(writer: KernelWriter, input: View, output: View, padding: Padding): void {
  const { f } = writer;
  const value = f.local('v128');
  const x = f.local('i32');
  const emitZeros = (count: number, target: Local): void => {
    f.repeat(count, x, () => {
      writer.forEachVector(output.channels, [target], (lanes) => {
        f.f32x4(0).set(value);
        writer.store(target, 0, value, lanes);
      });
      f.increment(target, output.pixelStride * FLOAT);
    });
  };
  // The source's pointer is off by the padding's rows while it is not read.
  const views = [{ view: input }, { view: output }];
  writer.forEachRow(output.height, views, ([source, target], row) => {
    f.get(row).i32(padding.top).op('i32.sub').i32(input.height).op('i32.lt_u');
    f.if(
      () => {
        f.increment(source, -padding.top * input.rowStride * FLOAT);
        emitZeros(padding.left, target);
        f.repeat(input.width, x, () => {
          writer.forEachVector(input.channels, [source, target], (lanes) => {
            f.get(source).memory('v128.load').set(value);
            writer.store(target, 0, value, lanes);
          });
          f.increment(source, input.pixelStride * FLOAT);
          f.increment(target, output.pixelStride * FLOAT);
        });
        emitZeros(padding.right, target);
      },
      () => emitZeros(output.width, target),
    );
  });
}

/** Writes zeros to a buffer's border. Units: images. */
export function emitClearBorder(writer: KernelWriter, { buffer }: Extract<Step, { kind: 'clearBorder' }>): void {
  const { f } = writer;
  const { border, height, width, channels } = buffer;
  const rowFloats = (border.left + width + border.right) * channels;
  const zero = f.local('v128');
  const row = f.local('i32');
  // The whole buffer, its border included, as one row.
  const whole = { buffer, height: 1, width: 1, channels: 1, offset: 0, pixelStride: 1, rowStride: 0 };
  const emitZeros = (count: number, target: Local): void => {
    if (count <= 0) return;
    writer.forEachVector(count, [target], (lanes) => {
      f.f32x4(0).set(zero);
      writer.store(target, 0, zero, lanes);
    });
    f.increment(target, count * FLOAT);
  };
  writer.forEachRow(1, [{ view: whole }], ([target]) => {
    // Top rows and the first row's left side; then each row's right side and the next one's left; then the rest.
    emitZeros(border.top * rowFloats + border.left * channels, target);
    f.increment(target, width * channels * FLOAT);
    const between = (border.right + border.left) * channels;
    f.repeat(height - 1, row, () => {
      emitZeros(between, target);
      f.increment(target, width * channels * FLOAT);
    });
    emitZeros(border.right * channels + border.bottom * rowFloats, target);
  });
}
