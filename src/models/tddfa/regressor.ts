import type { Engine, Network } from '../../engine/engine.ts';
import { CENTRED, toNetworkInput } from '../../engine/image/network-input.ts';
import type { LayersArtifact } from '../../engine/layers-artifact.ts';
import { WeightFormatError } from '../../errors.ts';
import { denormaliseParams, PARAM_LAYOUTS } from '../../geometry/params.ts';
import { CROP_SIZE } from '../../geometry/similarity-transform.ts';
import type { ParamLayout, RgbaImage, RgbImage } from '../../types.ts';

/** How the network's outputs become parameters: `output * std + mean`, one by one. */
export interface ParamNormalisation {
  /** `[62]` (or 72, 141). */
  readonly mean: Float32Array;
  /** As long as `mean`. */
  readonly std: Float32Array;
}

/** Estimates the parameters of a morphable model from pictures of faces. */
export interface Regressor {
  /** How the parameters split up. */
  readonly layout: ParamLayout;
  /**
   * @param crops - 120 x 120 px, one per face; not changed.
   * @returns one `[62]` (or 72, 141) per crop, in their order: de-normalised parameters, 12 camera (3x4 row-major), then
   *   shape, then expression.
   * @throws RangeError if a crop has another size; DisposedError.
   */
  regress(crops: readonly (RgbaImage | RgbImage)[]): Promise<Float32Array[]>;
  /** Frees the network. Idempotent. */
  dispose(): void;
}

/** The faces of a picture go through the network in one batch; only of a crowd, whose features would take gigabytes, in more. */
const MAX_BATCH = 128;

/**
 * Makes a regressor.
 * @param engine - runs the network; disposing of it ends the regressor too.
 * @param artifact - input `[n, 120, 120, 3]`, output `[n, 62]` (or 72, 141), standardised; see `mobilenet-v1.ts`.
 * @throws RangeError where the normalisation has no known number of parameters; what `engine.loadNetwork` throws.
 * @see TDDFA.py (3DDFA_V2 1b6c676)
 */
export async function createRegressor(
  engine: Engine,
  artifact: LayersArtifact,
  { mean, std }: ParamNormalisation,
): Promise<Regressor> {
  const layout = PARAM_LAYOUTS.get(mean.length);
  if (layout === undefined || std.length !== mean.length) {
    const counts = [...PARAM_LAYOUTS.keys()].join(', ');
    throw new RangeError(
      `normalisation: expected a mean and a std of ${counts} numbers, got ${mean.length} and ${std.length}`,
    );
  }
  return new NetworkRegressor(await engine.loadNetwork(artifact), layout, { mean: mean.slice(), std: std.slice() });
}

class NetworkRegressor implements Regressor {
  readonly layout: ParamLayout;
  readonly #network: Network;
  readonly #normalisation: ParamNormalisation;

  constructor(network: Network, layout: ParamLayout, normalisation: ParamNormalisation) {
    this.layout = layout;
    this.#network = network;
    this.#normalisation = normalisation;
  }

  async regress(crops: readonly (RgbaImage | RgbImage)[]): Promise<Float32Array[]> {
    for (const [i, { width, height }] of crops.entries()) {
      if (width !== CROP_SIZE || height !== CROP_SIZE) {
        throw new RangeError(`crops[${i}]: expected ${CROP_SIZE} x ${CROP_SIZE} px, got ${width} x ${height}`);
      }
    }
    const params: Float32Array[] = [];
    for (let start = 0; start < crops.length; start += MAX_BATCH) {
      params.push(...(await this.#regressBatch(crops.slice(start, start + MAX_BATCH))));
    }
    return params;
  }

  dispose(): void {
    this.#network.dispose();
  }

  async #regressBatch(crops: readonly (RgbaImage | RgbImage)[]): Promise<Float32Array[]> {
    const cropLength = CROP_SIZE * CROP_SIZE * 3;
    const input = new Float32Array(crops.length * cropLength);
    for (const [i, crop] of crops.entries()) toNetworkInput(crop, CENTRED, input, i * cropLength);
    const outputs = await this.#network.run(input, [crops.length, CROP_SIZE, CROP_SIZE, 3]);
    const expected = `[${crops.length}, ${this.#normalisation.mean.length}]`;
    const actual = outputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' ');
    const [output] = outputs;
    if (output === undefined || actual !== expected) {
      throw new WeightFormatError('the regressor', 'the network does not fit the normalisation', { expected, actual });
    }
    const { mean, std } = this.#normalisation;
    return crops.map((_, i) =>
      denormaliseParams(output.data.subarray(i * mean.length, (i + 1) * mean.length), mean, std),
    );
  }
}
