import type { NetworkRanges, Precision } from './quantization.ts';

/** A tfjs Layers model in memory: the contents of `model.json` and its shards. The only description of a network. */
export interface LayersArtifact {
  /** `modelTopology` of `model.json`: `{class_name, config, keras_version, backend}` or `{model_config: …}`. */
  readonly modelTopology: object;
  /** Order, shapes and names of the tensors in `weightData`. */
  readonly weightSpecs: readonly WeightSpec[];
  /** All tensors one after the other, little-endian float32 (float16 storage is already widened). */
  readonly weightData: ArrayBuffer;
  /** Ranges of the values between its layers, for int8 inference. */
  readonly ranges?: NetworkRanges;
  /** Precision to compute it with, overriding the engine's options and its ranges. */
  readonly precision?: Precision;
}

/** One tensor of a weights manifest. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32';
}
