import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { randomNumbers } from '../../development/random.ts';
import { availableBackends, createEngine } from '../../src/engine/create-engine.ts';
import type { BackendName, Engine, Network } from '../../src/engine/engine.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { LayersModelBuilder, type NetworkTopology } from '../../src/engine/layers-model-builder.ts';
import { BackendUnavailableError, DisposedError, UnsupportedLayerError, WeightFormatError } from '../../src/errors.ts';
import { buildPackage } from '../support/build-package.ts';
import { expectClose } from '../support/expect-close.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { describeWithTensorflow, tensorflowIsInstalled } from '../support/tensorflow.ts';

const CALLS = 1000;
const MAX_BACKEND_DIFFERENCE = 1e-6;
const INSTALL_TENSORFLOW =
  'install them with: npm install @tensorflow/tfjs-node@4.22.0, or, if its library does not download, node node_modules/tddfa/dist/scripts/install-tensorflow.js';
const shape = [2, 5, 4, 3] as const;

/** Weights of any network, the same for the same seed. */
function withWeights({ modelTopology, weightSpecs }: NetworkTopology, seed: number): LayersArtifact {
  const next = randomNumbers(seed);
  const count = weightSpecs.reduce((sum, spec) => sum + spec.shape.reduce((product, n) => product * n, 1), 0);
  const { buffer } = Float32Array.from({ length: count }, () => next() - 0.5);
  return { modelTopology, weightSpecs, weightData: buffer };
}

/** Two outputs, every kind of weight; runs at sizes of at least 3 x 3 px where `(height - 2) * (width - 2)` is even. */
function smallTopology(): NetworkTopology {
  const model = new LayersModelBuilder('small');
  const input = model.input('input', [null, null, 3]);
  const features = model.conv2d('conv', input, { filters: 4, kernelSize: 3, activation: 'relu' });
  const depthwise = model.depthwiseConv2d('depthwise', features, { kernelSize: 1 });
  const sum = model.add('sum', [features, depthwise]);
  const pooled = model.globalAveragePooling2d('pool', model.relu('relu', sum));
  return model.build([model.dense('dense', pooled, 5), model.reshape('flat', sum, [null, 8])]);
}

const smallArtifact = (seed = 1) => withWeights(smallTopology(), seed);

const someInput = (seed = 7) => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: 120 }, () => next() - 0.5);
};

const numbersOf = (outputs: readonly { data: Float32Array }[]) => outputs.map(({ data }) => [...data]);

/** The contract of an engine, which is the same on every backend. */
function describeContract(backend: BackendName): void {
  let engine: Engine;
  let tensorsBefore: number;
  beforeAll(async () => (await createEngine(backend)).dispose());
  beforeEach(async () => {
    tensorsBefore = tf.memory().numTensors;
    engine = await createEngine(backend);
  });
  afterEach(() => {
    engine.dispose();
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  });

  test('runs a network: outputs in the graph order, in arrays of the caller', async () => {
    expect(engine.backend).toBe(backend);
    const network = await engine.loadNetwork(smallArtifact());
    const input = someInput();
    const first = await network.run(input, shape);
    expect(input).toEqual(someInput());
    expect(first.map((output) => output.shape)).toEqual([
      [2, 5],
      [2, 3, 8],
    ]);
    expect(first.map(({ data }) => data.length)).toEqual([10, 48]);
    const kept = numbersOf(first);
    for (const { data } of first) data.fill(Number.NaN);
    input.fill(0);
    expect(numbersOf(await network.run(someInput(), shape))).toEqual(kept);
    // Not the zeros' outputs either.
    expect(numbersOf(await network.run(input, shape))).not.toEqual(kept);
  });

  test('a network of no weights that passes its input on does not hand out the input', async () => {
    const model = new LayersModelBuilder('identity');
    const topology = model.build([model.reshape('flat', model.input('input', [null, null, 3]), [null, 3])]);
    const network = await engine.loadNetwork(withWeights(topology, 1));
    const input = someInput();
    const [output] = await network.run(input, shape);
    expect([...(output?.data ?? [])]).toEqual([...input]);
    output?.data.fill(0);
    expect(input).toEqual(someInput());
  });

  test('batches give what single pictures give, and runs may overlap', async () => {
    const network = await engine.loadNetwork(smallArtifact());
    const inputs = [1, 2, 3, 4].map(someInput);
    const oneByOne: number[][][] = [];
    for (const input of inputs) oneByOne.push(numbersOf(await network.run(input, shape)));
    const together = await Promise.all(inputs.map((input) => network.run(input, shape)));
    expect(together.map(numbersOf)).toEqual(oneByOne);
    const half = someInput(1).slice(0, 60);
    const [alone] = await network.run(half, [1, 5, 4, 3]);
    expectClose(alone?.data ?? [], oneByOne[0]?.[0]?.slice(0, 5) ?? [], { maxAbs: MAX_BACKEND_DIFFERENCE });
  });

  test(`${CALLS} calls leave no tensor, nor do ${CALLS} that throw`, async () => {
    const network = await engine.loadNetwork(smallArtifact());
    const loaded = tf.memory();
    for (let i = 0; i < CALLS; i++) await network.run(someInput(), shape);
    expect(tf.memory().numTensors).toBe(loaded.numTensors);
    const messages = new Map<string, number>();
    const note = (error: Error) => messages.set(error.message, (messages.get(error.message) ?? 0) + 1);
    for (let i = 0; i < CALLS; i++) {
      await network.run(someInput(), [1, 1, 1, 3]).catch(note);
      // Amid the network: 4 numbers do not make rows of 8.
      await network.run(new Float32Array(27), [1, 3, 3, 3]).catch(note);
    }
    expect([...messages]).toEqual([
      ['input: expected the 3 numbers of a batch [1, 1, 1, 3], got 120', CALLS],
      ["layer 'flat' (reshape): cannot make [-1,8] of [1,1,4]", CALLS],
    ]);
    expect(tf.memory().numTensors).toBe(loaded.numTensors);
    expect(tf.memory().numDataBuffers).toBe(loaded.numDataBuffers);
    expect(tf.memory().numBytes).toBe(loaded.numBytes);
  });

  test('networks that cannot be loaded leave no tensor', async () => {
    await engine.loadNetwork(smallArtifact());
    const { numTensors } = tf.memory();
    const good = smallArtifact();
    for (const { artifact } of brokenArtifacts(good)) await expect(engine.loadNetwork(artifact)).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('a network inside the tidy of an application keeps its outputs', async () => {
    const network = await engine.loadNetwork(smallArtifact());
    const expected = numbersOf(await network.run(someInput(), shape));
    const { numTensors } = tf.memory();
    let running: ReturnType<Network['run']> | undefined;
    tf.tidy(() => {
      running = network.run(someInput(), shape);
    });
    expect(numbersOf((await running) ?? [])).toEqual(expected);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('disposing frees, once and for all', async () => {
    const [first, second] = [await engine.loadNetwork(smallArtifact()), await engine.loadNetwork(smallArtifact(2))];
    const expected = numbersOf(await second.run(someInput(), shape));
    first.dispose();
    first.dispose();
    await expect(first.run(someInput(), shape)).rejects.toThrow(DisposedError);
    expect(numbersOf(await second.run(someInput(), shape))).toEqual(expected);
    const running = second.run(someInput(), shape);
    engine.dispose();
    engine.dispose();
    expect(numbersOf(await running)).toEqual(expected);
    await expect(second.run(someInput(), shape)).rejects.toThrow(new DisposedError('the network'));
    await expect(engine.loadNetwork(smallArtifact())).rejects.toThrow(new DisposedError('the engine'));
  });

  test('an engine disposed of while it loads ends with nothing', async () => {
    const loading = engine.loadNetwork(smallArtifact());
    engine.dispose();
    await expect(loading).rejects.toThrow(DisposedError);
  });

  test.each([
    [[1, 5, 4, 3], 'input: expected the 60 numbers of a batch [1, 5, 4, 3], got 120'],
    [[2, 5, 12, 1], 'shape: expected [any, any, any, 3], got [2, 5, 12, 1]'],
    [[-2, -5, 4, 3], 'input: expected the 120 numbers of a batch [-2, -5, 4, 3], got 120'],
    [[2, 2.5, 8, 3], 'input: expected the 120 numbers of a batch [2, 2.5, 8, 3], got 120'],
  ] as const)('refuses a batch %j', async (wrong, message) => {
    const network = await engine.loadNetwork(smallArtifact());
    await expect(network.run(someInput(), wrong)).rejects.toThrow(new RangeError(message));
  });

  test.each(brokenArtifacts(smallArtifact()))('refuses $what', async ({ artifact, error, message }) => {
    const loading = engine.loadNetwork(artifact);
    await expect(loading).rejects.toThrow(error);
    await expect(loading).rejects.toThrow(message);
  });
}

/** Artifacts that are wrong in one thing each. */
function brokenArtifacts(good: LayersArtifact) {
  const { modelTopology, weightSpecs, weightData } = good;
  const withLayers = (change: (layers: Record<string, unknown>[]) => unknown): LayersArtifact => {
    // Lists of another realm, as those of structuredClone are under Jest, are none to tfjs.
    const topology = JSON.parse(JSON.stringify(modelTopology)) as { config: { layers: Record<string, unknown>[] } };
    change(topology.config.layers);
    return { ...good, modelTopology: topology };
  };
  return [
    {
      what: 'a layer of another library',
      artifact: withLayers((layers) => Object.assign(layers[2] ?? {}, { class_name: 'Magic' })),
      error: UnsupportedLayerError,
      message: "layer 'depthwise' (Magic): this layer type is not supported",
    },
    {
      what: 'a layer whose input never comes',
      artifact: withLayers((layers) => Object.assign(layers[1] ?? {}, { inbound_nodes: [[['nobody', 0, 0, {}]]] })),
      error: WeightFormatError,
      message: "model.json: there is no layer 'nobody'",
    },
    {
      what: 'layers that wait for each other',
      artifact: withLayers((layers) => Object.assign(layers[1] ?? {}, { inbound_nodes: [[['depthwise', 0, 0, {}]]] })),
      error: WeightFormatError,
      message: 'depends on itself',
    },
    {
      what: 'a malformed layer',
      artifact: withLayers((layers) => layers.push({ class_name: 3 })),
      error: WeightFormatError,
      message: 'small: the topology has a malformed layer: {"class_name":3}',
    },
    {
      what: 'a layer after others whose config tfjs refuses',
      artifact: withLayers((layers) =>
        Object.assign(layers[6]?.config as object, { kernel_initializer: { class_name: 'Nothing', config: {} } }),
      ),
      error: WeightFormatError,
      message: 'small: Unknown initializer: Nothing',
    },
    {
      what: 'a layer after others whose config no engine takes',
      artifact: withLayers((layers) => Object.assign(layers[6]?.config as object, { units: -1 })),
      error: UnsupportedLayerError,
      message: "layer 'dense' (Dense): units is not a positive integer",
    },
    {
      what: 'a layer that leads to no output',
      artifact: withLayers((layers) => {
        const dense = structuredClone(layers[6] ?? {});
        layers.push({ ...dense, name: 'idle', config: { ...(dense.config as object), name: 'idle', units: 2 ** 24 } });
      }),
      error: WeightFormatError,
      message: "small: layer 'idle' leads to no output",
    },
    {
      what: 'channels by the million without weights for them',
      artifact: withLayers((layers) =>
        Object.assign(layers[0]?.config as object, { batch_input_shape: [null, null, null, 2 ** 24] }),
      ),
      error: WeightFormatError,
      message: "model.json: tensor 'conv/kernel': wrong shape (expected [3, 3, 16777216, 4], got [3, 3, 3, 4])",
    },
    {
      what: 'an output that is there twice',
      artifact: {
        ...good,
        modelTopology: {
          ...modelTopology,
          config: {
            ...(modelTopology as { config: object }).config,
            output_layers: [
              ['dense', 0, 0],
              ['dense', 0, 0],
            ],
          },
        },
      },
      error: WeightFormatError,
      message: "model.json: 'dense' occurs twice among the outputs",
    },
    {
      what: 'a topology without layers',
      artifact: { ...good, modelTopology: {} },
      error: WeightFormatError,
      message: 'network: the topology has no layers',
    },
    {
      what: 'a missing tensor',
      artifact: { ...good, weightSpecs: weightSpecs.slice(0, -1) },
      error: WeightFormatError,
      message: "model.json: tensor 'dense/bias': the weight file has no such tensor",
    },
    {
      what: 'an extra tensor',
      artifact: { ...good, weightSpecs: [{ name: 'extra', shape: [0], dtype: 'float32' as const }, ...weightSpecs] },
      error: WeightFormatError,
      message: "small: tensor 'extra': no layer has such a weight",
    },
    {
      what: 'a misshapen tensor',
      artifact: { ...good, weightSpecs: weightSpecs.map((spec) => ({ ...spec, shape: [...spec.shape].reverse() })) },
      error: WeightFormatError,
      message: "model.json: tensor 'conv/kernel': wrong shape (expected [3, 3, 3, 4], got [4, 3, 3, 3])",
    },
    {
      what: 'weights that end early',
      artifact: { ...good, weightData: weightData.slice(0, -4) },
      error: WeightFormatError,
      message: "model.json: tensor 'dense/bias': the weight data is too short (expected 580 bytes, got 576)",
    },
  ];
}

describe.each(['wasm', 'cpu'] as const)('tfjs engine on %s', describeContract);
describeWithTensorflow('tfjs engine on tensorflow', () => describeContract('tensorflow'));

describe('engines side by side', () => {
  test('on different backends, they and the application do not disturb each other', async () => {
    const [wasm, cpu] = await Promise.all([createEngine('wasm'), createEngine('cpu')]);
    for (const chosen of ['cpu', 'wasm']) {
      await tf.setBackend(chosen);
      const [onWasm, onCpu, alsoOnWasm] = await Promise.all(
        [wasm, cpu, wasm].map((engine) => engine.loadNetwork(smallArtifact())),
      );
      const own = tf.tensor1d([1, 2, 3]);
      const runs: Promise<number[][]>[] = [];
      for (let i = 0; i < 20; i++) {
        for (const network of [onWasm, onCpu, alsoOnWasm]) {
          runs.push(network.run(someInput(i), shape).then(numbersOf));
          expect(tf.getBackend()).toBe(chosen);
          expect([...tf.add(own, own).dataSync()]).toEqual([2, 4, 6]);
        }
      }
      const results = await Promise.all(runs);
      expect(tf.getBackend()).toBe(chosen);
      for (let i = 0; i < results.length; i += 3) {
        const [first, second, third] = results.slice(i, i + 3).map((outputs) => outputs.flat());
        expectClose(first ?? [], second ?? [], { maxAbs: MAX_BACKEND_DIFFERENCE });
        expect(third).toEqual(first);
      }
    }
    wasm.dispose();
    cpu.dispose();
  });

  test('a network waits for the backend that the application is starting', async () => {
    const engine = await createEngine('wasm');
    const network = await engine.loadNetwork(smallArtifact());
    const expected = numbersOf(await network.run(someInput(), shape));
    let finishStart = () => {};
    const slow = new Promise<void>((resolve) => {
      finishStart = resolve;
    });
    tf.copyRegisteredKernels('cpu', 'slow');
    tf.registerBackend('slow', async () => {
      await slow;
      return tf.findBackend('cpu');
    });
    const starting = tf.setBackend('slow');
    const running = network.run(someInput(), shape);
    finishStart();
    expect(await starting).toBe(true);
    expect(numbersOf(await running)).toEqual(expected);
    expect(tf.getBackend()).toBe('slow');
    await tf.setBackend('cpu');
    engine.dispose();
  });

  test('engines of one backend share its start', async () => {
    const engines = await Promise.all([createEngine('wasm'), createEngine('wasm'), createEngine('wasm')]);
    const networks = await Promise.all(engines.map((engine) => engine.loadNetwork(smallArtifact())));
    const outputs = await Promise.all(
      networks.map(async (network) => numbersOf(await network.run(someInput(), shape))),
    );
    expect(outputs[1]).toEqual(outputs[0]);
    expect(outputs[2]).toEqual(outputs[0]);
    for (const engine of engines) engine.dispose();
  });
});

describe('backends that are not there', () => {
  const inNode = ['compiled', ...(tensorflowIsInstalled ? ['tensorflow'] : []), 'wasm', 'cpu'];

  test('in Node there are compiled, wasm, cpu, and tensorflow where it is installed', async () => {
    expect(await availableBackends()).toEqual(inNode);
  });

  test.each([
    ['webgl', 'it needs a browser with WebGL'],
    ['webgpu', 'it needs a browser with WebGPU'],
    ...(tensorflowIsInstalled ? [] : ([['tensorflow', INSTALL_TENSORFLOW]] as const)),
    ['abacus' as BackendName, 'there is no backend of this name'],
  ] as const)('%s: the error says what there is and what to do', async (backend, advice) => {
    const error = await createEngine(backend).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BackendUnavailableError);
    if (!(error instanceof BackendUnavailableError)) return;
    expect(error.backend).toBe(backend);
    expect(error.available).toEqual(await availableBackends());
    expect(error.message).toContain(`backend '${backend}' is not available: `);
    expect(error.message).toContain(advice);
    expect(error.message).toContain(`(available: ${inNode.join(', ')})`);
    expect(error.message).not.toContain('\n');
  });
});

test('all packages of tfjs are of one exact version', () => {
  const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  const { optionalDependencies, devDependencies, peerDependencies } = manifest;
  const versions = [optionalDependencies, devDependencies, peerDependencies].flatMap((list: Record<string, string>) =>
    Object.entries(list).flatMap(([name, version]) => (name.startsWith('@tensorflow/') ? [version] : [])),
  );
  expect(versions.length).toBeGreaterThanOrEqual(9);
  expect(new Set(versions)).toEqual(new Set(['4.22.0']));
});

describe('in a fresh process', () => {
  const folder = useTemporaryFolder();
  beforeAll(() => buildPackage());

  async function runModule(source: string): Promise<{ stdout: string; stderr: string }> {
    const engine = pathToFileURL(join(repositoryRoot, 'dist/src/engine/create-engine.js')).href;
    const program = folder('main.mjs');
    await writeFile(program, source.replace('./engine/create-engine.ts', engine));
    return promisify(execFile)(process.execPath, [program]);
  }

  test('nothing of tfjs is imported before an engine is made; stderr stays empty, the process its own', async () => {
    const { stdout, stderr } = await runModule(`
      import { createRequire } from 'node:module';
      import { createEngine } from './engine/create-engine.ts';
      const { cache } = createRequire(import.meta.url);
      const imported = () => Object.keys(cache).filter((file) => file.includes('tfjs')).length > 0;
      const listeners = () => process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
      const before = [imported(), listeners()];
      for (const backend of ['cpu', 'wasm']) {
        const engine = await createEngine(backend);
        const network = await engine.loadNetwork({
          modelTopology: ${JSON.stringify(smallTopology().modelTopology)},
          weightSpecs: ${JSON.stringify(smallTopology().weightSpecs)},
          weightData: new ArrayBuffer(580),
        });
        await network.run(new Float32Array(36), [1, 4, 3, 3]);
        engine.dispose();
      }
      console.log(JSON.stringify({ before, after: [imported(), listeners()] }));
    `);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ before: [false, 0], after: [true, 0] });
  });

  test('wasmPaths says where the binaries are; a wrong one is an error of one line', async () => {
    const binaries = join(repositoryRoot, 'node_modules', '@tensorflow', 'tfjs-backend-wasm', 'dist');
    const start = (folder: string) =>
      runModule(`
        import { createEngine } from './engine/create-engine.ts';
        const wasmPaths = ${JSON.stringify(folder)};
        const started = await createEngine('wasm', { wasmPaths }).catch(({ name, message }) => ({ name, message }));
        const { backend, name, message } = started;
        console.log(JSON.stringify({ backend, name, message, listeners: process.listenerCount('uncaughtException') }));
      `);
    const { stdout, stderr } = await start(`${binaries}/`);
    expect(JSON.parse(stdout)).toEqual({ backend: 'wasm', listeners: 0 });
    expect(stderr).toBe('');
    const failed = JSON.parse((await start(`${folder()}/`)).stdout);
    expect(failed).toMatchObject({ name: 'BackendUnavailableError', listeners: 0 });
    expect(failed.message).toMatch(
      /^backend 'wasm' is not available: it did not start: .*wasmPaths.*\(available: .*\)$/,
    );
  });
});
