import { beforeAll, describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../converters/networks/convert-network.ts';
import { formulaFaceboxes, formulaRegressor } from '../../development/formula.ts';
import { noise } from '../../src/bench/noise.ts';
import { calibrateNetwork } from '../../src/engine/calibrate-network.ts';
import { type CompiledEngineOptions, createCompiledEngine } from '../../src/engine/compiled.ts';
import { validateProgram } from '../../src/engine/compiler/validate.ts';
import type { NetworkOutput } from '../../src/engine/engine.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import type { Precision, Quantization } from '../../src/engine/quantization.ts';
import { encodeRanges } from '../../src/engine/weights/ranges-file.ts';
import type { Tensor } from '../../src/engine/weights/tensor-file.ts';
import { WeightFormatError } from '../../src/errors.ts';
import { detectSimdSupport } from '../../src/wasm/simd-support.ts';

type Shape = readonly [number, number, number, number];

interface Case {
  readonly name: string;
  readonly artifact: LayersArtifact;
  readonly shape: Shape;
  readonly input: Float32Array;
  /** Of the root mean square of the first output: about three times what was measured. */
  readonly maxError: number;
}

/** Of the packed weights. */
const MAX_WEIGHTS = 0.35;

function withRanges(
  artifact: LayersArtifact,
  values: ReadonlyMap<string, Quantization>,
  precision: Precision,
): LayersArtifact {
  const read = async () => ({ file: 'the ranges', tensors: encodeRanges(values) });
  return { ...artifact, ranges: { precision, read } };
}

async function run(
  artifact: LayersArtifact,
  { input, shape }: Pick<Case, 'input' | 'shape'>,
  options: CompiledEngineOptions,
): Promise<NetworkOutput[]> {
  const engine = await createCompiledEngine({ validate: validateProgram, ...options });
  try {
    const network = await engine.loadNetwork(artifact);
    const first = await network.run(input, shape);
    // The memory is not new any more.
    expect(await network.run(input, shape)).toEqual(first);
    return first;
  } finally {
    engine.dispose();
  }
}

describe('int8', () => {
  const cases: Case[] = [];
  const ranges = new Map<string, ReadonlyMap<string, Quantization>>();
  beforeAll(async () => {
    const regressor = convertNetwork(formulaRegressor('mobilenet_v1_x0.25').stateDict, { file: 'mb025' }).artifact;
    const detector = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' }).artifact;
    const mobilenetV3 = convertNetwork(formulaRegressor('mobilenet_v3_small_x1.0').stateDict, { file: 'v3' }).artifact;
    const picture = (height: number, width: number, amplitude: number, images = 1): Pick<Case, 'shape' | 'input'> => ({
      shape: [images, height, width, 3],
      input: noise(images * height * width * 3, amplitude),
    });
    cases.push(
      { name: 'mb025', artifact: regressor, ...picture(120, 120, 1, 2), maxError: 0.3 },
      { name: 'faceboxes', artifact: detector, ...picture(67, 97, 120), maxError: 0.3 },
      { name: 'v3', artifact: mobilenetV3, ...picture(120, 120, 1), maxError: 0.3 },
    );
    for (const { name, artifact, shape, input } of cases) {
      async function* inputs() {
        yield { data: input, shape };
      }
      const options = { quantizesInput: name === 'faceboxes' };
      ranges.set(name, await calibrateNetwork(artifact, inputs, options));
    }
  }, 120_000);

  test.each(['mb025', 'faceboxes', 'v3'])(
    '%s: near float32, in fewer bytes of weights',
    async (name) => {
      const { artifact, shape, input, maxError } = cases.find((entry) => entry.name === name) as Case;
      const quantized = withRanges(artifact, ranges.get(name) ?? new Map(), 'float32');
      // Ranges alone change nothing.
      const exact = await run(artifact, { input, shape }, {});
      expect(await run(quantized, { input, shape }, {})).toEqual(exact);
      const bytes = await run(quantized, { input, shape }, { precision: 'int8' });
      expect(bytes[0].shape).toEqual(exact[0].shape);
      const power = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
      const error = power(bytes[0].data.map((x, i) => x - exact[0].data[i])) / power(exact[0].data);
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(maxError);

      const engine = await createCompiledEngine({ precision: 'int8' });
      const floats = await createCompiledEngine();
      try {
        const own = (await engine.loadNetwork(quantized)).statistics.weightBytes;
        const share = own / (await floats.loadNetwork(quantized)).statistics.weightBytes;
        // MobileNet-V3's gates and hard swishes are floats, and so are the layers that read them.
        expect(share).toBeLessThan(name === 'v3' ? 1 : MAX_WEIGHTS);
      } finally {
        engine.dispose();
        floats.dispose();
      }
    },
    60_000,
  );

  test.each(['mb025', 'faceboxes'])(
    '%s: the same numbers with any products, threads and batch',
    async (name) => {
      const { artifact, shape, input } = cases.find((entry) => entry.name === name) as Case;
      const quantized = withRanges(artifact, ranges.get(name) ?? new Map(), 'int8');
      const expected = await run(quantized, { input, shape }, { simd: 'plain' });
      const variants: CompiledEngineOptions[] = [{ threads: 2 }];
      // Floats of the first layer and the last are rounded as ever, so that whole networks differ by these alone.
      if (detectSimdSupport().fusedMultiplyAdd && name === 'faceboxes') variants.push({ simd: 'fma' });
      for (const variant of variants) {
        expect(await run(quantized, { input, shape }, { simd: 'plain', ...variant })).toEqual(expected);
      }
      const [images, height, width, channels] = shape;
      const length = height * width * channels;
      for (let image = 0; image < images; image++) {
        const alone = {
          input: input.subarray(image * length, (image + 1) * length),
          shape: [1, height, width, channels] as Shape,
        };
        const outputs = await run(quantized, alone, { simd: 'plain' });
        for (const [i, { data }] of outputs.entries()) {
          expect(data).toEqual(expected[i].data.subarray(image * data.length, (image + 1) * data.length));
        }
      }
    },
    60_000,
  );

  test('what a pack says holds where the options say nothing', async () => {
    const { artifact, shape, input } = cases[0];
    const values = ranges.get('mb025') ?? new Map();
    const bytes = await run(withRanges(artifact, values, 'int8'), { input, shape }, {});
    expect(await run(withRanges(artifact, values, 'float32'), { input, shape }, { precision: 'int8' })).toEqual(bytes);
    const floats = await run(withRanges(artifact, values, 'int8'), { input, shape }, { precision: 'float32' });
    expect(floats).toEqual(await run(artifact, { input, shape }, {}));
    expect(floats).not.toEqual(bytes);
  }, 60_000);

  test('refuses other precisions, networks without ranges and ranges that do not fit, by name', async () => {
    const { artifact } = cases[0];
    await expect(createCompiledEngine({ precision: 'int4' as Precision })).rejects.toThrow(
      new TypeError("precision: expected float32 or int8, got 'int4'"),
    );
    const values = ranges.get('mb025') ?? new Map<string, Quantization>();
    const [name] = values.keys();
    const { scales } = values.get(name) as Quantization;
    const stored = encodeRanges(values);
    const changed = (part: string, tensor: Tensor): LayersArtifact => {
      const tensors = new Map([...stored, [`${name}/${part}`, tensor]]);
      return { ...artifact, ranges: { precision: 'int8', read: async () => ({ file: 'the ranges', tensors }) } };
    };
    const scale = (...numbers: number[]): LayersArtifact =>
      changed('scale', { shape: [numbers.length], data: Float32Array.from(numbers) });
    /** With another byte in one row, for the third channel. */
    const byte = (row: number, value: number): LayersArtifact => {
      const { shape, data } = stored.get(`${name}/channels`) as Tensor<Uint8Array>;
      return changed('channels', { shape, data: data.with(row * scales.length + 2, value) });
    };
    const engine = await createCompiledEngine({ precision: 'int8' });
    try {
      const refused: [LayersArtifact, RegExp][] = [
        [artifact, /the network: has no ranges/],
        [scale(0), /scale 0 makes no sense .*got 0\)/],
        [scale(Number.NaN), /scale 0 makes no sense .*got NaN\)/],
        [scale(-1), /scale 0 makes no sense/],
        [scale(Number.POSITIVE_INFINITY), /scale 0 makes no sense/],
        [scale(1, 1), /has the wrong form/],
        [byte(1, 128), /zero point 2 is out of range .*0 to 127, got 128\)/],
        [byte(2, 128), /mean 2 is out of range .*0 to 127, got 128\)/],
        [changed('channels', { shape: [scales.length], data: new Uint8Array(scales.length) }), /lacks its channels/],
        [
          changed('channels', { shape: [3, 1], data: new Uint8Array(3) }),
          /do not fit the network .*channels, got 1 scales\)/,
        ],
      ];
      for (const [wrong, message] of refused) {
        const loading = engine.loadNetwork(wrong);
        await expect(loading).rejects.toThrow(WeightFormatError);
        await expect(loading).rejects.toThrow(message);
      }
      // The engine goes on working.
      await engine.loadNetwork(withRanges(artifact, values, 'int8'));
    } finally {
      engine.dispose();
    }
  });

  test('calibrating needs inputs', async () => {
    async function* none() {}
    await expect(calibrateNetwork(cases[0].artifact, none, { quantizesInput: false })).rejects.toThrow(RangeError);
  });
});
