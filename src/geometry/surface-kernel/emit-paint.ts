import type { FunctionBuilder } from '../../wasm/function-builder.ts';
import { TRIANGLE_BYTES } from './layout.ts';

/**
 * `paint(planes, depthEnd, planeBytes, triangles, triangleCount, colours)`: a pixel's three colours at once, as bytes
 * in the place of its first weight.
 */
export function emitPaint(f: FunctionBuilder): void {
  const [pixel, pixelEnd, planeBytes, triangles, triangleCount, colours] = [0, 1, 2, 3, 4, 5].map((i) => f.param(i));
  const [fragment, triangle, at] = f.locals('i32', 3);
  const [w0, w1, w2, levels, colour, redGreen, blue] = f.locals('v128', 7);
  const weight = (): FunctionBuilder =>
    f.get(at).memory('v128.load32_splat').op('f64x2.promote_low_f32x4').get(levels).op('f64x2.mul');
  f.f64(255).op('f64x2.splat').set(levels);
  f.stepBelow(pixel, 4, pixelEnd, () => {
    f.get(pixel).get(planeBytes).op('i32.add').tee(at).memory('i32.load').tee(fragment);
    f.if(() => {
      f.get(at).get(planeBytes).op('i32.add').get(planeBytes).op('i32.add').set(at);
      weight().set(w2);
      f.get(at).get(planeBytes).op('i32.sub').set(at);
      weight().set(w1);
      f.get(levels).get(w1).op('f64x2.sub').get(w2).op('f64x2.sub').set(w0);
      f.get(fragment).i32(1).op('i32.sub').get(triangleCount).op('i32.rem_u');
      f.i32(TRIANGLE_BYTES).op('i32.mul').get(triangles).op('i32.add').set(triangle);
      for (const [k, share] of [w0, w1, w2].entries()) {
        f.get(triangle)
          .memory('i32.load', k * 4)
          .get(colours)
          .op('i32.add')
          .memory('v128.load')
          .set(colour);
        for (const [sum, lanes] of [
          [redGreen, undefined],
          [blue, [2, 3, 2, 3]],
        ] as const) {
          f.get(colour);
          if (lanes !== undefined) f.get(colour).shuffleLanes(lanes);
          f.op('f64x2.promote_low_f32x4').get(share).op('f64x2.mul');
          if (k > 0) f.get(sum).op('f64x2.add');
          f.set(sum);
        }
      }
      f.get(at);
      for (const sum of [redGreen, blue]) {
        f.get(sum).f64(0.5).op('f64x2.splat').op('f64x2.add').op('i32x4.trunc_sat_f64x2_s_zero');
      }
      f.shuffleLanes([0, 1, 4, 5]).tee(colour);
      f.get(colour).op('i16x8.narrow_i32x4_s').tee(colour).get(colour).op('i8x16.narrow_i16x8_u');
      f.extractLane(0, 'i32')
        .i32(0xff_ff_ff)
        .op('i32.and')
        .i32(0xff << 24)
        .op('i32.or')
        .memory('i32.store');
    });
  });
}
