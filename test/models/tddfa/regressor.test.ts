import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../../converters/networks/convert-network.ts';
import { formulaRegressor } from '../../../development/formula.ts';
import { readPng } from '../../../development/read-png.ts';
import { readReference, referenceNames } from '../../../development/reference.ts';
import { createEngine } from '../../../src/engine/create-engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { CENTRED, toNetworkInput } from '../../../src/engine/image/network-input.ts';
import { resizeRegion } from '../../../src/engine/image/resize.ts';
import { roundToPixels } from '../../../src/engine/image/round-to-pixels.ts';
import { DisposedError, WeightFormatError } from '../../../src/errors.ts';
import { PARAM_LAYOUTS } from '../../../src/geometry/params.ts';
import { createRegressor } from '../../../src/models/tddfa/regressor.ts';
import { expectClose } from '../../support/expect-close.ts';
import { noise } from '../../support/noise.ts';
import { describeWithShared, sharedPath } from '../../support/shared.ts';
import { upstreamNetwork, upstreamNormalisation } from '../../support/upstream-networks.ts';

// Measured: 1.7e-6, 1.5e-6.
const MAX_OUTPUT_ERROR = 5e-6;
/** In standard deviations of the parameter: they reach from 4e-5 to 6e5. */
const MAX_PARAM_ERROR = 5e-6;

describeWithShared('regressor against the original', () => {
  describe.each([
    ['compiled', {}],
    ['compiled', { optimize: false }],
    ['compiled', { simd: 'plain', threads: 2 }],
    ['wasm', {}],
    ['cpu', {}],
  ] as const)('on %s %j', (backend, options) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await createEngine(backend, options);
    });
    afterAll(() => engine.dispose());

    test.each(referenceNames)('%s: outputs of each face, parameters of all faces in one batch', async (name) => {
      const { faces } = readReference(name);
      const image = readPng(sharedPath('reference', name, 'input.png'));
      const artifact = await upstreamNetwork('mb05_120x120');
      const network = await engine.loadNetwork(artifact);
      for (const [i, { networkOutput }] of faces.entries()) {
        const crop = readPng(sharedPath('reference', name, `crop_${i}.png`));
        const [output] = await network.run(toNetworkInput(crop, CENTRED), [1, 120, 120, 3]);
        expectClose(output?.data ?? [], networkOutput, { maxAbs: MAX_OUTPUT_ERROR });
      }
      network.dispose();

      const normalisation = await upstreamNormalisation();
      const regressor = await createRegressor(engine, artifact, normalisation);
      expect(regressor.layout).toEqual({ shapeCount: 40, expressionCount: 10 });
      const crops = faces.map(({ roiBox: [xMin, yMin, xMax, yMax] }) =>
        resizeRegion(image, roundToPixels({ xMin, yMin, xMax, yMax }), 120, 120),
      );
      const params = await regressor.regress(crops);
      expect(params.length).toBe(faces.length);
      for (const [i, face] of faces.entries()) {
        const scaled = (values: ArrayLike<number>) => Array.from(values, (value, k) => value / normalisation.std[k]);
        expectClose(scaled(params[i] ?? []), scaled(face.params), { maxAbs: MAX_PARAM_ERROR });
      }
      regressor.dispose();
    });
  });
});

describe.each(['compiled', 'wasm'] as const)('createRegressor on %s', (backend) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(backend);
  });
  afterAll(() => engine.dispose());

  /** A small network whose last layer has `outputCount` outputs. */
  function smallNetwork(outputCount: number) {
    const { stateDict } = formulaRegressor('mobilenet_v1_x0.25');
    const data = Float32Array.from({ length: outputCount * 256 }, (_, i) => Math.sin(i) / 16);
    stateDict.set('fc.weight', { shape: [outputCount, 256], data });
    stateDict.set('fc.bias', { shape: [outputCount], data: data.slice(0, outputCount) });
    return convertNetwork(stateDict, { file: 'small' }).artifact;
  }

  const ramp = (length: number) => Float32Array.from({ length }, (_, i) => i / 8 - 3);

  test.each([...PARAM_LAYOUTS])('knows %i parameters: %j', async (count, layout) => {
    const regressor = await createRegressor(engine, smallNetwork(count), { mean: ramp(count), std: ramp(count) });
    expect(regressor.layout).toEqual(layout);
    const [params] = await regressor.regress([noise(120, 120, 3, 1)]);
    expect(params?.length).toBe(count);
    regressor.dispose();
  });

  test('a batch gives what each crop gives alone, and leaves the crops as they were', async () => {
    const mean = ramp(62);
    const std = ramp(62);
    const regressor = await createRegressor(engine, smallNetwork(62), { mean, std });
    mean.fill(0); // Its own copy counts.
    const crops = [noise(120, 120, 3, 1), noise(120, 120, 4, 2), noise(120, 120, 3, 3)];
    const before = crops.map(({ data }) => data.slice());
    const together = await regressor.regress(crops);
    expect(crops.map(({ data }) => data)).toEqual(before);
    expect(together.length).toBe(3);
    for (const [i, crop] of crops.entries()) {
      const [alone] = await regressor.regress([crop]);
      expectClose(together[i] ?? [], alone ?? [], { maxAbs: 1e-5 });
    }
    expect(together[0]).not.toEqual(together[1]);
    expect(await regressor.regress([])).toEqual([]);
    regressor.dispose();
  });

  test('de-normalises: output * std + mean', async () => {
    const artifact = smallNetwork(62);
    const crop = noise(120, 120, 3, 4);
    const network = await engine.loadNetwork(artifact);
    const [output] = await network.run(toNetworkInput(crop, CENTRED), [1, 120, 120, 3]);
    const [mean, std] = [ramp(62), ramp(62).reverse()];
    const regressor = await createRegressor(engine, artifact, { mean, std });
    const [params] = await regressor.regress([crop]);
    const expected = Array.from(output?.data ?? [], (value, i) => value * std[i] + mean[i]);
    expectClose(params ?? [], expected, { maxAbs: 1e-5 });
  });

  test('refuses crops of another size', async () => {
    const regressor = await createRegressor(engine, smallNetwork(62), { mean: ramp(62), std: ramp(62) });
    await expect(regressor.regress([noise(120, 120, 3, 1), noise(120, 121, 3, 1)])).rejects.toThrow(
      new RangeError('crops[1]: expected 120 x 120 px, got 120 x 121'),
    );
    regressor.dispose();
    await expect(regressor.regress([noise(120, 120, 3, 1)])).rejects.toThrow(DisposedError);
  });

  test('refuses a normalisation of no known length, and one that the network does not have', async () => {
    const artifact = smallNetwork(62);
    await expect(createRegressor(engine, artifact, { mean: ramp(61), std: ramp(61) })).rejects.toThrow(
      new RangeError('normalisation: expected a mean and a std of 62, 72, 141, 104, 108 numbers, got 61 and 61'),
    );
    await expect(createRegressor(engine, artifact, { mean: ramp(62), std: ramp(72) })).rejects.toThrow(RangeError);
    const regressor = await createRegressor(engine, artifact, { mean: ramp(72), std: ramp(72) });
    await expect(regressor.regress([noise(120, 120, 3, 1)])).rejects.toThrow(WeightFormatError);
  });
});
