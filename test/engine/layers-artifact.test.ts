import { beforeAll, describe, expect, test } from '@jest/globals';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import {
  astronautCropInput,
  faceboxesInput,
  formulaFaceboxes,
  formulaRegressor,
  formulaRegressorNames,
} from '../../development/formula.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';
import { expectClose } from '../support/expect-close.ts';

// As of the same networks in our engine.
const MAX_OUTPUT_ERROR = 3e-5;
const MAX_LOC_ERROR = 5e-5;
const MAX_CONF_ERROR = 1e-5;

/** What anybody who has tfjs would do with `model.json` and its weights. */
function loadPlainly({ modelTopology, weightSpecs, weightData }: LayersArtifact) {
  const specs = weightSpecs.map((spec) => ({ ...spec, shape: [...spec.shape] }));
  return loadLayersModel({ load: async () => ({ modelTopology, weightSpecs: specs, weightData }) });
}

beforeAll(() => tf.setBackend('wasm'));

describe('an artifact in plain tf.loadLayersModel', () => {
  test.each(formulaRegressorNames)('%s runs unchanged', async (name) => {
    const { stateDict, output } = formulaRegressor(name);
    const { artifact } = convertNetwork(stateDict, { file: name });
    const model = await loadPlainly(
      JSON.parse(JSON.stringify(artifact), (key, value) => (key === 'weightData' ? artifact.weightData : value)),
    );
    const result = model.predict(tf.tensor4d(astronautCropInput(), [1, 120, 120, 3])) as tf.Tensor;
    expect(result.shape).toEqual([1, 62]);
    expectClose(result.dataSync(), output, { maxAbs: MAX_OUTPUT_ERROR });
    tf.dispose([result, ...model.weights.map((weight) => weight.read())]);
  });

  test('faceboxes runs at any size', async () => {
    const { stateDict, loc, conf } = formulaFaceboxes();
    const model = await loadPlainly(convertNetwork(stateDict, { file: 'faceboxes' }).artifact);
    expect(model.outputNames).toEqual(['loc', 'conf']);
    const { input, shape } = faceboxesInput();
    const outputs = model.predict(tf.tensor4d(input, shape)) as tf.Tensor[];
    expectClose(outputs[0]?.dataSync() ?? [], loc, { maxAbs: MAX_LOC_ERROR });
    expectClose(outputs[1]?.dataSync() ?? [], conf, { maxAbs: MAX_CONF_ERROR });
    for (const [height, width, priors] of [
      [1, 1, 23],
      [64, 33, 2 * 2 * 21 + 2],
      [130, 257, 5 * 9 * 21 + 3 * 5 + 2 * 3],
    ] as const) {
      const sized = model.predict(tf.zeros([1, height, width, 3])) as tf.Tensor[];
      expect(sized.map((tensor) => tensor.shape)).toEqual([
        [1, priors, 4],
        [1, priors, 2],
      ]);
    }
  });
});

describe('LayersModelBuilder', () => {
  test('knows the shapes that tfjs works out', async () => {
    const model = new LayersModelBuilder('shapes');
    const input = model.input('input', [11, 8, 3]);
    const padded = model.zeroPadding2d('pad', input, 2);
    const conv = model.conv2d('conv', padded, { filters: 6, kernelSize: 3, stride: 2 });
    const depthwise = model.depthwiseConv2d('depthwise', conv, { kernelSize: 2, bias: false });
    const pooled = model.maxPooling2d('max', depthwise, 2, 1);
    const averaged = model.averagePooling2d('average', depthwise, 2, 1);
    const joined = model.concatenate('joined', [pooled, averaged, averaged], 1);
    const outputs = [
      padded,
      conv,
      depthwise,
      pooled,
      averaged,
      joined,
      model.add('add', [pooled, averaged]),
      model.relu('relu', joined),
      model.globalAveragePooling2d('global', joined),
      model.dense('dense', joined, 7),
      model.reshape('reshape', joined, [9, null, 12]),
      model.softmax('softmax', joined),
    ];
    const { modelTopology, weightSpecs } = model.build(outputs);
    const weightCount = weightSpecs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    const loaded = await loadPlainly({ modelTopology, weightSpecs, weightData: new ArrayBuffer(4 * weightCount) });
    const expected = outputs.map(({ shape }) => [null, ...shape]);
    expect(loaded.outputs.map(({ shape }) => shape)).toEqual(expected);
    loaded.dispose();
  });

  test('refuses names that are taken or that tfjs does not take', () => {
    const model = new LayersModelBuilder('names');
    const input = model.input('input', [4, 4, 1]);
    expect(() => model.relu('input', input)).toThrow(RangeError);
    expect(() => model.relu('a/b', input)).toThrow(RangeError);
    expect(() => model.relu('', input)).toThrow(RangeError);
  });

  test('refuses inputs that do not fit', () => {
    const model = new LayersModelBuilder('fit');
    const picture = model.input('picture', [4, 4, 1]);
    const other = model.input('other', [4, 3, 2]);
    const unknown = model.input('unknown', [4, 4, null]);
    const numbers = model.globalAveragePooling2d('numbers', picture);
    expect(() => model.add('a', [picture, other])).toThrow('expected inputs of one shape');
    expect(() => model.add('b', [])).toThrow('expected inputs of one shape');
    expect(() => model.concatenate('c', [picture, other], 2)).toThrow('inputs do not fit along axis 2');
    expect(() => model.concatenate('d', [picture, picture], 3)).toThrow('inputs do not fit along axis 3');
    expect(() => model.conv2d('e', unknown, { filters: 1, kernelSize: 1 })).toThrow('must be known');
    expect(() => model.maxPooling2d('f', numbers, 2, 1)).toThrow(
      'expected an input [height, width, channels], got [1]',
    );
  });
});
