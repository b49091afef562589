import { ModuleBuilder } from './module-builder.ts';

/** What this WebAssembly engine can run. */
export interface SimdSupport {
  /** 128-bit SIMD, in all browsers since 2023 and in Node since 16. */
  readonly simd: boolean;
  /** Relaxed SIMD's fused multiply-add: current browsers, Node 22; Node 20 with --experimental-wasm-relaxed-simd. */
  readonly fusedMultiplyAdd: boolean;
}

/** Validates two tiny modules; nothing is compiled or run. */
export function detectSimdSupport(): SimdSupport {
  if (typeof WebAssembly !== 'object') return { simd: false, fusedMultiplyAdd: false };
  return { simd: validates(false), fusedMultiplyAdd: validates(true) };
}

function validates(relaxed: boolean): boolean {
  const builder = new ModuleBuilder();
  builder.addFunction('probe', [], (f) => {
    f.f32x4(1).f32x4(1);
    if (relaxed) f.f32x4(1).op('f32x4.relaxed_madd');
    else f.op('f32x4.add');
    f.drop();
  });
  return WebAssembly.validate(builder.encode({ minimumPages: 0 }));
}
