import { describe, expect, jest, test } from '@jest/globals';
import { growthPerStep } from '../../development/memory-growth.ts';
import { COMPILED_ENGINE_DEFAULTS, createCompiledEngine } from '../../src/engine/compiled.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { type LayerOutput, LayersModelBuilder, type NetworkTopology } from '../../src/engine/layers-model-builder.ts';
import { BackendUnavailableError, DisposedError, UnsupportedLayerError, WeightFormatError } from '../../src/errors.ts';

type Shape = readonly [number, number, number, number];

function withWeights(topology: NetworkTopology): LayersArtifact {
  const count = topology.weightSpecs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { ...topology, weightData: Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer };
}

/** A small network for pictures of any size. */
function smallNetwork(): LayersArtifact {
  const model = new LayersModelBuilder('small');
  const input = model.input('input', [null, null, 3]);
  const features = model.conv2d('conv', model.zeroPadding2d('pad', input, 1), { filters: 5, kernelSize: 3, stride: 2 });
  return withWeights(model.build([model.globalAveragePooling2d('pool', features), features]));
}

function networkOf(add: (model: LayersModelBuilder, input: LayerOutput) => LayerOutput): LayersArtifact {
  const model = new LayersModelBuilder('one');
  return withWeights(model.build([add(model, model.input('input', [8, 8, 3]))]));
}

/** The artifact with one layer's configuration changed. */
function changed(artifact: LayersArtifact, layer: string, changes: object): LayersArtifact {
  const topology = JSON.parse(JSON.stringify(artifact.modelTopology));
  for (const entry of topology.config.layers) {
    if (entry.name !== layer) continue;
    Object.assign(entry, 'class_name' in changes ? changes : {});
    Object.assign(entry.config, 'class_name' in changes ? {} : changes);
  }
  return { ...artifact, modelTopology: topology };
}

function picture([batch, height, width, channels]: Shape): Float32Array {
  return Float32Array.from({ length: batch * height * width * channels }, (_, i) => Math.cos(i));
}

/** What a run may leave behind; a forgotten result would be 250 bytes. */
const MAX_GROWTH_BYTES = 50;
/**
 * What a new size may leave behind: 9 to 190 bytes were measured, what V8 keeps of code that it compiled. A forgotten module with
 * its memory would be more than 64 kB.
 */
const MAX_SIZE_GROWTH_BYTES = 2000;

describe('the compiled engine', () => {
  test('keeps as many modules as it is told, the last used ones', async () => {
    const engine = await createCompiledEngine({ cachedSizes: 2 });
    const network = await engine.loadNetwork(smallNetwork());
    for (const side of [4, 5, 4, 6]) await network.run(picture([1, side, side, 3]), [1, side, side, 3]);
    expect(network.statistics.cachedSizes).toEqual(['4 x 4 x 3', '6 x 6 x 3']);
    engine.dispose();
  });

  test('gives the same numbers when sizes alternate, also all at once', async () => {
    const engine = await createCompiledEngine();
    const network = await engine.loadNetwork(smallNetwork());
    const shapes: Shape[] = [
      [1, 9, 7, 3],
      [3, 2, 31, 3],
      [1, 40, 40, 3],
      [1, 1, 1, 3],
    ];
    const first = [];
    for (const shape of shapes) first.push(await network.run(picture(shape), shape));
    const again = await Promise.all([...shapes, ...shapes].map((shape) => network.run(picture(shape), shape)));
    expect(again).toEqual([...first, ...first]);
    engine.dispose();
  });

  test('compiles a size once when it is asked for twice at the same time', async () => {
    const instantiate = jest.spyOn(WebAssembly, 'instantiate');
    const engine = await createCompiledEngine();
    const network = await engine.loadNetwork(smallNetwork());
    const shape: Shape = [1, 12, 12, 3];
    await Promise.all([network.run(picture(shape), shape), network.run(picture(shape), shape)]);
    expect(instantiate).toHaveBeenCalledTimes(1);
    instantiate.mockRestore();
    engine.dispose();
  });

  test('leaves its input alone and gives arrays of their own', async () => {
    const engine = await createCompiledEngine();
    const network = await engine.loadNetwork(smallNetwork());
    const shape: Shape = [1, 6, 6, 3];
    const input = picture(shape);
    const [first] = await network.run(input, shape);
    const kept = first?.data.slice();
    expect(input).toEqual(picture(shape));
    await network.run(new Float32Array(input.length), shape);
    expect(first?.data).toEqual(kept);
    engine.dispose();
  });

  test.each([1, 2])('does not grow over thousands of runs on %i threads', async (threads) => {
    const engine = await createCompiledEngine({ threads });
    const network = await engine.loadNetwork(smallNetwork());
    const shape: Shape = [2, 5, 5, 3];
    const input = picture(shape);
    await network.run(input, shape);
    const before = network.statistics;
    const growth = await growthPerStep({
      stepsPerWindow: 1250,
      run: async (_, count) => {
        for (let i = 0; i < count; i++) await network.run(input, shape);
      },
    });
    expect(network.statistics).toEqual(before);
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
    engine.dispose();
  });

  test('does not grow with the sizes it has seen', async () => {
    const engine = await createCompiledEngine({ cachedSizes: 2 });
    const network = await engine.loadNetwork(smallNetwork());
    const runSizes = async (_: number, count: number): Promise<void> => {
      for (let side = 2; side < 2 + count; side++) await network.run(picture([1, side, 3, 3]), [1, side, 3, 3]);
    };
    await runSizes(0, 100);
    const { memoryBytes } = network.statistics;
    const growth = await growthPerStep({ stepsPerWindow: 100, run: runSizes });
    expect(network.statistics.memoryBytes).toBe(memoryBytes);
    expect(growth).toBeLessThan(MAX_SIZE_GROWTH_BYTES);
    engine.dispose();
  });

  test.each([1, 2])('forgets a size whose compilation failed and runs on, on %i threads', async (threads) => {
    const engine = await createCompiledEngine({ threads });
    const network = await engine.loadNetwork(smallNetwork());
    const shape: Shape = [1, 6, 5, 3];
    const failure = new WebAssembly.CompileError('out of executable memory');
    const instantiate = jest.spyOn(WebAssembly, 'instantiate').mockRejectedValueOnce(failure);
    await expect(network.run(picture(shape), shape)).rejects.toThrow(failure);
    instantiate.mockRestore();
    expect(network.statistics.cachedSizes).toEqual([]);
    await expect(network.run(picture(shape), shape)).resolves.toHaveLength(2);
    expect(network.statistics.cachedSizes).toEqual(['6 x 5 x 3']);
    engine.dispose();
  });

  test('a batch for which there is no memory is a RangeError, and the network runs on', async () => {
    const engine = await createCompiledEngine({ threads: 2 });
    const network = await engine.loadNetwork(smallNetwork());
    const shape: Shape = [1, 6, 5, 3];
    const before = await network.run(picture(shape), shape);
    // The shared memory ends at 1 GiB, which the arena of one such picture exceeds.
    const huge: Shape = [1, 9000, 9000, 3];
    await expect(network.run(new Float32Array(9000 * 9000 * 3), huge)).rejects.toThrow(
      /the network needs \d+ MB of WebAssembly memory, which cannot be allocated/,
    );
    expect(await network.run(picture(shape), shape)).toEqual(before);
    engine.dispose();
  });

  test('can be disposed of twice, and says so when it is used afterwards', async () => {
    const engine = await createCompiledEngine();
    const network = await engine.loadNetwork(smallNetwork());
    const other = await engine.loadNetwork(smallNetwork());
    const shape: Shape = [1, 4, 4, 3];
    const running = network.run(picture(shape), shape);
    network.dispose();
    network.dispose();
    await expect(running).rejects.toThrow(DisposedError);
    await expect(network.run(picture(shape), shape)).rejects.toThrow(DisposedError);
    expect(network.statistics.memoryBytes).toBe(0);
    engine.dispose();
    engine.dispose();
    await expect(other.run(picture(shape), shape)).rejects.toThrow(DisposedError);
    await expect(engine.loadNetwork(smallNetwork())).rejects.toThrow(DisposedError);
  });

  test('two engines do not disturb each other', async () => {
    const [one, two] = [await createCompiledEngine(), await createCompiledEngine({ optimize: false })];
    const networks = [await one.loadNetwork(smallNetwork()), await two.loadNetwork(smallNetwork())];
    const shape: Shape = [1, 7, 5, 3];
    const [first, second] = await Promise.all(networks.map((network) => network.run(picture(shape), shape)));
    one.dispose();
    const again = await networks[1]?.run(picture(shape), shape);
    expect(again).toEqual(second);
    first?.forEach(({ data }, i) => {
      for (const [j, value] of data.entries()) expect(value).toBeCloseTo(second?.[i]?.data[j] ?? Number.NaN, 5);
    });
    two.dispose();
  });

  test('refuses wrong lengths and sizes, and runs on afterwards', async () => {
    const engine = await createCompiledEngine();
    const network = await engine.loadNetwork(
      networkOf((model, input) => model.conv2d('c', input, { filters: 2, kernelSize: 3 })),
    );
    await expect(network.run(new Float32Array(5), [1, 8, 8, 3])).rejects.toThrow(RangeError);
    await expect(network.run(new Float32Array(0), [0, 8, 8, 3])).rejects.toThrow(RangeError);
    await expect(network.run(picture([1, 9, 8, 3]), [1, 9, 8, 3])).rejects.toThrow(/takes images of 8 x 8 x 3/);
    expect(network.statistics.cachedSizes).toEqual([]);
    await expect(network.run(picture([1, 8, 8, 3]), [1, 8, 8, 3])).resolves.toHaveLength(1);
    engine.dispose();
  });

  test('names the layer that it cannot run', async () => {
    const engine = await createCompiledEngine();
    const artifact = networkOf((model, input) => model.conv2d('odd', input, { filters: 2, kernelSize: 3 }));
    const load = (changes: object): Promise<unknown> => engine.loadNetwork(changed(artifact, 'odd', changes));
    await expect(load({ class_name: 'LSTM' })).rejects.toThrow("layer 'odd' (LSTM): this layer type is not supported");
    await expect(load({ dilation_rate: [2, 2] })).rejects.toThrow(
      new UnsupportedLayerError('odd', 'Conv2D', 'dilation 2 x 2 is not supported'),
    );
    await expect(load({ data_format: 'channels_first' })).rejects.toThrow(UnsupportedLayerError);
    await expect(load({ activation: 'softsign' })).rejects.toThrow(/activation 'softsign'/);
    await expect(load({ filters: 3 })).rejects.toThrow(WeightFormatError);
    await expect(load({ strides: [0, 1] })).rejects.toThrow(UnsupportedLayerError);
    engine.dispose();
  });

  test.each([
    ['nothing', {}],
    ['no layers', { class_name: 'Model', config: { name: 'x', layers: [], output_layers: [] } }],
    ['an unknown input', { class_name: 'Model', config: { layers: [], output_layers: [['a', 0, 0]] } }],
    [
      'a circle',
      {
        class_name: 'Model',
        config: {
          layers: ['a', 'b'].map((name, i) => ({
            class_name: 'ReLU',
            name,
            config: { name },
            inbound_nodes: [[[i === 0 ? 'b' : 'a', 0, 0, {}]]],
          })),
          output_layers: [['a', 0, 0]],
        },
      },
    ],
  ])('refuses a topology with %s', async (_, modelTopology) => {
    const engine = await createCompiledEngine();
    const artifact = { modelTopology, weightSpecs: [], weightData: new ArrayBuffer(0) };
    await expect(engine.loadNetwork(artifact)).rejects.toThrow(WeightFormatError);
    engine.dispose();
  });

  test('says what to do where WebAssembly is missing or forbidden', async () => {
    const validate = jest.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    await expect(createCompiledEngine()).rejects.toThrow(BackendUnavailableError);
    validate.mockReturnValueOnce(true).mockReturnValueOnce(false);
    await expect(createCompiledEngine({ simd: 'fma' })).rejects.toThrow(/relaxed SIMD/);
    validate.mockRestore();
    const compile = jest.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('blocked'));
    await expect(createCompiledEngine()).rejects.toThrow(/'wasm-unsafe-eval'.*'cpu' or 'webgl'/);
    compile.mockRestore();
  });

  test('has defaults that its options accept', async () => {
    const engine = await createCompiledEngine(COMPILED_ENGINE_DEFAULTS);
    expect(engine.backend).toBe('compiled');
    engine.dispose();
    await expect(createCompiledEngine({ cachedSizes: 0 })).rejects.toThrow(RangeError);
    await expect(createCompiledEngine({ optimize: { except: ['speed' as 'reuse-memory'] } })).rejects.toThrow(
      TypeError,
    );
  });
});
