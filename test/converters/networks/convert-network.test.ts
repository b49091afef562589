import { describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../../converters/networks/convert-network.ts';
import { readWeightFile } from '../../../converters/read-weight-file.ts';
import type { NamedTensor, StateDict } from '../../../converters/tensor.ts';
import { formulaFaceboxes, formulaRegressor } from '../../../development/formula.ts';
import type { LayersArtifact } from '../../../src/engine/layers-artifact.ts';
import { WeightFormatError } from '../../../src/errors.ts';
import fc from '../../support/property.ts';
import { describeWithShared, sharedPath } from '../../support/shared.ts';

const file = 'my.pth';
const convert = (stateDict: StateDict) => convertNetwork(stateDict, { file });

/** A tensor of small numbers that are all different; positive, so that they may be variances. */
function tensor(...shape: number[]): NamedTensor {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 1 / (i + 2));
  return { shape, data };
}

/** A MobileNet-V1 whose layers have `channels(base)` channels. */
function mobilenet(channels: (base: number) => number, outputCount = 62): Map<string, NamedTensor> {
  const stateDict = new Map<string, NamedTensor>();
  for (const [name, { shape }] of formulaRegressor('mobilenet_v1_x0.25').stateDict) {
    const scaled = shape.map((size, axis) =>
      axis < 2 && size > 3 && name !== 'fc.weight' ? channels(size * 4) : size,
    );
    stateDict.set(name, tensor(...scaled));
  }
  stateDict.set('fc.weight', tensor(outputCount, channels(1024)));
  stateDict.set('fc.bias', tensor(outputCount));
  return stateDict;
}

function weightsOf({ weightSpecs, weightData }: LayersArtifact): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of weightSpecs) {
    const length = shape.reduce((a, b) => a * b);
    tensors.set(name, new Float32Array(weightData, offset, length));
    offset += 4 * length;
  }
  expect(offset).toBe(weightData.byteLength);
  return tensors;
}

const small = mobilenet((base) => base / 32);
const renamed = (stateDict: StateDict, rename: (name: string) => string) =>
  new Map([...stateDict].map(([name, value]) => [rename(name), value]));
const changed = (stateDict: StateDict, ...changes: [string, NamedTensor | undefined][]) => {
  const copy = new Map(stateDict);
  for (const [name, value] of changes) {
    if (value === undefined) copy.delete(name);
    else copy.set(name, value);
  }
  return copy;
};

describe('convertNetwork recognises', () => {
  test.each([
    ['mobilenet_v1_x1.0', { architecture: 'mobilenet-v1', widthMultiplier: 1, outputCount: 62 }],
    ['mobilenet_v1_x0.75', { architecture: 'mobilenet-v1', widthMultiplier: 0.75, outputCount: 62 }],
    ['mobilenet_v1_x0.25', { architecture: 'mobilenet-v1', widthMultiplier: 0.25, outputCount: 62 }],
    ['mobilenet_v1_prelu_x0.5', { architecture: 'mobilenet-v1', widthMultiplier: 0.5, outputCount: 62 }],
    ['mobilenet_v3_small_x1.0', { architecture: 'mobilenet-v3-small', widthMultiplier: 1, outputCount: 62 }],
    ['mobilenet_v3_large_x0.5', { architecture: 'mobilenet-v3-large', widthMultiplier: 0.5, outputCount: 62 }],
    ['resnet22', { architecture: 'resnet22', outputCount: 62 }],
  ])('%s', (name, expected) => {
    expect(convert(formulaRegressor(name).stateDict)).toMatchObject(expected);
  });

  test('faceboxes', () => {
    expect(convert(formulaFaceboxes().stateDict).architecture).toBe('faceboxes');
  });

  test.each([0.032, 0.1, 0.3, 0.35, 0.77, 1.3, 1.4])('a width multiplier of %d', (width) => {
    const result = convert(mobilenet((base) => Math.trunc(base * width)));
    expect(result).toMatchObject({ architecture: 'mobilenet-v1', widthMultiplier: width });
  });

  test('any width multiplier, to the same channels', () => {
    fc.assert(
      fc.property(fc.double({ min: 1 / 32, max: 0.6, noNaN: true }), (width) => {
        const result = convert(mobilenet((base) => Math.trunc(base * width)));
        if (result.architecture !== 'mobilenet-v1') throw new Error(result.architecture);
        const shapes = result.artifact.weightSpecs.filter(({ name }) => name.endsWith('conv_sep/kernel'));
        expect(shapes.at(-1)?.shape).toEqual([1, 1, Math.trunc(1024 * width), Math.trunc(1024 * width)]);
        expect(Math.abs(result.widthMultiplier - width)).toBeLessThanOrEqual(1 / 1024);
      }),
      { numRuns: 30 },
    );
  });

  test.each([62, 72, 141])('%i outputs', (outputCount) => {
    expect(convert(mobilenet((base) => base / 32, outputCount))).toMatchObject({ outputCount });
    const resnet = changed(
      formulaRegressor('resnet22').stateDict,
      ['conv_param.weight', tensor(outputCount, 512, 1, 1)],
      ['conv_param.bias', tensor(outputCount)],
    );
    expect(convert(resnet)).toMatchObject({ architecture: 'resnet22', outputCount });
  });

  test('the names that upstream and DataParallel give', () => {
    const expected = convert(small).artifact.weightData;
    const upstream = renamed(small, (name) => `module.${name.replace(/^fc\./, 'fc_param.')}`);
    upstream.set('module.fc_lm.weight', tensor(136, 32));
    upstream.set('module.fc_lm.bias', tensor(136));
    upstream.set('module.bn1.num_batches_tracked', { shape: [], data: BigInt64Array.of(7n) });
    expect(convert(upstream).artifact.weightData).toEqual(expected);
    const asConvolution = renamed(small, (name) => name.replace(/^fc\./, 'conv_param.'));
    asConvolution.set('conv_param.weight', tensor(62, 32, 1, 1));
    expect(convert(asConvolution).artifact.weightData).toEqual(expected);
  });

  test('float64 weights', () => {
    const wide = new Map(
      [...small].map(([name, { shape, data }]) => [name, { shape, data: Float64Array.from(data as Float32Array) }]),
    );
    expect(convert(wide).artifact.weightData).toEqual(convert(small).artifact.weightData);
  });
});

describe('convertNetwork folds', () => {
  const before = new Map([...small].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
  const weights = weightsOf(convert(small).artifact);
  const at = (name: string, index: number) => small.get(name)?.data[index] as number;
  const scale = (bn: string, channel: number) =>
    at(`${bn}.weight`, channel) / Math.sqrt(at(`${bn}.running_var`, channel) + 1e-5);

  test('kernels become [height, width, in, out], scaled', () => {
    // conv_sep of dw2_1: [2, 1, 1, 1]; conv1: [1, 3, 3, 3]; dw6: 32 channels.
    const kernel = weights.get('conv1/kernel');
    for (let y = 0; y < 3; y++) {
      for (let x = 0; x < 3; x++) {
        for (let c = 0; c < 3; c++) {
          expect(kernel?.[(y * 3 + x) * 3 + c]).toBe(
            Math.fround(at('conv1.weight', (c * 3 + y) * 3 + x) * scale('bn1', 0)),
          );
        }
      }
    }
    const pointwise = weights.get('dw6.conv_sep/kernel');
    for (const [input, output] of [
      [3, 5],
      [31, 0],
    ] as const) {
      const folded = at('dw6.conv_sep.weight', output * 32 + input) * scale('dw6.bn_sep', output);
      expect(pointwise?.[input * 32 + output]).toBe(Math.fround(folded));
    }
    const depthwise = weights.get('dw6.conv_dw/depthwise_kernel');
    const folded = at('dw6.conv_dw.weight', 7 * 9 + 5) * scale('dw6.bn_dw', 7);
    expect(depthwise?.[5 * 32 + 7]).toBe(Math.fround(folded));
  });

  test('biases take in mean and shift; the last layer is only transposed', () => {
    const mean = at('dw6.bn_sep.running_mean', 9) * scale('dw6.bn_sep', 9);
    expect(weights.get('dw6.conv_sep/bias')?.[9]).toBe(Math.fround(at('dw6.bn_sep.bias', 9) - mean));
    expect(weights.get('fc/kernel')?.[5 * 62 + 3]).toBe(at('fc.weight', 3 * 32 + 5));
    expect(weights.get('fc/bias')).toEqual(small.get('fc.bias')?.data);
  });

  test('the checkpoint stays as it was', () => {
    expect(small).toEqual(before);
  });

  test('negation is a layer of -1', () => {
    const detector = weightsOf(convert(formulaFaceboxes().stateDict).artifact);
    expect([...new Set(detector.get('conv1.negate/depthwise_kernel'))]).toEqual([-1]);
    expect(detector.get('conv2.negate/depthwise_kernel')?.length).toBe(64);
  });
});

describe('convertNetwork refuses', () => {
  const networks = {
    'mobilenet-v1': small,
    'mobilenet-v1 with PReLU': formulaRegressor('mobilenet_v1_prelu_x0.5').stateDict,
    'mobilenet-v3-large': formulaRegressor('mobilenet_v3_large_x0.5').stateDict,
    faceboxes: formulaFaceboxes().stateDict,
    resnet22: formulaRegressor('resnet22').stateDict,
  };

  describe.each(Object.entries(networks))('%s', (_architecture, stateDict) => {
    const names = [...stateDict.keys()];

    test('without any one of its tensors', () => {
      for (const name of names) {
        const error = caught(() => convert(changed(stateDict, [name, undefined])));
        expect(error).toMatchObject({ file, tensor: name, actual: 'nothing' });
      }
    });

    test('with any one of its tensors in another shape', () => {
      for (const name of names) {
        const { shape } = stateDict.get(name) as NamedTensor;
        const wrong = tensor(...shape.slice(1), 1, shape[0] + 1);
        const error = caught(() => convert(changed(stateDict, [name, wrong])));
        expect(error.message).toMatch(/^my.pth: tensor '/);
        expect(error.tensor).toBe(name);
      }
    });
  });

  test('with one more output channel, naming that layer', () => {
    for (const name of ['conv1.weight', 'dw2_2.conv_sep.weight', 'dw6.conv_sep.weight']) {
      const { shape } = small.get(name) as NamedTensor;
      const wrong = tensor(shape[0] + 1, ...shape.slice(1));
      expect(caught(() => convert(changed(small, [name, wrong])))).toMatchObject({
        tensor: name,
        expected: `[${shape.join(', ')}]`,
      });
    }
  });

  test.each([
    ['dw6.extra.weight', "my.pth: tensor 'dw6.extra.weight': is not a tensor of this network"],
    ['fc_param.weight', "my.pth: tensor 'fc_param.weight': is not a tensor of this network"],
    ['module.conv1.weight', "my.pth: tensor 'module.conv1.weight': is not a tensor of this network"],
  ])('an extra tensor %s', (name, message) => {
    expect(() => convert(changed(small, [name, tensor(1)]))).toThrow(message);
  });

  test.each([
    [Float32Array.of(1, Number.NaN), 'element 1 is not finite (expected a number, got NaN)'],
    [Float64Array.of(Number.NEGATIVE_INFINITY, 1), 'element 0 is not finite (expected a number, got -Infinity)'],
    [Int32Array.of(1, 1), 'has the wrong type (expected floating-point numbers, got int32)'],
    [BigInt64Array.of(1n, 1n), 'has the wrong type (expected floating-point numbers, got bigint64)'],
    [Float32Array.of(1, 2, 3), 'has the wrong number of elements (expected 2, got 3)'],
    [Float32Array.of(1, -0.5), 'element 1 is a negative variance (expected at least 0, got -0.5)'],
  ])('numbers %p', (data, message) => {
    const name = 'dw2_1.bn_sep.running_var';
    expect(() => convert(changed(small, [name, { shape: [2], data }]))).toThrow(`my.pth: tensor '${name}': ${message}`);
  });

  test.each([63, 0, 12])('a head of %i outputs', (count) => {
    const wrong = changed(small, ['fc.weight', tensor(count, 32)], ['fc.bias', tensor(count)]);
    expect(() => convert(wrong)).toThrow(`(expected 62, 72, 141 outputs, got ${count})`);
  });

  test.each([
    [new Map(), 'no tensors'],
    [new Map([['encoder.weight', tensor(1)]]), 'tensors encoder.weight, …'],
  ])('what is no network of these', (stateDict, found) => {
    expect(() => convert(stateDict)).toThrow(
      `my.pth: the network is not recognised (expected the tensors of a MobileNet-V1, MobileNet-V3, ResNet22 or FaceBoxes, got ${found})`,
    );
  });

  test('anything, never with another error', () => {
    const names = fc.constantFrom(...small.keys(), 'loc.0.weight', 'layer1.0.conv1.weight', 'fc_param.bias', '');
    const shape = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });
    const tensors = fc.array(fc.tuple(names, shape), { maxLength: 8 });
    fc.assert(
      fc.property(tensors, (list) => {
        caught(() => convert(new Map(list.map(([name, sizes]) => [name, tensor(...sizes)]))));
        caught(() =>
          convert(
            changed(small, ...list.map(([name, sizes]): [string, NamedTensor] => [name, tensor(...sizes)]), [
              'fc.bias',
              undefined,
            ]),
          ),
        );
      }),
      { numRuns: 200 },
    );
  });
});

function caught(action: () => unknown): WeightFormatError {
  try {
    action();
  } catch (error) {
    if (error instanceof WeightFormatError) return error;
    throw error;
  }
  throw new Error('expected a WeightFormatError');
}

describeWithShared("convertNetwork on upstream's checkpoints", () => {
  const read = (name: string) => readWeightFile(sharedPath('upstream', 'weights', name));

  test('mb05, in the legacy format and in the zip format, is the same network', async () => {
    const legacy = convert(await read('mb05_120x120.pth'));
    expect(legacy).toMatchObject({ architecture: 'mobilenet-v1', widthMultiplier: 0.5, outputCount: 62 });
    expect(convert(await read('mb05_120x120.zip.pth')).artifact).toEqual(legacy.artifact);
  });

  test('FaceBoxesProd has 1007330 parameters before folding', async () => {
    const stateDict = await read('FaceBoxesProd.pth');
    const { architecture, artifact } = convert(stateDict);
    expect(architecture).toBe('faceboxes');
    const trainable = [...stateDict].filter(([name]) => !/running_|num_batches/.test(name));
    expect(trainable.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(1007330);
    // The scales of the BatchNorms' 1480 channels are gone; the two negations have 88 numbers.
    expect(artifact.weightData.byteLength / 4).toBe(1007330 - 1480 + 88);
  });
});
