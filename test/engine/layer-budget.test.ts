/** Networks of a kilobyte that ask for work without end: every engine refuses them, at once. */
import { readFileSync } from 'node:fs';
import { describe, expect, jest, test } from '@jest/globals';
import { createEngine } from '../../src/engine/create-engine.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';
import { parseJsonFile } from '../../src/engine/weights/json-file.ts';
import { decodeLayersFile, parseLayersFile } from '../../src/engine/weights/layers-file.ts';
import { UnsupportedLayerError, WeightFormatError } from '../../src/errors.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';

interface Layer {
  class_name: string;
  name: string;
  config: Record<string, unknown>;
  inbound_nodes: unknown[];
}

/** A small network whose layers were changed. */
function changed(change: (layers: Layer[]) => void): LayersArtifact {
  const model = new LayersModelBuilder('small');
  const padded = model.zeroPadding2d('pad', model.input('input', [null, null, 3]), 1);
  const { modelTopology, weightSpecs } = model.build([model.relu('relu', model.maxPooling2d('pool', padded, 2, 2))]);
  // Lists of another realm, as those of structuredClone are under Jest, are none to tfjs.
  const topology = JSON.parse(JSON.stringify(modelTopology)) as { config: { layers: Layer[] } };
  change(topology.config.layers);
  return { modelTopology: topology, weightSpecs, weightData: new ArrayBuffer(0) };
}

const at = (layers: Layer[], index: number): Layer => {
  const layer = layers[index];
  if (layer === undefined) throw new Error(`the network has a layer ${index}`);
  return layer;
};

/** The same layer under another name, with one input. */
const renamed = (layer: Layer, name: string, input: string): Layer => ({
  ...layer,
  name,
  config: { ...layer.config, name },
  inbound_nodes: [[[input, 0, 0, {}]]],
});

const CASES: readonly [string, (layers: Layer[]) => void, RegExp][] = [
  ...[0, 1, 2, 3].map((index): [string, (layers: Layer[]) => void, RegExp] => [
    `layer ${index} with a use without inputs`,
    (layers) => Object.assign(at(layers, index), { inbound_nodes: [[]] }),
    /has a use without inputs$/,
  ]),
  [
    'a padding of 2^24',
    (layers) =>
      Object.assign(at(layers, 1).config, {
        padding: [
          [2 ** 24, 0],
          [0, 0],
        ],
      }),
    /too large a 'padding'/,
  ],
  [
    'a window of 2^24',
    (layers) => Object.assign(at(layers, 2).config, { pool_size: [2 ** 24, 1] }),
    /too large a 'pool_size'/,
  ],
  [
    '20,000 layers',
    (layers) => {
      const last = at(layers, 3);
      for (let i = 0; i < 20_000; i++) layers.push(renamed(last, `r${i}`, 'relu'));
    },
    /has too many layers \(expected at most 4096, got 20004\)/,
  ],
  [
    'a layer waiting for itself',
    (layers) => Object.assign(at(layers, 2), { inbound_nodes: [[['pool', 0, 0, {}]]] }),
    /pool/,
  ],
  [
    'a second input of the same name',
    (layers) => layers.push(structuredClone(at(layers, 0))),
    /two layers are called 'input'$/,
  ],
  [
    'a layer that is called otherwise in its config',
    (layers) => Object.assign(at(layers, 3).config, { name: 'pool' }),
    /layer 'relu' is called 'pool' in its config$/,
  ],
  [
    'a format of pictures that there is not',
    (layers) => Object.assign(at(layers, 2).config, { data_format: 'channelsLast' }),
    /data_format 'channelsLast' is not supported/,
  ],
  [
    'strides that are no numbers',
    (layers) => Object.assign(at(layers, 2).config, { strides: [{}, 2] }),
    /strides is not a pair of positive integers/,
  ],
  [
    'a window of one side',
    (layers) => Object.assign(at(layers, 2).config, { pool_size: [2] }),
    /pool_size is not a pair of positive integers/,
  ],
  [
    'a padding of two kinds',
    (layers) => Object.assign(at(layers, 1).config, { padding: [1, [1, 1]] }),
    /malformed padding/,
  ],
  ...['constructor', '__proto__', 'toString'].map((type): [string, (layers: Layer[]) => void, RegExp] => [
    `a layer of type ${type}`,
    (layers) => Object.assign(at(layers, 3), { class_name: type }),
    /this layer type is not supported$/,
  ]),
];

describe.each(['compiled', 'wasm', 'cpu'] as const)('on %s', (backend) => {
  test.each(CASES)('%s is refused', async (_what, change, message) => {
    const engine = await createEngine(backend);
    try {
      const error = await engine.loadNetwork(changed(change)).then(
        () => new Error('none'),
        (reason: Error) => reason,
      );
      expect(error.message).toMatch(message);
      expect(error instanceof WeightFormatError || error instanceof UnsupportedLayerError).toBe(true);
    } finally {
      engine.dispose();
    }
  });
});

test('on compiled, values that no memory holds are refused before anything is made for them', async () => {
  const engine = await createEngine('compiled');
  const chain = changed((layers) => {
    const pad = at(layers, 1);
    Object.assign(pad.config, {
      padding: [
        [4096, 4096],
        [4096, 4096],
      ],
    });
    for (let i = 0; i < 40; i++) {
      layers.push(renamed(pad, `p${i}`, i === 0 ? 'relu' : `p${i - 1}`));
    }
  });
  const topology = chain.modelTopology as { config: { output_layers: unknown } };
  topology.config.output_layers = [['p39', 0, 0]];
  const network = await engine.loadNetwork(chain);
  await expect(network.run(new Float32Array(12), [1, 2, 2, 3])).rejects.toThrow(
    /gives more numbers than fit into memory/,
  );
  engine.dispose();
});

describe.each(['compiled', 'wasm', 'cpu'] as const)('on %s', (backend) => {
  test('a window larger than the picture is refused, without a word, and the engine works on', async () => {
    const engine = await createEngine(backend);
    const large = changed((layers) => Object.assign(at(layers, 2).config, { pool_size: [9, 9] }));
    const printed = jest.spyOn(console, 'error').mockImplementation(() => {});
    try {
      const network = await engine.loadNetwork(large);
      for (const side of [2, 3, 2]) {
        const running = network.run(new Float32Array(side * side * 3), [1, side, side, 3]);
        await expect(running).rejects.toThrow(UnsupportedLayerError);
        await expect(running).rejects.toThrow("layer 'pool' (maxPool): a window of 9 x 9 does not fit an input of");
      }
      expect((await network.run(new Float32Array(64 * 3), [1, 8, 8, 3]))[0]?.shape).toEqual([1, 1, 1, 3]);
      expect(printed).not.toHaveBeenCalled();
    } finally {
      printed.mockRestore();
      engine.dispose();
    }
  });
});

describeWithShared('a network that once hung tfjs', () => {
  /** Files in one: how many, and of each the length of its name, the name, its length and its bytes. */
  function readFiles(bytes: Buffer): Map<string, Uint8Array<ArrayBuffer>> {
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    let at = 4;
    const take = (): Buffer => {
      const start = at + 4;
      at = start + bytes.readUInt32LE(at);
      return bytes.subarray(start, at);
    };
    while (files.size < bytes.readUInt32LE(0)) files.set(take().toString(), new Uint8Array(take()));
    return files;
  }

  test.each(['compiled', 'wasm', 'cpu'] as const)('is refused on %s', async (backend) => {
    const files = readFiles(readFileSync(sharedPath('cases', 'hostile', 'tfjs-hang-inbound-nodes-empty.bin')));
    const [json, ...shards] = [...files.values()];
    const load = async (): Promise<unknown> => {
      const layersFile = parseLayersFile('model.json', parseJsonFile('model.json', json));
      return engine.loadNetwork(decodeLayersFile('model.json', layersFile, shards));
    };
    const engine = await createEngine(backend);
    await expect(load()).rejects.toThrow(WeightFormatError);
    engine.dispose();
  });
});
