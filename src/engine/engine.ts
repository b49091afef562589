import type { PictureKernel } from './image/picture-kernel.ts';
import type { EngineKernels } from './kernels/engine-kernels.ts';
import type { LayersArtifact } from './layers-artifact.ts';

/** Names of the backends that `createEngine` accepts. */
export type BackendName = 'compiled' | 'wasm' | 'cpu' | 'webgl' | 'webgpu' | 'tensorflow';

/** Something that runs networks: tfjs on one of its backends, or our compiler. */
export interface Engine {
  readonly backend: BackendName;
  /** SIMD if the engine has it, otherwise plain JavaScript. */
  readonly picture: PictureKernel;
  /** Kernels for surfaces and linear models; absent if plain JavaScript is used instead. */
  readonly kernels?: EngineKernels;
  /** Prepares a network; throws `UnsupportedLayerError` or `WeightFormatError`, and then holds nothing. */
  loadNetwork(artifact: LayersArtifact): Promise<Network>;
  /** Frees every network it loaded. Idempotent. */
  dispose(): void;
}

/** A network ready to run. */
export interface Network {
  /**
   * Runs a batch.
   * @param input - NHWC float32, `[batch x height x width x channels]`; not changed, and free for reuse once the
   *   promise settles.
   * @param shape - `[batch, height, width, channels]`.
   * @returns one tensor per network output, in the graph's order, in new arrays that belong to the caller.
   * @throws DisposedError after `dispose`; RangeError if `input.length` is not the product of `shape`.
   */
  run(input: Float32Array, shape: readonly [number, number, number, number]): Promise<NetworkOutput[]>;
  /** Idempotent. */
  dispose(): void;
}

/** One output tensor, row-major. */
export interface NetworkOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
