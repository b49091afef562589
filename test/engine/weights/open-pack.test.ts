import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { writePack } from '../../../converters/write-pack.ts';
import type { LayersFile } from '../../../src/engine/weights/layers-file.ts';
import { memoryWeights } from '../../../src/engine/weights/memory-source.ts';
import { openPack } from '../../../src/engine/weights/open-pack.ts';
import type { PackManifest } from '../../../src/engine/weights/pack-manifest.ts';
import { WeightFormatError, WeightLoadError } from '../../../src/errors.ts';
import fc from '../../support/property.ts';
import { formulaValues, smallNetwork, smallPack } from '../../support/small-pack.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
let files: ReadonlyMap<string, Uint8Array>;
let halfFiles: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  await writePack(temporary('pack'), smallPack());
  await writePack(temporary('half'), smallPack(), { storage: 'float16' });
  files = await readFolder(temporary('pack'));
  halfFiles = await readFolder(temporary('half'));
});

describe('openPack', () => {
  test('gives the networks and tensors that were written', async () => {
    const pack = await openPack(memoryWeights(files));
    const network = await pack.readNetwork(pack.model('boxes'));
    expect(network).toEqual(smallNetwork(32, 4, 9));
    const shape = await pack.readTensors(pack.model('shape'));
    expect(shape.get('shapeBasis')).toEqual({ shape: [210, 41], data: formulaValues(210 * 41, 5) });
    expect(shape.get('keypointIndices')?.data).toEqual(Uint32Array.from({ length: 204 }, (_, i) => i));
    await pack.verify();
  });

  test('widens half precision, to within half a step', async () => {
    const pack = await openPack(memoryWeights(halfFiles));
    const shape = await pack.readTensors(pack.model('shape'));
    const basis = shape.get('shapeBasis')?.data ?? [];
    const expected = formulaValues(210 * 41, 5);
    expect(basis).toHaveLength(expected.length);
    expected.forEach((value, i) => {
      expect(Math.abs(basis[i] - value)).toBeLessThanOrEqual(2 ** -12);
    });
    // The mean shape is too large for it and stays as it is.
    expect(shape.get('meanShape')?.data).toEqual(formulaValues(210, 4).map((value) => value * 1e5));
    const network = await pack.readNetwork(pack.model('boxes'));
    expect(network.weightData.byteLength).toBe(smallNetwork(32, 4).weightData.byteLength);
    const bytes = (path: string, from: typeof files) => (from.get(path) as Uint8Array).length;
    expect(bytes('boxes/weights.bin', halfFiles) * 2).toBe(bytes('boxes/weights.bin', files));
  });

  test('finds models by name and role', async () => {
    const pack = await openPack(memoryWeights(files));
    expect(pack.modelsOf('detector').map((model) => model.name)).toEqual(['boxes']);
    expect(() => pack.model('other')).toThrow(
      new RangeError("there is no model 'other' in memory, which has boxes, tiny, tiny-normalization, shape, maps"),
    );
    await expect(pack.readTensors(pack.model('boxes'))).rejects.toThrow(WeightFormatError);
  });

  test('reports every file, with bytes that never fall and end at the total', async () => {
    const last = new Map<string, number>();
    const totals = new Map<string, number | undefined>();
    const pack = await openPack(memoryWeights(files), {
      onProgress({ file, loadedBytes, totalBytes }) {
        expect(loadedBytes).toBeGreaterThanOrEqual(last.get(file) ?? 0);
        last.set(file, loadedBytes);
        totals.set(file, totalBytes);
      },
    });
    await pack.verify();
    expect([...last.keys()].sort()).toEqual([...files.keys()].sort());
    expect(last).toEqual(totals);
  });

  test('stops where the signal says so', async () => {
    const controller = new AbortController();
    const pack = await openPack(memoryWeights(files), { signal: controller.signal });
    controller.abort();
    await expect(pack.verify()).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});

describe('a damaged pack', () => {
  test('is told at every flipped byte of every file', async () => {
    for (const [path, bytes] of files) {
      for (const index of [0, bytes.length >> 1, bytes.length - 1]) {
        const flipped = new Uint8Array(bytes);
        flipped[index] = bytes[index] ^ 1;
        const source = memoryWeights(new Map([...files, [path, flipped]]));
        const error = await failure(async () => (await openPack(source)).verify());
        // A manifest without its last newline is still the same JSON.
        if (path === 'pack.json' && error === undefined) continue;
        expect(error).toBeInstanceOf(WeightFormatError);
        if (path !== 'pack.json') expect(error?.message).toMatch(`${path}: is damaged: wrong SHA-256`);
      }
    }
  });

  test('is told where a file is cut short, longer or missing', async () => {
    for (const [path, bytes] of files) {
      if (path === 'pack.json') continue;
      const verify = async (changed: Uint8Array | undefined) => {
        const spoilt = new Map(files);
        if (changed === undefined) spoilt.delete(path);
        else spoilt.set(path, changed);
        return failure(async () => (await openPack(memoryWeights(spoilt))).verify());
      };
      expect(await verify(bytes.slice(0, -1))).toEqual(
        new WeightFormatError(path, 'is cut short', {
          expected: `${bytes.length} bytes`,
          actual: `${bytes.length - 1} bytes`,
        }),
      );
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes);
      expect((await verify(longer))?.message).toMatch(`${path}: is too long`);
      expect(await verify(undefined)).toBeInstanceOf(WeightLoadError);
    }
  });

  test.each([
    [
      'of another version',
      { formatVersion: 2 },
      'this version of tddfa cannot read it (expected formatVersion 1, got 2)',
    ],
    ['of no version', { formatVersion: undefined }, '(expected formatVersion 1, got none)'],
    ['with an unknown key', { extra: 1 }, 'pack.json: extra: '],
    ['with a name of the wrong type', { name: 5 }, 'pack.json: name: '],
    ['without models', { models: undefined }, 'pack.json: models: '],
  ])('%s is refused', async (_, change, message) => {
    const manifest = { ...readManifest(), ...change };
    expect((await failure(() => openManifest(manifest)))?.message).toContain(message);
  });

  test('with a text that would command a terminal is refused', async () => {
    const asData = edit((manifest) => {
      at(manifest.models, 0).architecture = 'mobilenet\u001b]0;gone\u0007';
    });
    expect((await failure(() => openManifest(asData)))?.message).toMatch(
      /^pack\.json: models\.0\.architecture: expected 1 to 2000 printable characters/,
    );
  });

  test.each([
    '../secret',
    '/etc/passwd',
    'a/../../b',
    'C:\\x',
    'a\\..\\b',
    'http://h/x',
    'a//b',
    'a/./b',
    '',
    'a%2fb',
    'a?b',
  ])('that names the file %p is refused', async (path) => {
    const asData = edit((manifest) => {
      at(at(manifest.models, 0).files, 0).path = path;
      at(manifest.models, 0).path = path;
    });
    expect(await failure(() => openManifest(asData))).toBeInstanceOf(WeightFormatError);
  });

  test('whose model.json names a file outside the pack is refused', async () => {
    const spoilt = replaceJson(files, 'boxes/model.json', (model) => {
      at(model.weightsManifest, 0).paths = ['../../secret.bin'];
    });
    const pack = await openPack(memoryWeights(spoilt));
    await expect(pack.readNetwork(pack.model('boxes'))).rejects.toThrow(WeightFormatError);
  });

  test('whose model.json names a file of another model is refused', async () => {
    const spoilt = replaceJson(files, 'boxes/model.json', (model) => {
      at(model.weightsManifest, 0).paths = ['other.bin'];
    });
    const pack = await openPack(memoryWeights(spoilt));
    await expect(pack.readNetwork(pack.model('boxes'))).rejects.toThrow(
      "boxes/model.json: 'boxes/other.bin' is not a file of 'boxes'",
    );
  });

  test.each([
    ['a larger shape', [4, 4], "boxes/model.json: tensor 'dense/bias': its shards are too short for [4]"],
    ['a smaller shape', [2, 4], 'its shards are longer than its tensors'],
  ])('with %s in model.json is refused, naming the tensor', async (_, shape, message) => {
    const spoilt = replaceJson(files, 'boxes/model.json', (model) => {
      at(at(model.weightsManifest, 0).weights, 0).shape = shape;
    });
    const pack = await openPack(memoryWeights(spoilt));
    await expect(pack.readNetwork(pack.model('boxes'))).rejects.toThrow(message);
  });

  test('with NaN among its weights is refused, naming the tensor', async () => {
    const weights = new Float32Array(new Uint8Array(files.get('boxes/weights.bin') as Uint8Array).buffer);
    weights[13] = Number.NaN;
    const pack = await openPack(memoryWeights(replaceFile(files, 'boxes/weights.bin', new Uint8Array(weights.buffer))));
    await expect(pack.readNetwork(pack.model('boxes'))).rejects.toThrow(
      "boxes/model.json: tensor 'dense/bias': element 1 is not a finite number",
    );
  });

  test.each([
    ['no scale', { min: -1 }, 'quantization.scale: '],
    ['a scale of 0', { min: -1, scale: 0 }, 'quantization.scale: '],
    ['a negative scale', { min: -1, scale: -0.1 }, 'quantization.scale: '],
    ['no min', { scale: 0.1 }, 'quantization.min: '],
    ['a min that is text', { min: '0', scale: 0.1 }, 'quantization.min: '],
    ['an infinite min', { min: Number.POSITIVE_INFINITY, scale: 0.1 }, 'quantization.min: '],
    ['values beyond float32', { min: 1e200, scale: 0.1 }, "tensor 'dense/kernel': element 0 is not a finite number"],
    ['another type', { dtype: 'uint16', min: 0, scale: 0.1 }, 'quantization.dtype: '],
  ])('with bytes that have %s is refused', async (_, quantization, message) => {
    const pack = await openPack(memoryWeights(withByteKernel(quantization, 12)));
    const error = await failure(() => pack.readNetwork(pack.model('boxes')));
    expect(error).toBeInstanceOf(WeightFormatError);
    expect(error?.message).toContain(message);
  });

  test.each([
    [11, "tensor 'dense/bias': its shards are too short for [4]"],
    [13, 'its shards are longer than its tensors'],
  ])('with %p bytes for a kernel of 12 is refused', async (byteCount, message) => {
    const pack = await openPack(memoryWeights(withByteKernel({ min: -1, scale: 0.1 }, byteCount)));
    await expect(pack.readNetwork(pack.model('boxes'))).rejects.toThrow(message);
  });

  test('reads bytes', async () => {
    const pack = await openPack(memoryWeights(withByteKernel({ min: -1, scale: 0.1 }, 12)));
    const { weightData } = await pack.readNetwork(pack.model('boxes'));
    const kernel = Float32Array.from({ length: 12 }, (_, byte) => byte * 0.1 - 1);
    expect(new Float32Array(weightData, 0, 12)).toEqual(kernel);
    expect(new Float32Array(weightData, 48)).toEqual(formulaValues(4, 10));
  });

  test.each([
    [{ format: 'graph-model' }, 'format: '],
    [{ modelTopology: undefined }, 'modelTopology: '],
    [
      { weightsManifest: [{ paths: ['weights.bin'], weights: [{ name: 'a', shape: [1], dtype: 'int32' }] }] },
      'dtype: ',
    ],
  ])('whose model.json has %j is refused', async (change, message) => {
    const spoilt = replaceJson(files, 'boxes/model.json', (model) => Object.assign(model, change));
    const pack = await openPack(memoryWeights(spoilt));
    await expect(pack.readNetwork(pack.model('boxes'))).rejects.toThrow(message);
  });

  test.each([
    ['<!doctype html>', 'pack.json: is a web page, not JSON'],
    ['{"formatVersion": 1', 'pack.json: is not JSON'],
    ['', 'pack.json: is not JSON'],
    ['[1]', 'got none'],
    ['null', 'got none'],
  ])('whose pack.json is %p is refused', async (text, message) => {
    const source = memoryWeights(new Map([['pack.json', new TextEncoder().encode(text)]]));
    await expect(openPack(source)).rejects.toThrow(message);
  });

  test('has no two models or files of one name, whatever the case', async () => {
    const twice = edit((manifest) => manifest.models.push({ ...at(manifest.models, 0), name: 'BOXES' }));
    expect((await failure(() => openManifest(twice)))?.message).toContain("two models are called 'BOXES'");
    const shared = edit((manifest) => at(manifest.models, 1).files.push(at(at(manifest.models, 0).files, 0)));
    expect((await failure(() => openManifest(shared)))?.message).toContain('two models have the file');
  });

  test('refers to what is there', async () => {
    const lost = edit((manifest) => {
      at(manifest.models, 1).normalization = 'other';
    });
    expect((await failure(() => openManifest(lost)))?.message).toContain("tiny: there is no normalization 'other'");
    const unlisted = edit((manifest) => {
      at(manifest.models, 0).path = 'boxes/other.json';
    });
    expect((await failure(() => openManifest(unlisted)))?.message).toContain('is not one of its files');
  });

  test.each(['boxes/model.json', 'shape/tensors.json'])(
    'never ends in anything but success or a typed error, however its %s is changed',
    async (path) => {
      const json = JSON.parse(new TextDecoder().decode(files.get(path))) as unknown;
      await fc.assert(
        fc.asyncProperty(fc.nat(), fc.jsonValue(), async (index, value) => {
          const bytes = new TextEncoder().encode(JSON.stringify(changeOne(json, index, value)));
          const error = await failure(async () => {
            const pack = await openPack(memoryWeights(replaceFile(files, path, bytes)));
            await pack.verify();
          });
          if (error !== undefined && !(error instanceof WeightFormatError)) throw error;
        }),
        { numRuns: 200 },
      );
    },
  );

  test('never ends in anything but success or a typed error, however its manifest is changed', async () => {
    const text = new TextDecoder().decode(files.get('pack.json'));
    const manifest = JSON.parse(text) as unknown;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.jsonValue(), async (index, value) => {
        const changed = JSON.stringify(changeOne(manifest, index, value));
        const source = memoryWeights(new Map([...files, ['pack.json', new TextEncoder().encode(changed)]]));
        const error = await failure(async () => (await openPack(source)).verify());
        const isTyped = error instanceof WeightFormatError || error instanceof WeightLoadError;
        if (error !== undefined && !isTyped) throw error;
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length - 1 }), fc.nat({ max: 255 }), async (index, byte) => {
        const changed = new TextEncoder().encode(text);
        changed[index] = byte;
        const source = memoryWeights(new Map([...files, ['pack.json', changed]]));
        const error = await failure(async () => (await openPack(source)).verify());
        const isTyped = error instanceof WeightFormatError || error instanceof WeightLoadError;
        if (error !== undefined && !isTyped) throw error;
      }),
      { numRuns: 300 },
    );
  });
});

type Mutable<T> = T extends object ? { -readonly [Key in keyof T]: Mutable<T[Key]> } : T;

type JsonObject = Record<string, unknown>;

/** The element at `index`, which must be there. */
function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new Error(`there is no element ${index}`);
  return element;
}

function readManifest(): PackManifest {
  return JSON.parse(new TextDecoder().decode(files.get('pack.json')));
}

function edit(change: (manifest: Mutable<PackManifest>) => void): unknown {
  const manifest = readManifest() as Mutable<PackManifest>;
  change(manifest);
  return manifest;
}

function openManifest(manifest: unknown) {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return openPack(memoryWeights(new Map([...files, ['pack.json', bytes]])));
}

/** The detector's kernel stored as the bytes 0, 1, 2 …, its bias as float32. */
function withByteKernel(quantization: object, byteCount: number): ReadonlyMap<string, Uint8Array> {
  const bytes = new Uint8Array(byteCount + 16);
  bytes.set(Uint8Array.from({ length: byteCount }, (_, i) => i));
  bytes.set(new Uint8Array(formulaValues(4, 10).buffer), byteCount);
  // JSON has no word for infinity, but a number that is beyond all.
  const text = JSON.stringify({ dtype: 'uint8', ...quantization }, (_, value) => (value === Infinity ? 'INF' : value));
  const stored = replaceJson(files, 'boxes/model.json', (model) => {
    Object.assign(at(at(model.weightsManifest, 0).weights, 0), { quantization: 'HERE' });
  });
  const json = new TextDecoder().decode(stored.get('boxes/model.json'));
  const model = json.replace('"HERE"', text.replace('"INF"', '1e999'));
  return replaceFiles(files, [
    ['boxes/model.json', new TextEncoder().encode(model)],
    ['boxes/weights.bin', bytes],
  ]);
}

/** The files with some changed, and the manifest made to agree. */
function replaceFiles(from: ReadonlyMap<string, Uint8Array>, changes: readonly (readonly [string, Uint8Array])[]) {
  const bytesOf = new Map(changes);
  const manifest = edit(({ models }) => {
    for (const file of models.flatMap((model) => model.files)) {
      const bytes = bytesOf.get(file.path);
      if (bytes === undefined) continue;
      file.bytes = bytes.length;
      file.sha256 = createHash('sha256').update(bytes).digest('hex');
    }
  });
  return new Map([...from, ...changes, ['pack.json', new TextEncoder().encode(JSON.stringify(manifest))] as const]);
}

function replaceFile(from: ReadonlyMap<string, Uint8Array>, path: string, bytes: Uint8Array) {
  return replaceFiles(from, [[path, bytes]]);
}

function replaceJson(from: ReadonlyMap<string, Uint8Array>, path: string, change: (json: LayersFile) => void) {
  const json = JSON.parse(new TextDecoder().decode(from.get(path)));
  change(json);
  return replaceFile(from, path, new TextEncoder().encode(JSON.stringify(json)));
}

/** `json` with its `index`-th value, counted from the outside in, replaced. */
function changeOne(json: unknown, index: number, value: unknown): unknown {
  const places: [JsonObject, string][] = [];
  const copy: JsonObject = { root: structuredClone(json) };
  const visit = (node: JsonObject) => {
    for (const key of Object.keys(node)) {
      places.push([node, key]);
      const child = node[key];
      if (typeof child === 'object' && child !== null) visit(child as JsonObject);
    }
  };
  visit(copy);
  const [node, key] = at(places, index % places.length);
  node[key] = value;
  return copy.root;
}

async function failure(action: () => Promise<unknown>): Promise<Error | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function readFolder(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const result = new Map<string, Uint8Array>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    result.set(relative(folder, path).replaceAll('\\', '/'), await readFile(path));
  }
  return result;
}
