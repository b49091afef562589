import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { equaliseChannels } from '../../converters/equalise-channels.ts';
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import {
  astronautCropInput,
  faceboxesInput,
  formulaFaceboxes,
  formulaRegressor,
  formulaRegressorNames,
} from '../../development/formula.ts';
import { parseLayersArtifact } from '../../src/engine/compiler/parse.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';
import { MOBILENET_V1_BLOCKS } from '../../src/models/tddfa/mobilenet-v1.ts';
import { expectClose } from '../support/expect-close.ts';
import { formulaValues } from '../support/small-pack.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine('compiled');
});
afterAll(() => engine.dispose());

/** Per output channel of a layer's kernel, the largest magnitude. */
function channelSizes(artifact: LayersArtifact, layer: string): number[] {
  const kernel = tensorOf(artifact, layer, 'kernel');
  const channels = kernel.shape.at(-1) as number;
  const rows = Array.from({ length: kernel.data.length / channels }, (_, row) => row * channels);
  return Array.from({ length: channels }, (_, channel) =>
    largest(rows.map((start) => kernel.data[start + channel] ?? 0)),
  );
}

function tensorOf(artifact: LayersArtifact, layer: string, tensor: string) {
  const node = parseLayersArtifact(artifact).layers.find(({ name }) => name === layer);
  const found = node?.tensors.get(tensor);
  if (found === undefined) throw new Error(`there is no ${layer}/${tensor}`);
  return found;
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value > most) most = value;
    else if (-value > most) most = -value;
  }
  return most;
}

function spread(sizes: readonly number[]): number {
  return Math.max(...sizes) / Math.min(...sizes);
}

async function outputs(artifact: LayersArtifact, input: Float32Array, shape: readonly number[]) {
  const network = await engine.loadNetwork(artifact);
  const results = await network.run(input, shape as [number, number, number, number]);
  network.dispose();
  return results.map(({ data }) => data.slice());
}

describe('equaliseChannels', () => {
  test.each(formulaRegressorNames)('does not change what %s computes', async (name) => {
    const { artifact } = convertNetwork(formulaRegressor(name).stateDict, { file: name });
    const equalised = equaliseChannels(artifact);
    const [before] = await outputs(artifact, astronautCropInput(), [1, 120, 120, 3]);
    const [after] = await outputs(equalised, astronautCropInput(), [1, 120, 120, 3]);
    expectClose(after ?? [], before ?? [], { maxAbs: 1e-5 });
    expect(Buffer.from(equalised.weightData).equals(Buffer.from(artifact.weightData))).toBe(false);
  });

  test('does not change what a detector computes', async () => {
    const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' });
    const { input, shape } = faceboxesInput();
    const before = await outputs(artifact, input, shape);
    const after = await outputs(equaliseChannels(artifact), input, shape);
    expect(after).toHaveLength(2);
    after.forEach((values, i) => {
      expectClose(values, before[i] ?? [], { maxAbs: 1e-5 * largest(before[i] ?? []) });
    });
  });

  test('makes all channels of pointwise convolutions as large as the largest, and leaves the given weights alone', () => {
    const { artifact } = convertNetwork(formulaRegressor('mobilenet_v1_x0.5').stateDict, { file: 'x0.5' });
    const given = artifact.weightData.slice(0);
    const equalised = equaliseChannels(artifact);
    expect(artifact.weightData).toEqual(given);
    for (const [name] of MOBILENET_V1_BLOCKS) {
      const before = channelSizes(artifact, `${name}.conv_sep`);
      const after = channelSizes(equalised, `${name}.conv_sep`);
      expect(spread(before)).toBeGreaterThan(1.5);
      expect(spread(after)).toBeLessThan(1 + 1e-5);
      // The largest channel keeps its size; only the head's rows may change, not its outputs.
      expect(Math.max(...after)).toBeCloseTo(Math.max(...before), 5);
    }
  });

  /** Two convolutions of one pixel, the second read by nothing else. */
  function twoLayers(activation: 'relu' | undefined, weights: readonly number[]): LayersArtifact {
    const model = new LayersModelBuilder('two');
    const input = model.input('input', [4, 4, 2]);
    const first = model.conv2d('first', input, { filters: 3, kernelSize: 1, ...(activation && { activation }) });
    const second = model.conv2d('second', first, { filters: 1, kernelSize: 1 });
    return { ...model.build([second]), weightData: Float32Array.from(weights).buffer };
  }

  const FIRST = [4, 2, 1e-6, -1, 0.5, 0];
  const BIAS = [0.5, -1, 2];

  test('keeps weights and biases within half precision', async () => {
    const hugeBias = twoLayers('relu', [...FIRST, 0.5, 30000, 2, 3, 5, 7, 1]);
    const equalised = equaliseChannels(hugeBias);
    const [, , third] = channelSizes(equalised, 'first');
    // Without a bound it would be 4, by a factor of 4e6; 7 / 2^-13 is allowed, and its bias of 2 * 2^14.
    expect(third).toBeCloseTo(1e-6 * 2 ** 14, 6);
    const biases = [...tensorOf(equalised, 'first', 'bias').data];
    expect(Math.max(...biases.map(Math.abs))).toBeLessThanOrEqual(2 ** 15);
    expect(biases[1]).toBeCloseTo(2 ** 15, 1);
    const small = equaliseChannels(twoLayers('relu', [...FIRST, 0.5, 0, 0, 3, 5, 1e-3, 1]));
    expect(tensorOf(small, 'second', 'kernel').data[2]).toBeCloseTo(2 ** -13, 9);
    const input = formulaValues(32, 1);
    const [before] = await outputs(hugeBias, input, [1, 4, 4, 2]);
    const [after] = await outputs(equalised, input, [1, 4, 4, 2]);
    expectClose(after ?? [], before ?? [], { maxAbs: 0.02 });
  });

  test('leaves channels without weights, or that nothing reads, as they are', () => {
    const artifact = twoLayers('relu', [4, 2, 0, -1, 0.5, 0, ...BIAS, 3, 0, 7, 1]);
    expect(channelSizes(equaliseChannels(artifact), 'first')).toEqual([4, 2, 0]);
  });

  test('leaves a convolution alone whose values are not only rectified, or are read elsewhere', () => {
    const linear = twoLayers(undefined, [...FIRST, ...BIAS, 3, 5, 7, 1]);
    expect(equaliseChannels(linear)).toEqual(linear);
    const model = new LayersModelBuilder('read twice');
    const input = model.input('input', [4, 4, 2]);
    const first = model.conv2d('first', input, { filters: 3, kernelSize: 1, activation: 'relu' });
    const second = model.conv2d('second', first, { filters: 1, kernelSize: 1 });
    for (const outs of [
      [first, second],
      [second, model.conv2d('third', first, { filters: 1, kernelSize: 1 })],
    ]) {
      const network = model.build(outs);
      const count = network.weightSpecs.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
      const artifact = { ...network, weightData: formulaValues(count, 2).buffer as ArrayBuffer };
      expect(equaliseChannels(artifact)).toEqual(artifact);
    }
  });
});
