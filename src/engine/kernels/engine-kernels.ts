import type { SimdMode } from '../../wasm/simd-mode.ts';
import {
  type BasisPrecision,
  createLinearModelKernel,
  type LinearModel,
  type LinearModelKernel,
} from './linear-model.ts';

/** SIMD kernels for work other than networks. */
export interface EngineKernels {
  /** Copies a model into WebAssembly memory; it is freed with the last reference to the result. */
  createLinearModel(model: LinearModel, basis: BasisPrecision): LinearModelKernel;
}

export function createEngineKernels(simd: SimdMode): EngineKernels {
  return {
    createLinearModel: (model, basis) => createLinearModelKernel(model, { simd, basis }),
  };
}
