/** The parsers that strangers reach, each with seeds made by code and what it may throw. */
import { Jimp } from 'jimp';
import { parseWeightFile } from '../converters/read-weight-file.ts';
import { createEngine } from '../src/engine/create-engine.ts';
import type { BackendName } from '../src/engine/engine.ts';
import { LayersModelBuilder } from '../src/engine/layers-model-builder.ts';
import { memoryWeights } from '../src/engine/weights/memory-source.ts';
import { openPack } from '../src/engine/weights/open-pack.ts';
import { TddfaError } from '../src/errors.ts';
import { decodeImage } from '../src/image-files/decode-image.ts';
import { SAMPLE_NAMES, sample } from '../test/converters/samples.ts';
import { mutateBytes, mutateJson } from './mutate.ts';

/** One parser under test. */
export interface FuzzTarget {
  /** Makes the input of a number and feeds it; throws what the parser throws, or an error that says what was wrong. */
  run(random: () => number): Promise<void>;
  /** Whether a parser may end so. */
  isRightError(error: unknown): boolean;
}

const isTyped = (error: unknown): boolean => error instanceof TddfaError;

function weightFile(seed: Uint8Array): FuzzTarget {
  return {
    async run(random) {
      for (const { shape, data } of parseWeightFile(mutateBytes(seed, random), 'fuzzed').values()) {
        const count = shape.reduce((product, extent) => product * extent, 1);
        if (data.length !== count) throw new Error(`a tensor of shape [${shape}] has ${data.length} values`);
      }
    },
    isRightError: isTyped,
  };
}

async function picture(
  mime: 'image/png' | 'image/jpeg' | 'image/bmp' | 'image/gif' | 'image/tiff',
): Promise<FuzzTarget> {
  const width = 13;
  const height = 9;
  const data = Buffer.from(
    Uint8Array.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256)),
  );
  const seed = await Jimp.fromBitmap({ data, width, height }).getBuffer(mime);
  return {
    async run(random) {
      const { data, width, height } = await decodeImage(mutateBytes(seed, random), { maxPixels: 1_000_000 });
      if (!(width > 0 && height > 0 && width * height <= 1_000_000 && data.length === width * height * 4)) {
        throw new Error(`a picture of ${width} x ${height} with ${data.length} bytes`);
      }
    },
    isRightError: isTyped,
  };
}

async function layers(backend: BackendName): Promise<FuzzTarget> {
  const model = new LayersModelBuilder('fuzzed');
  const padded = model.zeroPadding2d('pad', model.input('input', [null, null, 3]), 1);
  const features = model.conv2d('conv', padded, { filters: 4, kernelSize: 3, activation: 'relu' });
  const sum = model.add('sum', [features, model.depthwiseConv2d('depthwise', features, { kernelSize: 1 })]);
  const pooled = model.globalAveragePooling2d('mean', model.maxPooling2d('pool', sum, 2, 2));
  const { modelTopology, weightSpecs } = model.build([model.dense('dense', pooled, 5)]);
  const count = weightSpecs.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
  const weightData = Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer;
  const engine = await createEngine(backend);
  return {
    async run(random) {
      const topology = mutateJson(modelTopology, random) as object;
      const network = await engine.loadNetwork({ modelTopology: topology, weightSpecs, weightData });
      try {
        for (const { data, shape } of await network.run(new Float32Array(6 * 5 * 3), [1, 6, 5, 3])) {
          if (data.length !== shape.reduce((a, b) => a * b, 1)) throw new Error(`${data.length} numbers in [${shape}]`);
        }
      } finally {
        network.dispose();
      }
    },
    // A network may be good and not take pictures of this size.
    isRightError: (error) => isTyped(error) || error instanceof RangeError,
  };
}

function packManifest(): FuzzTarget {
  const model = { name: 'a', role: 'normalization', format: 'tensors', path: 'a/tensors.json' };
  const files = ['tensors.json', 'tensors.bin'].map((name) => ({
    path: `a/${name}`,
    bytes: 8,
    sha256: '0'.repeat(64),
  }));
  const origin = { licence: { name: 'CC0-1.0' }, source: { description: 'made for a test' } };
  const manifest = {
    formatVersion: 1,
    name: 'fuzzed',
    description: 'a pack',
    models: [{ ...model, files, ...origin }],
  };
  return {
    async run(random) {
      const text = JSON.stringify(mutateJson(manifest, random)) ?? 'nothing';
      const contents = new Map([['pack.json', new TextEncoder().encode(text)]]);
      await (await openPack(memoryWeights(contents))).verify();
    },
    isRightError: isTyped,
  };
}

type MakeTarget = () => FuzzTarget | Promise<FuzzTarget>;

/** How each target is made. */
export const TARGETS: ReadonlyMap<string, MakeTarget> = new Map<string, MakeTarget>([
  ...SAMPLE_NAMES.map((name): [string, MakeTarget] => [name, () => weightFile(sample(name))]),
  ...(['png', 'jpeg', 'bmp', 'gif', 'tiff'] as const).map((name): [string, MakeTarget] => [
    name,
    () => picture(`image/${name}`),
  ]),
  ...(['compiled', 'cpu'] as const).map((name): [string, MakeTarget] => [`layers-${name}`, () => layers(name)]),
  ['pack', packManifest],
]);
