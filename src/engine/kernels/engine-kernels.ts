import type { SurfaceKernel } from '../../types.ts';
import {
  type BasisPrecision,
  createLinearModelKernel,
  type LinearModel,
  type LinearModelKernel,
} from './linear-model.ts';
import type { SimdMode } from './simd-mode.ts';
import { createSurfaceKernel } from './surface.ts';

/** SIMD kernels for the work beside networks. */
export interface EngineKernels {
  readonly surface: SurfaceKernel;
  /** Copies a model into WebAssembly memory; it is freed with the last reference to the result. */
  createLinearModel(model: LinearModel, basis: BasisPrecision): LinearModelKernel;
}

/** Kernels, made when first asked for. */
export function createEngineKernels(simd: SimdMode): EngineKernels {
  let surface: SurfaceKernel | undefined;
  return {
    get surface() {
      surface ??= createSurfaceKernel();
      return surface;
    },
    createLinearModel: (model, basis) => createLinearModelKernel(model, { simd, basis }),
  };
}
