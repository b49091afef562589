import type { Engine, Network } from '../../engine/engine.ts';
import { CENTRED, toNetworkInput } from '../../engine/image/network-input.ts';
import type { LayersArtifact } from '../../engine/layers-artifact.ts';
import { ACTING_LAYOUTS, CAMERA_PARAM_COUNT, denormaliseParams, PARAM_LAYOUTS } from '../../geometry/params.ts';
import { CROP_SIZE } from '../../geometry/similarity-transform.ts';
import type { ParamLayout, RgbaImage, RgbImage } from '../../types.ts';
import { checkOutputShapes } from '../check-output-shapes.ts';

/** How the network's outputs become parameters: `output * std + mean`, elementwise. */
export interface ParamNormalisation {
  /** `[62]` (or 72, 141). */
  readonly mean: Float32Array;
  /** As long as `mean`. */
  readonly std: Float32Array;
  /** The same for a second output: `[expressionCount + gazeCount]` of a model that acts. */
  readonly acting?: { readonly mean: Float32Array; readonly std: Float32Array };
}

/** How the parameters of a model that acts are obtained from a network with the original's layout. */
export interface ParamExpansion {
  /** `[expressionCount x n]`: the model's expressions as combinations of the `n` that the network outputs. */
  readonly combinations: Float32Array;
  readonly expressionCount: number;
  readonly gazeCount: number;
}

/** Estimates the parameters of a morphable model from pictures of faces. */
export interface Regressor {
  /** How the parameters are divided up. */
  readonly layout: ParamLayout;
  /**
   * @param crops - 120 x 120 px, one per face; not changed.
   * @returns one `[62]` (or 72, 141; `[108]` with an expansion) per crop, in order: de-normalised parameters, 12 camera
   *   (3x4 row-major), then shape, then expression, then gaze.
   * @throws RangeError if a crop has a different size; DisposedError.
   */
  regress(crops: readonly (RgbaImage | RgbImage)[]): Promise<Float32Array[]>;
  /** Frees the network. Idempotent. */
  dispose(): void;
}

/** A picture's faces go through the network in one batch; a crowd, whose features would take gigabytes, in several. */
const MAX_BATCH = 128;

/**
 * Creates a regressor.
 * @param engine - runs the network; disposing of it ends the regressor too.
 * @param artifact - input `[n, 120, 120, 3]`, output `[n, 62]` (or 72, 141), standardised; see `mobilenet-v1.ts`. A
 *   second output holds expression and gaze of a model that acts.
 * @param expansion - for a model that acts: expressions come from the second output, clamped to 0..1, or without one
 *   from the first.
 * @throws RangeError if the normalisation does not have a known number of parameters; also as `engine.loadNetwork`.
 * @see TDDFA.py (3DDFA_V2 1b6c676)
 */
export async function createRegressor(
  engine: Engine,
  artifact: LayersArtifact,
  { mean, std, acting }: ParamNormalisation,
  expansion?: ParamExpansion,
): Promise<Regressor> {
  const layout = PARAM_LAYOUTS.get(mean.length) ?? ACTING_LAYOUTS.get(mean.length);
  if (layout === undefined || std.length !== mean.length) {
    const counts = [...PARAM_LAYOUTS.keys(), ...ACTING_LAYOUTS.keys()].join(', ');
    throw new RangeError(
      `normalisation: expected a mean and a std of ${counts} numbers, got ${mean.length} and ${std.length}`,
    );
  }
  const normalisation = { mean: mean.slice(), std: std.slice() };
  const network = await engine.loadNetwork(artifact);
  if (expansion === undefined) return new NetworkRegressor(network, layout, normalisation, acting?.mean.length);
  const { expressionCount, gazeCount } = expansion;
  const wide: ParamLayout = { shapeCount: layout.shapeCount, expressionCount, gazeCount };
  const second = acting && { mean: acting.mean.slice(), std: acting.std.slice() };
  for (const [name, values] of Object.entries(second ?? {})) {
    if (values.length !== expressionCount + gazeCount) {
      throw new RangeError(
        `normalisation.acting.${name}: expected ${expressionCount} + ${gazeCount} numbers, got ${values.length}`,
      );
    }
  }
  return new NetworkRegressor(network, wide, normalisation, second?.mean.length, (narrow, data, row) =>
    widen(narrow, layout, expansion, second && denormaliseRow(data ?? new Float32Array(0), row, second)),
  );
}

/** Combines a network's first output, de-normalised, with a row of its second one. */
type ParamsOf = (narrow: Float32Array, acting: Float32Array | undefined, row: number) => Float32Array;

/** Parameters of a model that acts, from the original's layout and, if there are any, separate expression and gaze. */
function widen(
  narrow: Float32Array,
  { shapeCount, expressionCount: narrowCount }: ParamLayout,
  { combinations, expressionCount, gazeCount }: ParamExpansion,
  acting: Float32Array | undefined,
): Float32Array {
  const start = CAMERA_PARAM_COUNT + shapeCount;
  const params = new Float32Array(start + expressionCount + gazeCount);
  params.set(narrow.subarray(0, start));
  for (let i = 0; i < expressionCount; i++) {
    if (acting !== undefined) {
      params[start + i] = Math.min(Math.max(acting[i], 0), 1);
      continue;
    }
    let sum = 0;
    for (let k = 0; k < narrowCount; k++) sum += combinations[i * narrowCount + k] * narrow[start + k];
    params[start + i] = sum;
  }
  if (acting !== undefined) params.set(acting.subarray(expressionCount), start + expressionCount);
  return params;
}

class NetworkRegressor implements Regressor {
  readonly layout: ParamLayout;
  readonly #network: Network;
  readonly #normalisation: ParamNormalisation;
  readonly #actingCount: number | undefined;
  readonly #paramsOf: ParamsOf;

  constructor(
    network: Network,
    layout: ParamLayout,
    normalisation: ParamNormalisation,
    actingCount: number | undefined,
    paramsOf: ParamsOf = (narrow) => narrow,
  ) {
    this.layout = layout;
    this.#network = network;
    this.#normalisation = normalisation;
    this.#actingCount = actingCount;
    this.#paramsOf = paramsOf;
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
    const counts = [this.#normalisation.mean.length, ...(this.#actingCount === undefined ? [] : [this.#actingCount])];
    const shapes = counts.map((count) => [crops.length, count]);
    checkOutputShapes(outputs, shapes, 'the regressor', 'the network does not fit the normalisation');
    const [output, acting] = outputs;
    return crops.map((_, i) => this.#paramsOf(denormaliseRow(output.data, i, this.#normalisation), acting?.data, i));
  }
}

/** Row `row` of the outputs, in float32 as the original computes parameters. */
function denormaliseRow(
  outputs: Float32Array,
  row: number,
  { mean, std }: { readonly mean: Float32Array; readonly std: Float32Array },
): Float32Array {
  return denormaliseParams(outputs.subarray(row * mean.length, (row + 1) * mean.length), mean, std);
}
