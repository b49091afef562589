import { BackendUnavailableError } from '../errors.ts';
import { detectSimdSupport } from './simd-support.ts';

/** `fma`: relaxed SIMD's fused multiply-add; `plain`: a product and a sum, each rounded. */
export type SimdMode = 'fma' | 'plain';

/**
 * The requested form of SIMD, or the best available one.
 * @throws BackendUnavailableError if WebAssembly SIMD, or the requested form, is missing.
 */
export function chooseSimdMode(wanted?: SimdMode): SimdMode {
  const support = detectSimdSupport();
  const unavailable = (advice: string): BackendUnavailableError =>
    new BackendUnavailableError('compiled', ['cpu', 'webgl'], advice);
  if (!support.simd) throw unavailable('no WebAssembly SIMD');
  if (wanted === 'fma' && !support.fusedMultiplyAdd) {
    throw unavailable("simd 'fma' needs relaxed SIMD (Node 22, or Node 20 with --experimental-wasm-relaxed-simd)");
  }
  return wanted ?? (support.fusedMultiplyAdd ? 'fma' : 'plain');
}
