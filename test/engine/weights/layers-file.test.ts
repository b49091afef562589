import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { networkModel } from '../../../converters/convert-regressor.ts';
import { writePack } from '../../../converters/write-pack.ts';
import { formulaRegressor } from '../../../development/formula.ts';
import { serveFolder, startServer } from '../../../development/local-server.ts';
import { upstreamPack } from '../../../development/upstream-pack.ts';
import { LayersModelBuilder } from '../../../src/engine/layers-model-builder.ts';
import { fileWeights } from '../../../src/engine/weights/file-source.ts';
import { encodeLayersFile, WEIGHT_STORAGES } from '../../../src/engine/weights/layers-file.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import { describeWithShared, repositoryRoot } from '../../support/shared.ts';
import { formulaValues, smallNetwork, smallPack } from '../../support/small-pack.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const temporary = useTemporaryFolder();

/**
 * A program of plain tfjs and nothing of this package: loads networks from a web server and prints, for each, a hash of
 * every weight and, where a pixel is given, what a picture of that one colour gives.
 */
const PLAIN_TFJS = `
import '@tensorflow/tfjs-backend-cpu';
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
const [url, pixel, ...names] = process.argv.slice(1);
const results = {};
for (const name of names) {
  const model = await loadLayersModel(url + '/' + name + '/model.json');
  const weights = model.weights.map((weight) => {
    const tensor = weight.read();
    const bytes = new Uint8Array(tensor.dataSync().slice().buffer);
    return [weight.originalName, [tensor.shape, createHash('sha256').update(bytes).digest('hex')]];
  });
  const colour = JSON.parse(pixel);
  const output = colour && model.predict(tf.tile(tf.tensor(colour, [1, 1, 1, 3]), [1, 32, 32, 1])).dataSync();
  results[name] = { weights: Object.fromEntries(weights), output: output && [...output] };
}
console.log(JSON.stringify(results));
`;

type Results = Record<string, { weights: Record<string, [number[], string]>; output: number[] | null }>;

async function runPlainTfjs(folder: string, names: readonly string[], pixel: number[] | null): Promise<Results> {
  const server = await startServer(serveFolder(folder));
  try {
    const args = ['--input-type=module', '-e', PLAIN_TFJS, server.url, JSON.stringify(pixel), ...names];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: repositoryRoot });
    // tfjs greets on stdout.
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  } finally {
    await server.close();
  }
}

/** What `PLAIN_TFJS` says of the weights, from our own reader. */
async function weightHashes(folder: string, name: string): Promise<Record<string, [readonly number[], string]>> {
  const pack = await openPack(fileWeights(folder));
  const { weightSpecs, weightData } = await pack.readNetwork(pack.model(name));
  let offset = 0;
  const entries = weightSpecs.map(({ name: weight, shape }) => {
    const bytes = new Uint8Array(weightData, offset, shape.reduce((product, extent) => product * extent, 1) * 4);
    offset += bytes.length;
    return [weight, [shape, createHash('sha256').update(bytes).digest('hex')]] as const;
  });
  return Object.fromEntries(entries) as Record<string, [readonly number[], string]>;
}

describe('plain tfjs', () => {
  test.each(['float32', 'float16'] as const)('loads and runs a network of a pack, stored as %s', async (storage) => {
    const folder = temporary(`pack-${storage}`);
    await writePack(folder, smallPack(), { storage });
    const channels = [0.25, -1, 2];
    const { boxes } = await runPlainTfjs(folder, ['boxes'], channels);
    expect(boxes?.weights).toEqual(await weightHashes(folder, 'boxes'));
    // The pool leaves each channel's mean; the dense layer is four dot products.
    const pack = await openPack(fileWeights(folder));
    const weights = new Float32Array((await pack.readNetwork(pack.model('boxes'))).weightData);
    for (let output = 0; output < 4; output++) {
      const sum = channels.reduce((total, value, input) => total + value * (weights[input * 4 + output] ?? 0), 0);
      expect(boxes?.output?.[output]).toBeCloseTo(sum + (weights[12 + output] ?? 0), 5);
    }
  });
});

describe('plain tfjs and a MobileNet-V1 by a formula', () => {
  test('agrees with the pack on every weight that is stored as bytes', async () => {
    const origin = { licence: { name: 'CC0-1.0' }, source: { description: 'made by a formula' } };
    const { stateDict } = formulaRegressor('mobilenet_v1_x0.5');
    const network = networkModel('mb05', stateDict, 'formula', origin, () => 'tiny-normalization');
    const { models, ...pack } = smallPack();
    await writePack(temporary('bytes'), { ...pack, models: [...models, network] }, { storage: 'uint8' });
    const { mb05 } = await runPlainTfjs(temporary('bytes'), ['mb05'], null);
    expect(mb05?.weights).toEqual(await weightHashes(temporary('bytes'), 'mb05'));
  });
});

describeWithShared('plain tfjs and the real networks', () => {
  test.each(WEIGHT_STORAGES)('agrees with the pack on every weight, stored as %s', async (storage) => {
    const folder = await upstreamPack({ storage });
    const results = await runPlainTfjs(folder, ['faceboxes', 'mb05'], null);
    for (const name of ['faceboxes', 'mb05']) {
      expect(results[name]?.weights).toEqual(await weightHashes(folder, name));
    }
  });
});

describe('encodeLayersFile', () => {
  test('refuses weights that its specs do not describe', () => {
    const artifact = smallNetwork(8, 4);
    const encode = (changes: Partial<typeof artifact>) => encodeLayersFile({ ...artifact, ...changes }, 'weights.bin');
    expect(() => encode({ weightData: artifact.weightData.slice(0, -4) })).toThrow(
      "tensor 'dense/bias': there are no weights for [4]",
    );
    expect(() => encode({ weightSpecs: artifact.weightSpecs.slice(0, 1) })).toThrow('more weights than specs');
  });

  test('refuses bytes that would stand for more than half precision holds', () => {
    const model = new LayersModelBuilder('large');
    const kernel = model.conv2d('large', model.input('input', [4, 4, 64]), { filters: 64, kernelSize: 1 });
    const weightData = new Float32Array(64 * 65);
    weightData[5] = Number.NEGATIVE_INFINITY;
    const artifact = { ...model.build([kernel]), weightData: weightData.buffer };
    expect(() => encodeLayersFile(artifact, 'weights.bin', { storage: 'uint8' })).toThrow(
      "tensor 'large/kernel': -Infinity at 5 cannot be stored as uint8",
    );
  });

  test.each([
    [Number.NaN, 'float32'],
    [70_000, 'float16'],
  ] as const)('refuses %p as %s', (value, storage) => {
    const weightData = formulaValues(16, 1).buffer as ArrayBuffer;
    new Float32Array(weightData)[13] = value;
    expect(() => encodeLayersFile({ ...smallNetwork(8, 4), weightData }, 'weights.bin', { storage })).toThrow(
      `tensor 'dense/bias': ${value} at 1 cannot be stored as ${storage}`,
    );
  });
});
