import { BackendUnavailableError } from '../errors.ts';
import { detectSimdSupport } from './simd-support.ts';

/** `fma`: relaxed SIMD's fused multiply-add; `plain`: a product and a sum, rounded each. */
export type SimdMode = 'fma' | 'plain';

/**
 * The wanted form of SIMD, or the best that there is.
 * @throws BackendUnavailableError where WebAssembly SIMD, or the form asked for, is missing.
 */
export function chooseSimdMode(wanted?: SimdMode): SimdMode {
  const support = detectSimdSupport();
  const unavailable = (advice: string): BackendUnavailableError =>
    new BackendUnavailableError('compiled', ['cpu', 'webgl'], advice);
  if (!support.simd) throw unavailable('no WebAssembly SIMD here');
  if (wanted === 'fma' && !support.fusedMultiplyAdd) {
    throw unavailable("simd 'fma' needs relaxed SIMD (Node 22, or Node 20 with --experimental-wasm-relaxed-simd)");
  }
  return wanted ?? (support.fusedMultiplyAdd ? 'fma' : 'plain');
}
