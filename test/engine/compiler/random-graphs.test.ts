import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as core from '@tensorflow/tfjs-core';
import { input as inputLayer, type LayersModel, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { type CompiledEngine, createCompiledEngine } from '../../../src/engine/compiled.ts';
import { compileModule, compileNetwork } from '../../../src/engine/compiler/compile.ts';
import { OPTIMIZATIONS } from '../../../src/engine/compiler/optimize.ts';
import { validateProgram } from '../../../src/engine/compiler/validate.ts';
import type { NetworkOutput } from '../../../src/engine/engine.ts';
import type { LayersArtifact } from '../../../src/engine/layers-artifact.ts';
import { detectSimdSupport } from '../../../src/wasm/simd-support.ts';
import { KERNEL_FORMS, kernelFormsOf, REWRITES, rewritesOf } from '../../support/compiler-forms.ts';
import { Dice } from '../../support/dice.ts';
import { expectOutputsClose } from '../../support/expect-relatively-close.ts';
import fc from '../../support/property.ts';

/** Graphs tried; each with optimisations on and off, and with some turned off. */
const GRAPHS = Number(process.env.TDDFA_RANDOM_GRAPHS ?? 400);

/** A layer to be: what it is, and a number that settles its settings and inputs. */
interface LayerPlan {
  readonly kind: (typeof KINDS)[number];
  readonly seed: number;
}

// Dropout and linear activations are left out: tfjs frees what they pass on too early where it is used twice.
const KINDS = [
  'conv',
  'conv',
  'depthwise',
  'batchNorm',
  'activation',
  'pad',
  'maxPool',
  'averagePool',
  'add',
  'concatenate',
  'crelu',
  'prelu',
  'multiply',
  'hardSwish',
  'convPrelu',
  'shortcut',
  'denseBlock',
] as const;

const plans = fc.array(fc.record({ kind: fc.constantFrom(...KINDS), seed: fc.nat() }), { minLength: 1, maxLength: 9 });
const endings = fc.constantFrom('none', 'dense', 'flatten', 'softmax', 'reshape', 'heads') as fc.Arbitrary<Ending>;
type Ending = 'none' | 'dense' | 'flatten' | 'softmax' | 'reshape' | 'heads';

function pictureSize(tensor: SymbolicTensor): [number, number, number] {
  return tensor.shape.slice(1) as [number, number, number];
}

function addLayer({ kind, seed }: LayerPlan, name: string, made: readonly SymbolicTensor[]): SymbolicTensor {
  const dice = new Dice(seed);
  const recent = made[made.length - 1];
  const source = dice.below(3) === 0 ? dice.of(made) : recent;
  const [height, width, channels] = pictureSize(source);
  const apply = (layer: { apply(inputs: unknown): unknown }, to: unknown = source): SymbolicTensor =>
    layer.apply(to) as SymbolicTensor;
  const padding = dice.of(['same', 'valid'] as const);
  const kernel = [dice.of([1, 2, 3, 5]), dice.of([1, 2, 3, 4])] as [number, number];
  // tfjs has no depthwise convolution with strides that differ.
  const stride = dice.of([1, 1, 2, 3]);
  const fits = padding === 'same' || (kernel[0] <= height && kernel[1] <= width);
  const kernelSize: [number, number] = fits ? kernel : [1, 1];
  switch (kind) {
    case 'conv': {
      const strides: [number, number] = [stride, dice.of([1, stride])];
      const activation = dice.of(['linear', 'relu', 'relu6', 'sigmoid', 'tanh', 'hardSigmoid'] as const);
      const filters = 1 + dice.below(19);
      return apply(
        layers.conv2d({ name, filters, kernelSize, strides, padding, activation, useBias: dice.below(4) > 0 }),
      );
    }
    case 'depthwise': {
      const depthMultiplier = dice.of([1, 1, 1, 2]);
      const activation = dice.of(['linear', 'relu'] as const);
      return apply(layers.depthwiseConv2d({ name, kernelSize, strides: stride, padding, depthMultiplier, activation }));
    }
    case 'batchNorm':
      return apply(layers.batchNormalization({ name, scale: dice.below(4) > 0, center: dice.below(4) > 0 }));
    case 'activation':
      return apply(
        dice.of([
          () => layers.reLU({ name }),
          () => layers.reLU({ name, maxValue: 0.4 }),
          () => layers.leakyReLU({ name, alpha: 0.2 }),
          () => layers.activation({ name, activation: dice.of(['relu', 'relu6', 'softmax', 'hardSigmoid'] as const) }),
        ])(),
      );
    case 'pad': {
      const side = (): number => dice.below(4);
      return apply(
        layers.zeroPadding2d({
          name,
          padding: [
            [side(), side()],
            [side(), side()],
          ],
        }),
      );
    }
    case 'maxPool':
    case 'averagePool': {
      // Windows of more than 16 taps are another form.
      const isLarge = dice.below(3) === 0 && height >= 5 && width >= 4;
      const poolSize: [number, number] = isLarge ? [5, 4] : kernelSize;
      const settings = { name, poolSize, strides: [stride, stride] as [number, number], padding };
      return apply(kind === 'maxPool' ? layers.maxPooling2d(settings) : layers.averagePooling2d(settings));
    }
    case 'add': {
      const alike = made.filter((other) => String(other.shape) === String(source.shape));
      // Not the same one twice: tfjs frees it in between.
      const others = new Set([source, dice.of(alike), ...alike.filter(() => dice.below(2) === 0)]);
      return others.size > 1 ? apply(layers.add({ name }), [...others]) : apply(layers.reLU({ name }));
    }
    case 'concatenate': {
      const axis = 1 + dice.below(3);
      const fitting = made.filter((other) => other.shape.every((size, i) => i === axis || size === source.shape[i]));
      const inputs = new Set([source, dice.of(fitting), ...fitting.filter(() => dice.below(3) === 0)]);
      return inputs.size > 1
        ? apply(layers.concatenate({ name, axis }), [...inputs])
        : apply(layers.leakyReLU({ name }));
    }
    case 'crelu': {
      const features = apply(layers.conv2d({ name: `${name}-conv`, filters: 1 + dice.below(9), kernelSize, padding }));
      const negated = apply(
        layers.depthwiseConv2d({ name: `${name}-negate`, kernelSize: 1, useBias: false, depthwiseInitializer: 'ones' }),
        features,
      );
      return apply(layers.reLU({ name }), apply(layers.concatenate({ name: `${name}-join` }), [features, negated]));
    }
    case 'multiply': {
      const alike = made.filter((other) => other !== source && String(other.shape) === String(source.shape));
      if (alike.length > 0 && dice.below(2) === 0) return apply(layers.multiply({ name }), [source, dice.of(alike)]);
      // Squeeze and excite: a number for each channel.
      const mean = apply(layers.globalAveragePooling2d({ name: `${name}-mean` }));
      const activation = dice.of(['linear', 'hardSigmoid', 'sigmoid'] as const);
      const gate = apply(layers.dense({ name: `${name}-gate`, units: channels, activation }), mean);
      const factors = apply(layers.reshape({ name: `${name}-factors`, targetShape: [1, 1, channels] }), gate);
      return apply(layers.multiply({ name }), [source, factors]);
    }
    case 'hardSwish': {
      const useBias = dice.below(4) === 0;
      const scaled = apply(
        layers.depthwiseConv2d({ name: `${name}-negate`, kernelSize: 1, useBias, depthwiseInitializer: 'ones' }),
      );
      const activation = layers.activation({ name: `${name}-gate`, activation: 'hardSigmoid' });
      const gate = apply(activation, dice.below(3) === 0 ? source : scaled);
      return apply(layers.multiply({ name }), dice.below(2) === 0 ? [source, gate] : [gate, source]);
    }
    case 'convPrelu': {
      const features = apply(layers.conv2d({ name: `${name}-conv`, filters: 1 + dice.below(9), kernelSize, padding }));
      return apply(layers.prelu({ name, sharedAxes: [1, 2] }), features);
    }
    case 'shortcut': {
      const activation = dice.of(['linear', 'relu'] as const);
      const settings = { filters: channels, kernelSize, padding: 'same', activation } as const;
      const features = apply(layers.conv2d({ name: `${name}-conv`, ...settings }));
      const inputs = dice.below(2) === 0 ? [source, features] : [features, source];
      const sum = apply(layers.add({ name: `${name}-sum` }), inputs);
      const end = dice.of([undefined, layers.reLU({ name }), layers.leakyReLU({ name, alpha: 0.1 })]);
      return end === undefined ? sum : apply(end, sum);
    }
    case 'denseBlock': {
      // What is joined is read once more, from where it lies beside others.
      const settings = { filters: 1 + dice.below(6), kernelSize, padding: 'same' } as const;
      const features = apply(layers.conv2d({ name: `${name}-conv`, ...settings }));
      const more = apply(layers.conv2d({ name: `${name}-more`, ...settings }), features);
      return apply(layers.concatenate({ name }), [source, features, more]);
    }
    case 'prelu':
      return apply(
        layers.prelu(dice.below(2) === 0 || height * width * channels > 999 ? { name, sharedAxes: [1, 2] } : { name }),
      );
  }
}

function addEnding(ending: Ending, made: readonly SymbolicTensor[]): SymbolicTensor[] {
  const last = made[made.length - 1];
  const channels = pictureSize(last)[2];
  switch (ending) {
    case 'none':
      return made.length > 2 ? [last, made[1]] : [last];
    case 'dense': {
      const pooled = layers.globalAveragePooling2d({ name: 'pooled' }).apply(last) as SymbolicTensor;
      return [layers.dense({ name: 'dense', units: 7, activation: 'tanh' }).apply(pooled) as SymbolicTensor];
    }
    case 'flatten': {
      const flat = layers.flatten({ name: 'flat' }).apply(last) as SymbolicTensor;
      return [layers.dense({ name: 'dense', units: 5 }).apply(flat) as SymbolicTensor, flat];
    }
    case 'softmax':
      return [layers.softmax({ name: 'softmax', axis: -1 }).apply(last) as SymbolicTensor];
    case 'reshape': {
      const rows = layers.reshape({ name: 'rows', targetShape: [-1, channels] }).apply(last) as SymbolicTensor;
      return [layers.dense({ name: 'dense', units: 3, activation: 'softmax' }).apply(rows) as SymbolicTensor, rows];
    }
    case 'heads': {
      const heads = [made[0], last].map((source, i) => {
        const head = layers.conv2d({ name: `head${i}`, filters: 6, kernelSize: 1 }).apply(source);
        return layers.reshape({ name: `head${i}-flat`, targetShape: [-1, 2] }).apply(head) as SymbolicTensor;
      });
      const joined = layers.concatenate({ name: 'joined', axis: 1 }).apply(heads) as SymbolicTensor;
      return [layers.softmax({ name: 'scores', axis: -1 }).apply(joined) as SymbolicTensor];
    }
  }
}

/** Weights between -1 and 1 (variances positive; what negates stays -1), scaled so that values neither grow nor vanish. */
function setWeights(network: LayersModel): void {
  const dice = new Dice(7);
  for (const layer of network.layers) {
    const values = layer.weights.map(({ originalName, shape }) => {
      const count = shape.reduce<number>((product, size) => product * (size ?? 1), 1);
      const isKernel = originalName.endsWith('kernel');
      const scale = isKernel ? Math.sqrt((3 * (shape[shape.length - 1] ?? 1)) / count) : 0.5;
      const draw = (): number => (dice.below(2001) / 1000 - 1) * scale;
      const value = originalName.includes('negate')
        ? () => -1
        : originalName.endsWith('variance') || originalName.endsWith('gamma')
          ? () => 0.8 + draw()
          : draw;
      return core.tensor(Float32Array.from({ length: count }, value), shape as number[]);
    });
    layer.setWeights(values);
    core.dispose(values);
  }
}

async function artifactOf(network: LayersModel): Promise<LayersArtifact> {
  let artifact: LayersArtifact | undefined;
  await network.save({
    save: async ({ modelTopology, weightSpecs, weightData }) => {
      artifact = {
        modelTopology: modelTopology as object,
        weightSpecs: (weightSpecs ?? []) as LayersArtifact['weightSpecs'],
        weightData: core.io.CompositeArrayBuffer.join(weightData as ArrayBuffer),
      };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  if (!artifact) throw new Error('tfjs did not save the model');
  return artifact;
}

/** Numbers between -1 and 1. */
function noise(length: number): Float32Array {
  const dice = new Dice(99);
  return Float32Array.from({ length }, () => dice.below(20001) / 10000 - 1);
}

function predict(network: LayersModel, input: Float32Array, shape: [number, number, number, number]): NetworkOutput[] {
  return core.tidy(() =>
    [network.predict(core.tensor4d(input, shape))].flat().map((tensor) => ({
      data: tensor.dataSync<'float32'>(),
      shape: tensor.shape,
    })),
  );
}

describe('random graphs', () => {
  const hasFused = detectSimdSupport().fusedMultiplyAdd;
  const engines: CompiledEngine[] = [];
  beforeAll(async () => {
    core.env().set('PROD', true);
    await core.setBackend('cpu');
    const half = OPTIMIZATIONS.filter((_, i) => i % 2 === 0);
    const otherHalf = OPTIMIZATIONS.filter((_, i) => i % 2 === 1);
    for (const optimize of [true, false, { except: half }, { except: otherHalf }]) {
      engines.push(await createCompiledEngine({ simd: 'plain', validate: validateProgram, optimize }));
    }
    if (hasFused) engines.push(await createCompiledEngine({ simd: 'fma', validate: validateProgram }));
  });
  afterAll(() => {
    for (const engine of engines) engine.dispose();
  });

  test(`${GRAPHS} graphs give what tfjs gives, by every rewrite and every form of kernel`, async () => {
    const fired = new Set<string>();
    const note = (artifact: LayersArtifact, height: number, width: number, channels: number): void => {
      for (const name of rewritesOf(artifact)) fired.add(name);
      for (const optimize of [true, false]) {
        for (const fusedMultiplyAdd of [false, hasFused]) {
          const compiled = compileNetwork(artifact, { optimize, fusedMultiplyAdd });
          const module = compileModule(compiled, [height, width, channels], { fusedMultiplyAdd });
          for (const form of kernelFormsOf(module, compiled)) fired.add(form);
        }
      }
    };
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 1, max: 13 }),
      width: fc.integer({ min: 1, max: 13 }),
      channels: fc.integer({ min: 1, max: 9 }),
    });
    const property = fc.asyncProperty(plans, endings, sizes, async (planned, ending, size) => {
      const { batch, height, width, channels } = size;
      const made = [inputLayer({ shape: [height, width, channels], name: 'input' })];
      for (const [i, plan] of planned.entries()) {
        const tensor = addLayer(plan, `layer${i}`, made);
        // Paddings and concatenations may grow; nothing is learned from large pictures here.
        const [rows, columns, count] = pictureSize(tensor);
        if (rows > 0 && columns > 0 && rows * columns * count < 6000) made.push(tensor);
      }
      const network = model({ inputs: made[0], outputs: addEnding(ending, made) });
      try {
        setWeights(network);
        const artifact = await artifactOf(network);
        const shape: [number, number, number, number] = [batch, height, width, channels];
        const input = noise(batch * height * width * channels);
        const expected = predict(network, input, shape);
        note(artifact, height, width, channels);
        for (const engine of engines) {
          const compiled = await engine.loadNetwork(artifact);
          try {
            expectOutputsClose(await compiled.run(input, shape), expected);
          } finally {
            compiled.dispose();
          }
        }
      } finally {
        network.dispose();
      }
    });
    await fc.assert(property, { numRuns: GRAPHS });
    // Fewer graphs, or others, need not have them all.
    if (GRAPHS < 400 || process.env.TDDFA_SEED !== undefined) return;
    const possible = [...REWRITES, ...KERNEL_FORMS].filter((name) => hasFused || name !== 'convolution: panels of 12');
    const missing = possible.filter((name) => !fired.has(name));
    // What is not in the lists would not be asked for.
    const unlisted = [...fired].filter((name) => !possible.includes(name));
    expect({ missing, unlisted }).toEqual({ missing: [], unlisted: [] });
  }, 600_000);
});
