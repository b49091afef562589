/** What the compiler takes from a model's file, and what it refuses. */
import { describe, expect, test } from '@jest/globals';
import { LayerReader } from '../../../src/engine/compiler/layer-reader.ts';
import { type LayerConfig, parseLayersArtifact } from '../../../src/engine/compiler/parse.ts';
import { NO_PADDING } from '../../../src/engine/compiler/program.ts';
import type { LayersArtifact, WeightSpec } from '../../../src/engine/layers-artifact.ts';
import { UnsupportedLayerError, WeightFormatError } from '../../../src/errors.ts';

const layer = (name: string, inputs: readonly unknown[] | undefined, className = 'ReLU', config: object = {}) => ({
  name,
  class_name: className,
  config: { name, ...config },
  inbound_nodes:
    inputs === undefined ? [] : [inputs.map((input) => (typeof input === 'string' ? [input, 0, 0, {}] : input))],
});
const INPUT = layer('input', undefined, 'InputLayer', { batch_input_shape: [null, 4, 4, 3] });

const artifactOf = (modelTopology: object, weightSpecs: WeightSpec[] = [], numbers: number[] = []): LayersArtifact => ({
  modelTopology,
  weightSpecs,
  weightData: Float32Array.from(numbers).buffer,
});
const functional = (layers: readonly unknown[], outputs: unknown = [['a', 0, 0]], className = 'Model') =>
  artifactOf({ class_name: className, config: { layers, output_layers: outputs } });

const orderOf = (artifact: LayersArtifact): [string, readonly string[]][] =>
  parseLayersArtifact(artifact).layers.map(({ name, inputs }) => [name, inputs]);

describe('a model of layers that name their inputs', () => {
  test.each(['Model', 'Functional'])(
    'of class %s: inputs first, and only those that lead to an output',
    (className) => {
      const layers = [
        layer('sum', ['b', 'a'], 'Add'),
        layer('b', ['a']),
        layer('a', ['input']),
        INPUT,
        layer('idle', ['a']),
      ];
      const graph = parseLayersArtifact(functional(layers, [['sum', 0, 0]], className));
      expect(graph.outputs).toEqual(['sum']);
      expect(graph.layers.map(({ name, inputs }) => [name, inputs])).toEqual([
        ['input', []],
        ['a', ['input']],
        ['b', ['a']],
        ['sum', ['b', 'a']],
      ]);
      expect(graph.layers[3].type).toBe('Add');
    },
  );

  test('in an envelope, with one output that is written without a list, or with several', () => {
    const inside = functional([INPUT, layer('a', ['input'])], ['a', 0, 0]);
    expect(orderOf(artifactOf({ model_config: inside.modelTopology }))).toEqual([
      ['input', []],
      ['a', ['input']],
    ]);
    const two = [['b'], ['a', null, null]];
    const graph = parseLayersArtifact(functional([INPUT, layer('a', ['input']), layer('b', ['input'])], two));
    expect(graph.outputs).toEqual(['b', 'a']);
    expect(graph.layers.map(({ name }) => name)).toEqual(['input', 'b', 'a']);
  });

  test.each<[string, LayersArtifact, string]>([
    ['a circle', functional([INPUT, layer('a', ['b']), layer('b', ['a', 'input'])]), "layer 'a' depends on itself"],
    ['a layer that reads itself', functional([INPUT, layer('a', ['a'])]), "layer 'a' depends on itself"],
    ['a layer that is not there', functional([INPUT, layer('a', ['b'])]), "there is no layer 'b'"],
    ['an output that is not there', functional([INPUT], [['b', 0, 0]]), "there is no layer 'b'"],
    ['two of one name', functional([INPUT, layer('a', ['input']), layer('a', ['input'])]), "two layers are called 'a'"],
    ['no input', functional([INPUT, layer('a', undefined)]), "layer 'a' has no input"],
    ['no output', functional([INPUT], []), 'the model has no outputs'],
    [
      'an output twice',
      functional([INPUT, layer('a', ['input'])], [['a'], ['a']]),
      "'a' occurs twice among the outputs",
    ],
    [
      'a second output',
      functional([INPUT, layer('a', [['input', 0, 1]])]),
      "input of 'a' refers to call 0, output 1 of 'input'",
    ],
    [
      'a second call',
      functional([INPUT, layer('a', [['input', 1, 0]])]),
      "input of 'a' refers to call 1, output 0 of 'input'",
    ],
    ['a nameless input', functional([INPUT, layer('a', [[3]])]), "input of 'a' names no layer"],
    ['no list of outputs', functional([INPUT], 'a'), 'output_layers should be a list'],
    ['no list of layers', artifactOf({ class_name: 'Model', config: { layers: 3 } }), 'layers should be a list'],
    ['no config', artifactOf({ class_name: 'Model' }), 'the model should be an object'],
    [
      'another class',
      artifactOf({ class_name: 'Graph' }),
      "'class_name' should be Model, Functional or Sequential, not Graph",
    ],
    ['a list for a model', artifactOf([]), 'the topology should be an object'],
    [
      'no inbound_nodes',
      functional([{ ...INPUT, inbound_nodes: undefined }]),
      "inbound_nodes of 'input' should be a list",
    ],
  ])('with %s is refused', (_name, artifact, message) => {
    expect(() => parseLayersArtifact(artifact)).toThrow(WeightFormatError);
    expect(() => parseLayersArtifact(artifact)).toThrow(message);
  });

  test('with a layer that is used twice is not supported', () => {
    const twice = { ...layer('a', ['input']), inbound_nodes: [[['input', 0, 0]], [['input', 0, 0]]] };
    expect(() => parseLayersArtifact(functional([INPUT, twice]))).toThrow(UnsupportedLayerError);
  });
});

describe('a model of layers in a row', () => {
  const row = (layers: readonly unknown[], isBare = false) =>
    artifactOf({ class_name: 'Sequential', config: isBare ? layers : { layers } });
  const first = { class_name: 'ReLU', config: { name: 'a', batch_input_shape: [null, 4, 4, 3] } };

  test('with an input of its own or one that its first layer has', () => {
    for (const isBare of [false, true]) {
      expect(orderOf(row([INPUT, layer('a', undefined), layer('b', undefined)], isBare))).toEqual([
        ['input', []],
        ['a', ['input']],
        ['b', ['a']],
      ]);
      const graph = parseLayersArtifact(row([first, layer('b', undefined)], isBare));
      expect(graph.layers.map(({ name, inputs }) => [name, inputs])).toEqual([
        ['a_input', []],
        ['a', ['a_input']],
        ['b', ['a']],
      ]);
      expect(graph.outputs).toEqual(['b']);
      expect(graph.layers[0]).toMatchObject({ type: 'InputLayer', config: { batch_input_shape: [null, 4, 4, 3] } });
    }
  });

  test('with none is refused', () => {
    expect(() => orderOf(row([layer('a', undefined)]))).toThrow("the first layer 'a' has no batch_input_shape");
    expect(() => orderOf(row([]))).toThrow('the model has no layers');
    expect(() => orderOf(row([{ class_name: 'ReLU', config: {} }]))).toThrow('a layer has no name');
    expect(() => orderOf(row([{ name: 'a', config: {} }]))).toThrow("layer 'a' has no class_name");
  });
});

describe('weights', () => {
  const specs: WeightSpec[] = [
    { name: 'a/kernel', shape: [2, 1], dtype: 'float32' },
    { name: 'a/bias', shape: [], dtype: 'float32' },
    { name: 'deep/er/gamma', shape: [3], dtype: 'float32' },
  ];
  const layers = [INPUT, layer('a', ['input']), layer('deep/er', ['a'])];
  const topology = { class_name: 'Model', config: { layers, output_layers: [['deep/er', 0, 0]] } };

  test('go to their layers, one after the other', () => {
    const graph = parseLayersArtifact(artifactOf(topology, specs, [1, 2, 3, 4, 5, 6]));
    const found = graph.layers.map(({ tensors }) =>
      [...tensors].map(([name, { shape, data }]) => [name, shape, [...data]]),
    );
    expect(found).toEqual([
      [],
      [
        ['kernel', [2, 1], [1, 2]],
        ['bias', [], [3]],
      ],
      [['gamma', [3], [4, 5, 6]]],
    ]);
  });

  test('that are cut short, or of another type, or of no size, are refused', () => {
    expect(() => parseLayersArtifact(artifactOf(topology, specs, [1, 2, 3, 4, 5]))).toThrow(
      "tensor 'deep/er/gamma': the weight data is too short (expected 24 bytes, got 20)",
    );
    const wrong = [{ name: 'a/kernel', shape: [1], dtype: 'int32' as 'float32' }];
    expect(() => parseLayersArtifact(artifactOf(topology, wrong, [1]))).toThrow(
      /wrong type \(expected float32, got int32\)/,
    );
    for (const size of [-1, 0.5, Number.NaN]) {
      const odd: WeightSpec[] = [{ name: 'a/kernel', shape: [size], dtype: 'float32' }];
      expect(() => parseLayersArtifact(artifactOf(topology, odd, [1, 2]))).toThrow(WeightFormatError);
    }
  });
});

describe("a layer's configuration", () => {
  const reader = (config: LayerConfig, inputs = ['x']) =>
    new LayerReader({ name: 'odd', type: 'Thing', config, inputs, tensors: new Map() });

  test('has one input', () => {
    expect(reader({}).input).toBe('x');
    expect(() => reader({}, []).input).toThrow('it has 0 inputs instead of one');
    expect(() => reader({}, ['x', 'y']).input).toThrow('it has 2 inputs instead of one');
  });

  test('has channels last', () => {
    for (const format of [undefined, null, 'channels_last']) reader({ data_format: format }).checkPicture();
    expect(() => reader({ data_format: 'channels_first' }).checkPicture()).toThrow(
      "data_format 'channels_first' is not supported, only channels_last",
    );
  });

  test('has numbers, or what stands for them', () => {
    expect([reader({ k: 2.5 }).number('k', 9), reader({ k: null }).number('k', 9), reader({}).number('k', 9)]).toEqual([
      2.5, 9, 9,
    ]);
    for (const value of ['2', Number.NaN, Infinity, [1]]) {
      expect(() => reader({ k: value }).number('k', 9)).toThrow('k is not a number');
    }
    expect([reader({ k: 1 }).size('k'), reader({}).size('k', 7)]).toEqual([1, 7]);
    for (const value of [0, -1, 1.5, '2', undefined, 2 ** 53]) {
      expect(() => reader({ k: value }).size('k')).toThrow('k is not a positive integer');
    }
    expect([reader({ k: [2, 3] }).pair('k'), reader({ k: 4 }).pair('k'), reader({}).pair('k', [5, 6])]).toEqual([
      [2, 3],
      [4, 4],
      [5, 6],
    ]);
    for (const value of [[1], [1, 2, 3], [0, 1], [1, 0], [], undefined, 0]) {
      expect(() => reader({ k: value }).pair('k')).toThrow('k is not a pair of positive integers');
    }
  });

  test('has a window, whose strides are 1 or, of a pool, as large as it', () => {
    expect(reader({}).window([3, 2])).toEqual({ kernel: [3, 2], strides: [1, 1], padding: NO_PADDING });
    expect(reader({ pool_size: [3, 2] }).window([3, 2]).strides).toEqual([3, 2]);
    expect(reader({ pool_size: [3, 2], strides: 2, padding: 'same' }).window([3, 2])).toEqual({
      kernel: [3, 2],
      strides: [2, 2],
      padding: 'same',
    });
    for (const dilation of [[2, 1], [1, 2], 2]) {
      expect(() => reader({ dilation_rate: dilation }).window([1, 1])).toThrow(/dilation \d x \d is not supported/);
    }
    expect(() => reader({ padding: 'causal' }).window([1, 1])).toThrow("padding 'causal' is not supported");
  });

  test.each([
    [undefined, { kind: 'linear' }],
    [null, { kind: 'linear' }],
    ['linear', { kind: 'linear' }],
    ['relu', { kind: 'relu' }],
    ['relu6', { kind: 'relu', maxValue: 6 }],
    ['sigmoid', { kind: 'sigmoid' }],
    ['hardSigmoid', { kind: 'hardSigmoid' }],
    ['hard_sigmoid', { kind: 'hardSigmoid' }],
    ['tanh', { kind: 'tanh' }],
    ['softmax', 'softmax'],
  ])('has activation %s', (activation, expected) => {
    expect(reader({ activation }).activation()).toEqual(expected);
  });

  test('of another activation is refused by its name', () => {
    expect(() => reader({ activation: 'swish' }).activation()).toThrow("activation 'swish' is not supported");
    expect(() => reader({ activation: { class_name: 'Own' } }).activation()).toThrow(
      "activation 'Own' is not supported",
    );
  });

  test('has weights of one shape, and zeros where it has no bias', () => {
    const tensors = new Map([['bias', { shape: [2], data: Float32Array.of(3, 4) }]]);
    const read = (config: LayerConfig) =>
      new LayerReader({ name: 'odd', type: 'Thing', config, inputs: ['x'], tensors });
    expect([...read({}).bias(2)]).toEqual([3, 4]);
    expect([...read({ use_bias: true }).bias(2)]).toEqual([3, 4]);
    expect([...read({ use_bias: false }).bias(3)]).toEqual([0, 0, 0]);
    expect(() => read({}).bias(3)).toThrow("tensor 'odd/bias': wrong shape (expected [3], got [2])");
    expect(() => read({}).tensor('kernel', [1])).toThrow(
      "tensor 'odd/kernel': the weight file has no such tensor (expected [1], got nothing)",
    );
  });
});
