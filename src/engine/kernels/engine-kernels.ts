import type { SurfaceKernel } from '../../types.ts';
import type { SimdMode } from '../../wasm/simd-mode.ts';
import {
  type BasisPrecision,
  createLinearModelKernel,
  type LinearModel,
  type LinearModelKernel,
} from './linear-model.ts';

/** SIMD kernels for the work beside networks. */
export interface EngineKernels {
  /** Loads the code of the surface kernel, which an application that draws nothing need not have. */
  loadSurface(): Promise<() => SurfaceKernel>;
  /** Copies a model into WebAssembly memory; it is freed with the last reference to the result. */
  createLinearModel(model: LinearModel, basis: BasisPrecision): LinearModelKernel;
}

export function createEngineKernels(simd: SimdMode): EngineKernels {
  return {
    loadSurface: async () => (await import('./surface.ts')).createSurfaceKernel,
    createLinearModel: (model, basis) => createLinearModelKernel(model, { simd, basis }),
  };
}
