import type { SurfaceKernel } from '../../types.ts';
import { createLinearModelKernel, type LinearModel, type LinearModelKernel } from './linear-model.ts';
import { createPictureKernel, type PictureKernel } from './picture.ts';
import type { SimdMode } from './simd-mode.ts';
import { createSurfaceKernel } from './surface.ts';

/** SIMD kernels for the work beside networks. */
export interface EngineKernels {
  readonly picture: PictureKernel;
  readonly surface: SurfaceKernel;
  /** Copies a model into WebAssembly memory; it is freed with the last reference to the result. */
  createLinearModel(model: LinearModel): LinearModelKernel;
}

/** Kernels, made when first asked for. */
export function createEngineKernels(simd: SimdMode): EngineKernels {
  let picture: PictureKernel | undefined;
  let surface: SurfaceKernel | undefined;
  return {
    get picture() {
      picture ??= createPictureKernel();
      return picture;
    },
    get surface() {
      surface ??= createSurfaceKernel();
      return surface;
    },
    createLinearModel: (model) => createLinearModelKernel(model, { simd }),
  };
}
