import { calibrateNetwork, type NetworkInput } from '../engine/calibrate-network.ts';
import { createEngine } from '../engine/create-engine.ts';
import type { NetworkOutput } from '../engine/engine.ts';
import type { LayersArtifact } from '../engine/layers-artifact.ts';
import type { StoredRanges } from '../engine/quantization.ts';
import type { Pack } from '../engine/weights/open-pack.ts';
import { encodeRanges } from '../engine/weights/ranges-file.ts';
import { CROP_SIZE } from '../geometry/similarity-transform.ts';
import { chooseRegressor } from '../models/face-pack.ts';
import { type BenchBackend, createBenchEngine } from './backends.ts';
import type { BenchCase, Benchmark, NamedBenchmark } from './measure.ts';
import { noise } from './noise.ts';

/** Width and height of a picture, px. */
export type Size = readonly [width: number, height: number];

type Shape = readonly [number, number, number, number];

/** Largest absolute values of the networks' inputs. */
const AMPLITUDES = { regressor: 1, detector: 127 } as const;

/**
 * Every network of a pack on every backend, with the largest difference from tfjs in plain JavaScript, relative to the
 * largest output.
 * @param batches - batch sizes of the regressor that an aligner uses; the others run on one image.
 * @param sizes - picture sizes of the detectors.
 */
export function networkBenchmarks(
  pack: Pack,
  backends: readonly BenchBackend[],
  { batches, sizes }: { readonly batches: readonly number[]; readonly sizes: readonly Size[] },
): NamedBenchmark[] {
  const preferred = chooseRegressor(pack);
  const regressors = pack.modelsOf('regressor').flatMap((model) =>
    (model === preferred ? batches : [1]).map((batch): NamedBenchmark => {
      const side = model.inputSize ?? CROP_SIZE;
      const suffix = batch === 1 ? '' : `, batch of ${batch}`;
      const make = async (): Promise<Benchmark> =>
        makeBenchmark(await pack.readNetwork(model), [batch, side, side, 3], AMPLITUDES.regressor, backends);
      return { name: `${model.name} ${side}x${side}${suffix}`, make };
    }),
  );
  const detectors = pack.modelsOf('detector').flatMap((model) =>
    sizes.map(([width, height]): NamedBenchmark => {
      const make = async (): Promise<Benchmark> =>
        makeBenchmark(await pack.readNetwork(model), [1, height, width, 3], AMPLITUDES.detector, backends);
      return { name: `${model.name} ${width}x${height}`, make };
    }),
  );
  return [...regressors, ...detectors];
}

async function makeBenchmark(
  artifact: LayersArtifact,
  shape: Shape,
  amplitude: number,
  backends: readonly BenchBackend[],
): Promise<Benchmark> {
  const input = noise(
    shape.reduce((product, size) => product * size, 1),
    amplitude,
  );
  const reference = await createEngine('cpu');
  const expected = await (await reference.loadNetwork(artifact)).run(input, shape);
  reference.dispose();
  const disposals: (() => void)[] = [];
  const cases: BenchCase[] = [];
  // Times do not depend on the ranges. For meaningful errors the ranges must fit the input: a pack's own fit faces, not
  // noise.
  const withRanges = (): Promise<LayersArtifact> =>
    rangesFrom(artifact, { data: input, shape }, amplitude === AMPLITUDES.detector);
  for (const backend of backends) {
    const engine = await createBenchEngine(backend);
    disposals.push(() => engine.dispose());
    const network = await engine.loadNetwork(backend.options.precision === 'int8' ? await withRanges() : artifact);
    const value = relativeError(await network.run(input, shape), expected);
    cases.push({ backend: backend.name, run: () => network.run(input, shape), error: { value, of: 'largest output' } });
  }
  return { cases, dispose: () => disposals.forEach((dispose) => void dispose()) };
}

/** The network with ranges that fit one input. @param quantizesInput - as `tddfa quantize` does for detectors. */
async function rangesFrom(
  artifact: LayersArtifact,
  input: NetworkInput,
  quantizesInput: boolean,
): Promise<LayersArtifact> {
  async function* inputs(): AsyncGenerator<NetworkInput> {
    yield input;
  }
  const tensors = encodeRanges(await calibrateNetwork(artifact, inputs, { quantizesInput }));
  const read = async (): Promise<StoredRanges> => ({ file: 'the ranges of the benchmark', tensors });
  return { ...artifact, ranges: { precision: 'int8', read } };
}

function relativeError(actual: readonly NetworkOutput[], expected: readonly NetworkOutput[]): number {
  let worst = 0;
  for (const [i, { data }] of expected.entries()) {
    let largest = 0;
    let difference = 0;
    for (const [j, value] of data.entries()) {
      largest = Math.max(largest, Math.abs(value));
      difference = Math.max(difference, Math.abs(value - (actual[i]?.data[j] ?? Number.NaN)));
    }
    worst = Math.max(worst, difference / largest);
  }
  return worst;
}
