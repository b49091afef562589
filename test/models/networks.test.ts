import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import {
  astronautCropInput,
  faceboxesInput,
  formulaFaceboxes,
  formulaRegressor,
  formulaRegressorNames,
} from '../../development/formula.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import type { BackendName, Engine } from '../../src/engine/engine.ts';
import { expectClose } from '../support/expect-close.ts';
import { describeWithTensorflow } from '../support/tensorflow.ts';

// Measured: 1.0e-5, 1.7e-5, 4.1e-6.
const MAX_OUTPUT_ERROR = 3e-5;
const MAX_LOC_ERROR = 5e-5;
const MAX_CONF_ERROR = 1e-5;

function describeNetworks(backend: BackendName): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(backend);
  });
  afterAll(() => engine.dispose());

  test.each(formulaRegressorNames)('%s gives what torch gives', async (name) => {
    const { stateDict, output } = formulaRegressor(name);
    const { artifact } = convertNetwork(stateDict, { file: name });
    const network = await engine.loadNetwork(artifact);
    const outputs = await network.run(astronautCropInput(), [1, 120, 120, 3]);
    network.dispose();
    expect(outputs.map(({ shape }) => shape)).toEqual([[1, 62]]);
    expectClose(outputs[0]?.data ?? [], output, { maxAbs: MAX_OUTPUT_ERROR });
  });

  test('faceboxes gives what torch gives, at a size that no step divides', async () => {
    const { stateDict, priorCount, loc, conf } = formulaFaceboxes();
    const { artifact } = convertNetwork(stateDict, { file: 'faceboxes' });
    const network = await engine.loadNetwork(artifact);
    const { input, shape } = faceboxesInput();
    const outputs = await network.run(input, shape);
    network.dispose();
    expect(outputs.map((output) => output.shape)).toEqual([
      [1, priorCount, 4],
      [1, priorCount, 2],
    ]);
    expectClose(outputs[0]?.data ?? [], loc, { maxAbs: MAX_LOC_ERROR });
    expectClose(outputs[1]?.data ?? [], conf, { maxAbs: MAX_CONF_ERROR });
  });
}

describe.each(['compiled', 'wasm', 'cpu'] as const)('networks with formula weights on %s', describeNetworks);
describeWithTensorflow('networks with formula weights on tensorflow', () => describeNetworks('tensorflow'));
