/** Maximum or mean of a window, and mean of a whole picture. */

import type { Local } from '../../../wasm/function-builder.ts';
import { cutsWindow, type View } from '../assign-storage.ts';
import type { GlobalAverage, Padding, Pool } from '../program.ts';
import { FLOAT, type KernelWriter } from './kernel-writer.ts';
import { emitWindowTaps, forEachTile } from './windows.ts';

/** Units: rows of the output, over all images. */
export function emitPool(writer: KernelWriter, pool: Pool, input: View, output: View, padding: Padding): void {
  const isPadded = padding.top + padding.bottom + padding.left + padding.right > 0;
  if (isPadded && cutsWindow(pool)) emitCutPool(writer, pool, input, output, padding);
  else emitWholePool(writer, pool, input, output, padding);
}

/** Every tap exists, in the picture or in its border of zeros. */
function emitWholePool(writer: KernelWriter, pool: Pool, input: View, output: View, padding: Padding): void {
  const { f } = writer;
  const { kernel, strides, kind } = pool;
  const taps = kernel[0] * kernel[1];
  const result = f.local('v128');
  forEachTile(writer, { strides, input, output, padding }, 1, (source, target) => {
    writer.forEachVector(output.channels, [source, target], (lanes) => {
      const combine = () => f.op(kind === 'maxPool' ? 'f32x4.pmax' : 'f32x4.add');
      // A maximum may count the first tap twice; a sum starts from zero.
      const begin = () => kind === 'averagePool' && f.f32x4(0).set(result);
      emitWindowTaps(writer, { kernel, input }, source, result, combine, begin);
      if (kind === 'averagePool')
        f.get(result)
          .f32x4(1 / taps)
          .op('f32x4.mul')
          .set(result);
      writer.store(target, 0, result, lanes);
    });
  });
}

/** The window is clipped at the picture's edge, and a mean is over what is left. */
function emitCutPool(writer: KernelWriter, pool: Pool, input: View, output: View, padding: Padding): void {
  const { f } = writer;
  const { kernel, strides, kind } = pool;
  const result = f.local('v128');
  const [x, tap, offset, tapRow, column] = f.locals('i32', 5);
  const [top, bottom, left, right] = f.locals('i32', 4);
  const pixelBytes = input.pixelStride * FLOAT;
  const rowBytes = input.rowStride * FLOAT;
  /** First and end tap of a window that begins at `position * stride - before`. */
  const setRange = (from: Local, to: Local, position: Local, stride: number, before: number, axis: number): void => {
    const size = axis === 0 ? input.height : input.width;
    f.get(position).i32(stride).op('i32.mul').i32(before).op('i32.sub').set(from);
    f.get(from).i32(kernel[axis]).op('i32.add').set(to);
    f.get(from)
      .i32(0)
      .op('i32.lt_s')
      .if(() => f.i32(0).set(from));
    f.get(to)
      .i32(size)
      .op('i32.gt_s')
      .if(() => f.i32(size).set(to));
  };
  const views = [{ view: input, rowStep: 0 }, { view: output }];
  writer.forEachRow(output.height, views, ([source, target], row) => {
    setRange(top, bottom, row, strides[0], padding.top, 0);
    f.i32(0).set(x);
    f.stepBelow(x, 1, output.width, () => {
      setRange(left, right, x, strides[1], padding.left, 1);
      f.i32(0).set(offset);
      writer.forEachVector(output.channels, [offset, target], (lanes) => {
        f.f32x4(kind === 'maxPool' ? Number.NEGATIVE_INFINITY : 0).set(result);
        f.get(top).set(tapRow);
        f.stepBelow(tapRow, 1, bottom, () => {
          f.get(source).get(offset).op('i32.add');
          f.get(tapRow).i32(rowBytes).op('i32.mul').op('i32.add');
          f.get(left).i32(pixelBytes).op('i32.mul').op('i32.add').set(tap);
          f.get(left).set(column);
          f.stepBelow(column, 1, right, () => {
            f.get(tap).memory('v128.load').get(result);
            f.op(kind === 'maxPool' ? 'f32x4.pmax' : 'f32x4.add').set(result);
            f.increment(tap, pixelBytes);
          });
        });
        if (kind === 'averagePool') {
          f.get(result);
          f.get(bottom).get(top).op('i32.sub').get(right).get(left).op('i32.sub').op('i32.mul');
          f.op('f32.convert_i32_s').op('f32x4.splat').op('f32x4.div').set(result);
        }
        writer.store(target, 0, result, lanes);
      });
      f.increment(target, output.pixelStride * FLOAT);
    });
  });
}

/** Units: images. */
export function emitGlobalAverage(writer: KernelWriter, _operation: GlobalAverage, input: View, output: View): void {
  const { f } = writer;
  const sum = f.local('v128');
  const [pixel, row, x] = f.locals('i32', 3);
  const pixelBytes = input.pixelStride * FLOAT;
  writer.forEachRow(1, [{ view: input }, { view: output }], ([source, target]) => {
    writer.forEachVector(input.channels, [source, target], (lanes) => {
      f.f32x4(0).set(sum);
      f.get(source).set(pixel);
      f.repeat(input.height, row, () => {
        f.repeat(input.width, x, () => {
          f.get(sum).get(pixel).memory('v128.load').op('f32x4.add').set(sum);
          f.increment(pixel, pixelBytes);
        });
        f.increment(pixel, input.rowStride * FLOAT - input.width * pixelBytes);
      });
      f.get(sum)
        .f32x4(1 / (input.height * input.width))
        .op('f32x4.mul')
        .set(sum);
      writer.store(target, 0, sum, lanes);
    });
  });
}
