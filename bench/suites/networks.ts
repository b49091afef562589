import { convertNetwork } from '../../converters/networks/convert-network.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import type { NetworkOutput } from '../../src/engine/engine.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { formulaFaceboxes, formulaRegressor } from '../../test/support/formula.ts';
import type { BenchBackend } from '../backends.ts';
import type { BenchCase, Benchmark } from '../measure.ts';

type Shape = readonly [number, number, number, number];

/** A network with weights made by a formula: times do not depend on what the weights are. */
interface BenchNetwork {
  readonly name: string;
  readonly artifact: () => LayersArtifact;
  readonly shape: Shape;
  /** Largest absolute value of the input. */
  readonly amplitude: number;
}

const regressor =
  (file: string): (() => LayersArtifact) =>
  () =>
    convertNetwork(formulaRegressor(file).stateDict, { file }).artifact;

const NETWORKS: readonly BenchNetwork[] = [
  { name: 'mb05 120x120', artifact: regressor('mobilenet_v1_x0.5'), shape: [1, 120, 120, 3], amplitude: 1 },
  { name: 'mb1 120x120', artifact: regressor('mobilenet_v1_x1.0'), shape: [1, 120, 120, 3], amplitude: 1 },
  { name: 'mb1 120x120, batch of 4', artifact: regressor('mobilenet_v1_x1.0'), shape: [4, 120, 120, 3], amplitude: 1 },
  { name: 'resnet22 120x120', artifact: regressor('resnet22'), shape: [1, 120, 120, 3], amplitude: 1 },
  ...(
    [
      [1080, 607],
      [540, 360],
    ] as const
  ).map(
    ([width, height]): BenchNetwork => ({
      name: `faceboxes ${width}x${height}`,
      artifact: () => convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' }).artifact,
      shape: [1, height, width, 3],
      amplitude: 127,
    }),
  ),
];

/** Networks on every backend, with the largest difference from tfjs's plain JavaScript, relative to the largest output. */
export function* networkBenchmarks(backends: readonly BenchBackend[]): Generator<[string, () => Promise<Benchmark>]> {
  for (const network of NETWORKS) yield [network.name, () => makeBenchmark(network, backends)];
}

async function makeBenchmark(
  { name, artifact: makeArtifact, shape, amplitude }: BenchNetwork,
  backends: readonly BenchBackend[],
): Promise<Benchmark> {
  const artifact = makeArtifact();
  const input = noise(
    shape.reduce((product, size) => product * size, 1),
    amplitude,
  );
  const reference = await createEngine('cpu');
  const expected = await (await reference.loadNetwork(artifact)).run(input, shape);
  reference.dispose();
  const disposals: (() => void)[] = [];
  const cases: BenchCase[] = [];
  for (const backend of backends) {
    const engine = await backend.create();
    disposals.push(() => engine.dispose());
    const network = await engine.loadNetwork(artifact);
    const value = relativeError(await network.run(input, shape), expected);
    cases.push({ backend: backend.name, run: () => network.run(input, shape), error: { value, of: 'largest output' } });
  }
  return { name, cases, dispose: () => disposals.forEach((dispose) => void dispose()) };
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

/** The same numbers in every run. */
export function noise(length: number, amplitude: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * amplitude;
  });
}
