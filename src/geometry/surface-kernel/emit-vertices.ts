import type { FunctionBuilder, Local } from '../../wasm/function-builder.ts';
import { FIRST_VERTEX, MAX_COORDINATE, STEPS, VERTEX_BYTES } from './layout.ts';

/** `place(source, sourceEnd, xMin, yMin)`: x and y to steps from the raster's corner, as `toSteps` does it; z as it is. */
export function emitPlace(f: FunctionBuilder): void {
  const [source, sourceEnd, xMin, yMin] = [0, 1, 2, 3].map((i) => f.param(i));
  const target = f.local('i32');
  const [origin, low, high, steps, lift, half, wholeLift] = f.locals('v128', 7);
  const constant = (value: number, local: Local): unknown => f.f64(value).op('f64x2.splat').set(local);
  f.get(xMin).op('f64.convert_i32_s').op('f64x2.splat').get(yMin).op('f64.convert_i32_s').replaceDoubleLane(1);
  f.set(origin);
  constant(-MAX_COORDINATE, low);
  constant(MAX_COORDINATE, high);
  constant(STEPS, steps);
  constant((MAX_COORDINATE + 1) * STEPS, lift);
  constant(0.5, half);
  f.i32x4((MAX_COORDINATE + 1) * STEPS).set(wholeLift);
  f.i32(FIRST_VERTEX).set(target);
  f.stepBelow(source, 12, sourceEnd, () => {
    f.get(target);
    f.get(source).memory('v128.load64_zero').op('f64x2.promote_low_f32x4').get(origin).op('f64x2.sub');
    f.get(low).op('f64x2.max').get(high).op('f64x2.min').get(steps).op('f64x2.mul');
    f.get(lift).op('f64x2.add').get(half).op('f64x2.add').op('i32x4.trunc_sat_f64x2_s_zero');
    f.get(wholeLift).op('i32x4.sub');
    f.get(source).memory('v128.load32_zero', 8).shuffleLanes([0, 1, 4, 5]);
    f.memory('v128.store');
    f.increment(target, VERTEX_BYTES);
  });
}

/** `spread(source, sourceEnd, target)`: three numbers per vector. */
export function emitSpread(f: FunctionBuilder): void {
  const [source, sourceEnd, target] = [0, 1, 2].map((i) => f.param(i));
  f.stepBelow(source, 12, sourceEnd, () => {
    f.get(target).get(source).memory('v128.load').memory('v128.store');
    f.increment(target, VERTEX_BYTES);
  });
}
