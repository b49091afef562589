import { beforeAll, describe, expect, test } from '@jest/globals';
import { type NewModel, type NewTensors, writePack } from '../../converters/write-pack.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { WeightFormatError } from '../../src/errors.ts';
import { loadFacePack } from '../../src/models/face-pack.ts';
import {
  formulaValues,
  smallCoarseMaps,
  smallFaceMaps,
  smallMorphableModel,
  smallNetwork,
  smallPack,
  smallRegressor,
} from '../support/small-pack.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();
let packCount = 0;

/** Writes and opens a pack of these models. */
async function packOf(models: readonly NewModel[]) {
  const folder = temporary(`pack-${packCount++}`);
  await writePack(folder, { name: 'test', description: 'For a test', models });
  return openPack(fileWeights(folder));
}

describe('loadFacePack', () => {
  let whole: Awaited<ReturnType<typeof loadFacePack>>;

  beforeAll(async () => {
    whole = await loadFacePack(await packOf(smallPack().models));
  });

  test('gives every part', () => {
    expect(whole.name).toBe('test');
    expect(whole.detector).toEqual({ name: 'boxes', network: smallNetwork(32, 4, 9), options: {} });
    expect(whole.regressor).toEqual({
      name: 'tiny',
      network: smallNetwork(120, 62, 1),
      inputSize: 120,
      mean: formulaValues(62, 3),
      std: formulaValues(62, 4).map((value) => 1.5 + value),
      layout: { shapeCount: 40, expressionCount: 10 },
    });
    expect(whole.faceMaps?.triangles.slice(0, 6)).toEqual(Uint32Array.of(0, 1, 2, 1, 2, 3));
    expect(whole.faceMaps?.regions).toEqual({ nose: Uint32Array.of(3, 4, 5) });
    expect(whole.faceMaps).not.toHaveProperty('uvTriangles');
    expect(whole.licences).toEqual(['boxes', 'tiny', 'shape', 'maps'].map((model) => ({ model, name: 'CC0-1.0' })));
  });

  test('gives what its detector is best used with', async () => {
    const models = smallPack().models.map((model) =>
      model.role === 'detector' ? { ...model, maxEnlargement: 1.75 } : model,
    );
    expect((await loadFacePack(await packOf(models))).detector?.options).toEqual({ maxEnlargement: 1.75 });
  });

  test('keeps as many columns of the morphable model as the regressor has outputs for', () => {
    const { morphableModel } = whole;
    expect(morphableModel).toMatchObject({ vertexCount: 70, shapeCount: 40, expressionCount: 10 });
    const stored = formulaValues(210 * 41, 5);
    for (const row of [0, 1, 209]) {
      expect(morphableModel?.shapeBasis.slice(row * 40, row * 40 + 40)).toEqual(stored.slice(row * 41, row * 41 + 40));
    }
    expect(morphableModel?.expressionBasis).toEqual(formulaValues(210 * 10, 6));
  });

  test('does without detector, morphable model and maps', async () => {
    const pack = await loadFacePack(await packOf(smallRegressor('only')));
    expect(Object.keys(pack).sort()).toEqual(['licences', 'name', 'regressor', 'regressors']);
  });

  test('takes maps without a morphable model as they are', async () => {
    const models = smallPack().models.filter(({ role }) => role === 'face-maps');
    const { faceMaps, morphableModel } = await loadFacePack(await packOf([...smallRegressor('only'), ...models]));
    expect(morphableModel).toBeUndefined();
    expect(faceMaps).toEqual(whole.faceMaps);
  });

  test('takes mb1, or the first regressor, or the one that is named', async () => {
    const first = await packOf([...smallRegressor('zebra', 1), ...smallRegressor('ape', 2)]);
    expect((await loadFacePack(first)).regressor.name).toBe('zebra');
    expect((await loadFacePack(first, { regressor: 'ape' })).regressor.network).toEqual(smallNetwork(120, 62, 2));
    const preferred = await packOf([...smallRegressor('mb05', 1), ...smallRegressor('mb1', 2)]);
    expect((await loadFacePack(preferred)).regressor.name).toBe('mb1');
  });

  test('takes a name without what comes before it, where only one regressor ends in it', async () => {
    const pack = await packOf(['a-mb05', 'a-mb1', 'b-mb1', 'c-b-mb1'].flatMap((name) => smallRegressor(name)));
    const chosen = async (regressor: string) => (await loadFacePack(pack, { regressor })).regressor.name;
    expect(await chosen('mb05')).toBe('a-mb05');
    // The whole name comes first.
    expect(await chosen('b-mb1')).toBe('b-mb1');
    for (const name of ['mb1', '05', 'a', '']) await expect(chosen(name)).rejects.toThrow(`has no regressor '${name}'`);
    // What is taken where none is named is called just that.
    expect((await loadFacePack(pack)).regressor.name).toBe('a-mb05');
  });

  test('names the regressors there are', async () => {
    const pack = await packOf([...smallRegressor('zebra'), ...smallRegressor('ape')]);
    await expect(loadFacePack(pack, { regressor: 'mb1' })).rejects.toThrow(
      new RangeError(`${pack.describe()} has no regressor 'mb1', only zebra, ape`),
    );
    await expect(loadFacePack(await packOf([smallMorphableModel()]))).rejects.toThrow('has no regressor');
  });

  test('names expressions, and as many as there are', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `expression ${i}`);
    const shape = { ...smallMorphableModel(), expressionNames: names };
    const named = await loadFacePack(await packOf([...smallRegressor('r'), shape]));
    expect(named.morphableModel?.expressionNames).toEqual(names);
    const short = await packOf([...smallRegressor('r'), { ...shape, expressionNames: names.slice(1) }]);
    await expect(loadFacePack(short)).rejects.toThrow('(expected 10 expressionNames, got 9)');
  });

  test('takes texture triangles where a vertex has several coordinates', async () => {
    const uvTriangles = Uint32Array.from({ length: 204 }, (_, i) => i % 80);
    const maps = change(smallFaceMaps(), {
      uvs: { shape: [80, 2], data: formulaValues(160, 1).map(Math.abs) },
      uvTriangles: { shape: [68, 3], data: uvTriangles },
    });
    const pack = await loadFacePack(await packOf([...smallRegressor('r'), smallMorphableModel(), maps]));
    expect(pack.faceMaps?.uvTriangles).toEqual(uvTriangles);
    expect(pack.faceMaps?.uvs).toHaveLength(160);
  });

  test.each<[string, NewModel[], string]>([
    [
      'a mean of another length',
      replaceTensor('r-normalization', { mean: { shape: [61], data: new Float32Array(61) } }),
      "r-normalization/tensors.json: tensor 'mean': does not fit (expected [62], got [61])",
    ],
    [
      'no deviation',
      replaceTensor('r-normalization', { std: undefined }),
      "tensor 'std': does not fit (expected float32, got nothing)",
    ],
    [
      'a basis of other rows',
      replaceTensor('shape', { expressionBasis: { shape: [209, 10], data: new Float32Array(2090) } }),
      "tensor 'expressionBasis': does not fit (expected [210, ?], got [209, 10])",
    ],
    [
      'a mean shape that is no vertices',
      replaceTensor('shape', { meanShape: { shape: [211], data: new Float32Array(211) } }),
      "tensor 'meanShape': does not fit (expected a multiple of 3 values, got 211)",
    ],
    [
      'indices of the wrong type',
      replaceTensor('shape', { keypointIndices: { shape: [204], data: new Float32Array(204) } }),
      "tensor 'keypointIndices': does not fit (expected uint32, got Float32Array)",
    ],
    [
      'a landmark beyond the vertices',
      replaceTensor('shape', { keypointIndices: { shape: [204], data: new Uint32Array(204).fill(210) } }),
      "tensor 'keypointIndices': does not fit (expected indices below 210, got 210 at 0)",
    ],
    [
      'a triangle beyond the vertices',
      replaceTensor('maps', { triangles: { shape: [1, 3], data: Uint32Array.of(0, 70, 1) } }),
      "tensor 'triangles': does not fit (expected indices below 70, got 70 at 1)",
    ],
    [
      'too few texture coordinates',
      replaceTensor('maps', { uvs: { shape: [69, 2], data: new Float32Array(138) } }),
      "tensor 'uvs': does not fit (expected [70, 2], one for each vertex, got [69, 2])",
    ],
    [
      'maps of another model',
      replaceTensor('maps', {
        nccCodes: { shape: [71, 3], data: new Float32Array(213) },
        uvs: { shape: [71, 2], data: new Float32Array(142) },
      }),
      "maps/tensors.json: tensor 'nccCodes': does not fit the morphable model (expected [70, 3], got [71, 3])",
    ],
    [
      'too few columns',
      replaceTensor('shape', { shapeBasis: { shape: [210, 39], data: new Float32Array(210 * 39) } }),
      "'shape' has too few columns for the regressor (expected at least 40 of shape and 10 of expression, got 39 and 10)",
    ],
    [
      'lids of a model whose expressions shut no eye',
      replaceTensor('shape', { lidGaps: { shape: [2, 52], data: new Float32Array(104) } }),
      "tensor 'lidGaps': does not fit (expected expressionNames with eyeBlinkLeft and eyeBlinkRight, got others)",
    ],
    [
      'outputs that do not add up',
      wholePack().map((model) => (model.name === 'r' ? { ...model, shapeCount: 41 } : model)),
      "regressor 'r': its outputs are not camera, shape and expression (expected outputCount 12 + 41 + 10, got 62)",
    ],
    [
      'a regressor without its facts',
      wholePack().map((model) => (model.name === 'r' ? without(model, 'inputSize') : model)),
      "regressor 'r' lacks a key",
    ],
  ])('refuses %s', async (_, models, message) => {
    const loading = loadFacePack(await packOf(models));
    await expect(loading).rejects.toThrow(WeightFormatError);
    await expect(loading).rejects.toThrow(message);
  });
});

function wholePack(): NewModel[] {
  return [...smallRegressor('r'), smallMorphableModel(), smallFaceMaps()];
}

type Tensors =
  NewTensors['tensors'] extends ReadonlyMap<string, infer Tensor> ? Record<string, Tensor | undefined> : never;

/** A whole pack in which a model has other tensors; `undefined` takes one away. */
function replaceTensor(name: string, tensors: Tensors): NewModel[] {
  return wholePack().map((model) => (model.name === name ? change(model, tensors) : model));
}

function change(model: NewModel, tensors: Tensors): NewModel {
  if (!('tensors' in model)) throw new Error(`${model.name} has no tensors`);
  const changed = new Map(model.tensors);
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor === undefined) changed.delete(name);
    else changed.set(name, tensor);
  }
  return { ...model, tensors: changed };
}

function without(model: NewModel, key: keyof NewModel): NewModel {
  return Object.fromEntries(Object.entries(model).filter(([name]) => name !== key)) as unknown as NewModel;
}

describe('a model over a coarse mesh', () => {
  const models = (maps = smallCoarseMaps()): NewModel[] => [...smallRegressor('tiny'), smallMorphableModel(), maps];

  test('is subdivided once when it is read, landmarks where they were', async () => {
    const { morphableModel, faceMaps } = await loadFacePack(await packOf(models()));
    // 70 vertices, 123 edges, 54 quads.
    expect(morphableModel?.vertexCount).toBe(247);
    expect(faceMaps?.triangles).toHaveLength(3 * 2 * 4 * 54);
    expect(faceMaps?.uvTriangles).toHaveLength(3 * 2 * 4 * 54);
    expect(faceMaps?.nccCodes).toHaveLength(3 * 247);
    expect(faceMaps?.regions?.nose).toHaveLength(9);
    const coarse = await loadFacePack(await packOf(models()), { subdivisions: 0 });
    expect(coarse.morphableModel?.vertexCount).toBe(70);
    expect(coarse.morphableModel?.keypointIndices).toEqual(morphableModel?.keypointIndices);
  });

  test.each([2, 3])('is subdivided %p times where that is wanted', async (subdivisions) => {
    const { morphableModel, faceMaps } = await loadFacePack(await packOf(models()), { subdivisions });
    expect(faceMaps?.triangles).toHaveLength(3 * 2 * 54 * 4 ** subdivisions);
    expect(morphableModel?.meanShape).toHaveLength(3 * (morphableModel?.vertexCount ?? 0));
  });

  test('refuses quads that do not fit', async () => {
    const other = (quads: number[]): NewModel => {
      const maps = smallCoarseMaps() as NewModel & NewTensors;
      const corners = { shape: [quads.length / 4, 4], data: Uint32Array.from(quads) };
      return { ...maps, tensors: new Map([...maps.tensors, ['quads', corners], ['uvQuads', corners]]) };
    };
    const fewer = other([0, 1, 8, 7]);
    await expect(packOf(models(fewer)).then((pack) => loadFacePack(pack))).rejects.toThrow(WeightFormatError);
    const folded = other([0, 1, 8, 7, 0, 1, 69, 3, 0, 1, 4, 5]);
    await expect(packOf(models(folded)).then((pack) => loadFacePack(pack))).rejects.toThrow(/more than two quads/);
    await expect(packOf(models()).then((pack) => loadFacePack(pack, { subdivisions: 5 }))).rejects.toThrow(RangeError);
  });
});
