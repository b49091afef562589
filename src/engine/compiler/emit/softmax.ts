/** Softmax over the channels of each pixel. Units: rows of the output, over all images. */
import type { View } from '../assign-storage.ts';
import { FLOAT, type KernelWriter, VECTOR } from './kernel-writer.ts';

export function emitSoftmax(writer: KernelWriter, input: View, output: View): void {
  const isPairs = output.channels === 2 && input.pixelStride === 2 && output.pixelStride === 2;
  if (isPairs) emitPairs(writer, input, output);
  else emitAny(writer, input, output);
}

/**
 * Two classes, the detectors' case, four pixels at a time: the second probability is 1 / (1 + e^(a - b)), the first is
 * the remainder.
 */
function emitPairs(writer: KernelWriter, input: View, output: View): void {
  const { f } = writer;
  const [low, high, first, second] = f.locals('v128', 4);
  const x = f.local('i32');
  const emitFour = (source: Parameters<typeof f.get>[0], target: typeof source, pixels: number): void => {
    f.get(source).memory('v128.load').set(low);
    f.get(source).memory('v128.load', VECTOR).set(high);
    f.get(low).get(high).shuffleLanes([0, 2, 4, 6]);
    f.get(low).get(high).shuffleLanes([1, 3, 5, 7]).op('f32x4.sub').set(first);
    writer.exponential(first);
    f.f32x4(1).get(first).f32x4(1).op('f32x4.add').op('f32x4.div').set(second);
    f.f32x4(1).get(second).op('f32x4.sub').set(first);
    f.get(first).get(second).shuffleLanes([0, 4, 1, 5]).set(low);
    f.get(first).get(second).shuffleLanes([2, 6, 3, 7]).set(high);
    writer.store(target, 0, low, Math.min(4, pixels * 2));
    if (pixels > 2) writer.store(target, VECTOR, high, pixels * 2 - 4);
  };
  writer.forEachRow(output.height, [{ view: input }, { view: output }], ([source, target]) => {
    f.repeat(Math.floor(output.width / 4), x, () => {
      emitFour(source, target, 4);
      f.increment(source, 2 * VECTOR);
      f.increment(target, 2 * VECTOR);
    });
    if (output.width % 4 > 0) emitFour(source, target, output.width % 4);
  });
}

/** Any number of classes: maximum, exponentials and their sum, quotients. One number at a time. */
function emitAny(writer: KernelWriter, input: View, output: View): void {
  const { f } = writer;
  const value = f.local('v128');
  const [largest, sum] = f.locals('f32', 2);
  const [x, channel, from, to] = f.locals('i32', 4);
  const { channels } = output;
  writer.forEachRow(output.height, [{ view: input }, { view: output }], ([source, target]) => {
    f.repeat(output.width, x, () => {
      f.f32(Number.NEGATIVE_INFINITY).set(largest);
      f.get(source).set(from);
      f.repeat(channels, channel, () => {
        f.get(from).memory('f32.load').get(largest).op('f32.max').set(largest);
        f.increment(from, FLOAT);
      });
      f.f32(0).set(sum);
      f.get(source).set(from);
      f.get(target).set(to);
      f.repeat(channels, channel, () => {
        f.get(from).memory('f32.load').get(largest).op('f32.sub').op('f32x4.splat').set(value);
        writer.exponential(value);
        f.get(to).get(value).extractLane(0).memory('f32.store');
        f.get(sum).get(value).extractLane(0).op('f32.add').set(sum);
        f.increment(from, FLOAT);
        f.increment(to, FLOAT);
      });
      f.get(target).set(to);
      f.repeat(channels, channel, () => {
        f.get(to).get(to).memory('f32.load').get(sum).op('f32.div').memory('f32.store');
        f.increment(to, FLOAT);
      });
      f.increment(source, input.pixelStride * FLOAT);
      f.increment(target, output.pixelStride * FLOAT);
    });
  });
}
