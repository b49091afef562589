/** Networks of a kilobyte that ask for work without end: every engine refuses them, at once. */
import { describe, expect, test } from '@jest/globals';
import { createEngine } from '../../src/engine/create-engine.ts';
import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';
import { UnsupportedLayerError, WeightFormatError } from '../../src/errors.ts';

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
  const topology = structuredClone(modelTopology) as { config: { layers: Layer[] } };
  change(topology.config.layers);
  return { modelTopology: topology, weightSpecs, weightData: new ArrayBuffer(0) };
}

const at = (layers: Layer[], index: number): Layer => {
  const layer = layers[index];
  if (layer === undefined) throw new Error(`the network has a layer ${index}`);
  return layer;
};

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
      for (let i = 0; i < 20_000; i++) layers.push({ ...last, name: `r${i}`, inbound_nodes: [[['relu', 0, 0, {}]]] });
    },
    /has too many layers \(expected at most 4096, got 20004\)/,
  ],
  [
    'a layer waiting for itself',
    (layers) => Object.assign(at(layers, 2), { inbound_nodes: [[['pool', 0, 0, {}]]] }),
    /pool/,
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
      layers.push({ ...pad, name: `p${i}`, inbound_nodes: [[[i === 0 ? 'relu' : `p${i - 1}`, 0, 0, {}]]] });
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
