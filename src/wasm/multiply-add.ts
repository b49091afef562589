import type { FunctionBuilder, Local } from './function-builder.ts';

/** `sum += a * b`: rounded once with relaxed SIMD's fused multiply-add; otherwise product and sum are each rounded. */
export function multiplyAdd(f: FunctionBuilder, fused: boolean, sum: Local, a: Local, b: Local): void {
  if (fused) f.get(a).get(b).get(sum).op('f32x4.relaxed_madd').set(sum);
  else f.get(sum).get(a).get(b).op('f32x4.mul').op('f32x4.add').set(sum);
}
