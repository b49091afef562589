import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { type ConvertUpstreamOptions, convertUpstream } from '../../converters/convert-upstream.ts';
import { parseWeightFile } from '../../converters/read-weight-file.ts';
import type { NamedTensor } from '../../converters/tensor.ts';
import { writePack } from '../../converters/write-pack.ts';
import { formulaRegressor } from '../../development/formula.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { TddfaError } from '../../src/errors.ts';
import { loadFacePack } from '../../src/models/face-pack.ts';
import { formulaUpstreamFiles, writeUpstreamFiles } from '../support/formula-upstream.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();

/** Converts the small files, with some changed or (`undefined`) taken away. */
async function convert(
  name: string,
  changes: Readonly<Record<string, Record<string, NamedTensor> | undefined>> = {},
  options: ConvertUpstreamOptions = {},
) {
  const files: Map<string, ReadonlyMap<string, NamedTensor>> = formulaUpstreamFiles();
  for (const [path, tensors] of Object.entries(changes)) {
    if (tensors === undefined) files.delete(path);
    else files.set(path, new Map(Object.entries(tensors)));
  }
  await writeUpstreamFiles(temporary(name), files);
  return convertUpstream(temporary(name), options);
}

describe('convertUpstream', () => {
  test('makes a pack of which every part fits', async () => {
    const { pack, notices } = await convert('whole');
    expect(notices).toEqual([]);
    await writePack(temporary('whole-pack'), pack);
    const opened = await openPack(fileWeights(temporary('whole-pack')));
    await opened.verify();
    const { detector, regressor, morphableModel, faceMaps, licences } = await loadFacePack(opened);
    expect([detector?.name, regressor.name]).toEqual(['faceboxes', 'mb025']);
    expect(opened.model('mb025')).toMatchObject({
      architecture: 'mobilenet-v1',
      widthMultiplier: 0.25,
      outputCount: 62,
    });

    const files = formulaUpstreamFiles();
    const bfm = files.get('configs/bfm_noneck_v3.pkl');
    expect(morphableModel).toMatchObject({ vertexCount: 70, shapeCount: 40, expressionCount: 10 });
    expect(morphableModel?.meanShape).toEqual(bfm?.get('u')?.data);
    const shapes = bfm?.get('w_shp')?.data as Float32Array;
    expect(morphableModel?.shapeBasis.slice(40, 80)).toEqual(shapes.slice(45, 85));
    expect(morphableModel?.keypointIndices).toEqual(Uint32Array.from({ length: 204 }, (_, i) => i));

    // [3 x 2] of the corners 0, 1, 2 and 3, 4, 5, each turned over.
    expect(faceMaps?.triangles).toEqual(Uint32Array.of(2, 1, 0, 5, 4, 3));
    const codes = files.get('configs/ncc_code.npy')?.get('array')?.data as Float32Array;
    expect(faceMaps?.nccCodes.slice(3, 6)).toEqual(Float32Array.of(codes[1], codes[71], codes[141]));
    const uv = files.get('configs/BFM_UV.mat')?.get('UV')?.data as Float64Array;
    expect(faceMaps?.uvs.slice(4, 6)).toEqual(Float32Array.of(uv[10], uv[11]));
    expect(licences.map(({ model, name }) => [model, name])).toEqual([
      ['faceboxes', 'MIT'],
      ['mb025', 'MIT'],
      ['bfm', 'Basel Face Model 2009'],
      ['face-maps', 'Basel Face Model 2009'],
    ]);
  });

  test('keeps as many columns as it is told', async () => {
    const { pack } = await convert('columns', {}, { shapeCount: 45, expressionCount: 12 });
    const bfm = pack.models.find((model) => model.name === 'bfm');
    expect(bfm).toMatchObject({ shapeCount: 45, expressionCount: 12 });
    await expect(convert('columns', {}, { shapeCount: 46 })).rejects.toThrow(
      "configs/bfm_noneck_v3.pkl: tensor 'w_shp': has too few columns (expected at least 46, got 45)",
    );
  });

  test('converts what is there, and says what it leaves out', async () => {
    const onlyNetworks = await convert('networks', {
      'configs/bfm_noneck_v3.pkl': undefined,
      'configs/tri.pkl': undefined,
      'configs/BFM_UV.mat': undefined,
    });
    expect(onlyNetworks.pack.models.map((model) => model.name)).toEqual(['faceboxes', 'mb025', 'param-mean-std-62d']);
    expect(onlyNetworks.notices).toEqual([
      'triangles, NCC codes and texture coordinates omitted: missing tri.pkl, BFM_UV.mat',
    ]);
    await mkdir(temporary('empty/weights'), { recursive: true });
    await expect(convertUpstream(temporary('empty'))).rejects.toThrow('no 3DDFA_V2 files found');
    await expect(convertUpstream(temporary('nowhere'))).rejects.toThrow(TddfaError);
  });

  test('takes a file twice only once', async () => {
    const { stateDict } = formulaRegressor('mobilenet_v1_x0.25');
    const twin = await convert('twins', { 'weights/mb025_120x120.zip.pth': Object.fromEntries(stateDict) });
    expect(twin.notices).toEqual([
      'weights/mb025_120x120.zip.pth: skipped, it contains the same tensors as weights/mb025_120x120.pth',
    ]);
    const other = formulaRegressor('mobilenet_v1_x0.5').stateDict;
    await expect(convert('twins', { 'weights/mb025_120x120.zip.pth': Object.fromEntries(other) })).rejects.toThrow(
      "would both be called 'mb025'",
    );
  });

  test('reads gzipped files, and the plain one where there are both', async () => {
    await writeUpstreamFiles(temporary('gzip'), formulaUpstreamFiles());
    const file = temporary('gzip/configs/bfm_noneck_v3.pkl');
    const plain = await readFile(file);
    await writeFile(`${file}.gz`, 'not gzip');
    expect((await convertUpstream(temporary('gzip'))).pack.models).toHaveLength(5);
    await writeFile(`${file}.gz`, gzipSync(plain));
    await rm(file);
    const { pack } = await convertUpstream(temporary('gzip'));
    expect(pack.models.find((model) => model.name === 'bfm')?.source.description).toBe(
      '3DDFA_V2, configs/bfm_noneck_v3.pkl.gz',
    );
  });

  test('stops when the signal says so', async () => {
    await expect(convert('stopped', {}, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });

  test.each<[string, string, Record<string, NamedTensor> | undefined, string]>([
    [
      'no mean and deviation',
      'configs/param_mean_std_62d_120x120.pkl',
      undefined,
      'weights/mb025_120x120.pth needs it',
    ],
    [
      'no deviation',
      'configs/param_mean_std_62d_120x120.pkl',
      { mean: { shape: [62], data: new Float32Array(62) } },
      "has no array 'std' (expected arrays 'mean' and 'std' of a regressor's outputs, got 'mean')",
    ],
    [
      'NaN in the mean',
      'configs/param_mean_std_62d_120x120.pkl',
      { mean: { shape: [1], data: Float32Array.of(Number.NaN) }, std: { shape: [1], data: Float32Array.of(1) } },
      "tensor 'mean': element 0 is not a finite number",
    ],
    [
      'a mean shape in another shape',
      'configs/bfm_noneck_v3.pkl',
      { u: { shape: [3, 70], data: new Float32Array(210) } },
      "configs/bfm_noneck_v3.pkl: tensor 'u': has the wrong shape (expected [?, 1], got [3, 70])",
    ],
    [
      'an index beyond the vertices',
      'configs/tri.pkl',
      { array: { shape: [3, 1], data: Int32Array.of(0, 70, 1) } },
      "configs/tri.pkl: tensor 'array': has an invalid index at 1 (expected 0 … 69, got 70)",
    ],
    [
      'a negative index',
      'configs/indices.npy',
      { array: { shape: [70], data: new Int32Array(70).fill(-1) } },
      "configs/indices.npy: tensor 'array': has an invalid index at 0 (expected 0 … 139, got -1)",
    ],
    [
      'indices of another model',
      'configs/indices.npy',
      { array: { shape: [69], data: new Int32Array(69) } },
      "configs/indices.npy: tensor 'array': has the wrong shape (expected [70], got [69])",
    ],
    [
      'a value beyond float32',
      'configs/BFM_UV.mat',
      { UV: { shape: [140, 2], data: new Float64Array(280).fill(1e300) } },
      "configs/BFM_UV.mat: tensor 'UV': element 0 is not a finite number",
    ],
    [
      'a network that is none',
      'weights/mb025_120x120.pth',
      { a: { shape: [1], data: new Float32Array(1) } },
      'weights/mb025_120x120.pth: the network is not recognised',
    ],
  ])('refuses %s', async (name, path, tensors, message) => {
    const converting = convert(name.replaceAll(' ', '-'), { [path]: tensors });
    await expect(converting).rejects.toThrow(TddfaError);
    await expect(converting).rejects.toThrow(message);
  });
});

describeWithShared('the pack of the upstream files', () => {
  test('is whole and holds every model', async () => {
    const pack = await openPack(fileWeights(await upstreamPack()));
    await pack.verify();
    expect(pack.manifest.models.map(({ name, role }) => [name, role])).toEqual([
      ['faceboxes', 'detector'],
      ['mb05', 'regressor'],
      ['param-mean-std-62d', 'normalization'],
      ['bfm', 'morphable-model'],
      ['face-maps', 'face-maps'],
    ]);
  });

  test('holds the numbers of the morphable model and of the maps', async () => {
    const { morphableModel, faceMaps, regressor } = await loadFacePack(
      await openPack(fileWeights(await upstreamPack())),
    );
    if (morphableModel === undefined || faceMaps === undefined) throw new Error('incomplete');
    const read = async (name: string) => parseWeightFile(await readFile(sharedPath('upstream/configs', name)), name);
    const bfm = await read('bfm_noneck_v3.pkl.gz');
    expect(morphableModel.vertexCount).toBe(38365);
    expect(haveSameBytes(morphableModel.meanShape, bfm.get('u')?.data)).toBe(true);
    expect(haveSameBytes(morphableModel.shapeBasis, bfm.get('w_shp')?.data)).toBe(true);
    expect(haveSameBytes(morphableModel.expressionBasis, bfm.get('w_exp')?.data)).toBe(true);
    expect([...morphableModel.keypointIndices]).toEqual([...(bfm.get('keypoints')?.data ?? [])].map(Number));
    // The one landmark whose z is another vertex's.
    expect(morphableModel.keypointIndices[134]).toBe(36263);

    const normalization = await read('param_mean_std_62d_120x120.pkl');
    expect(regressor.mean).toEqual(normalization.get('mean')?.data);
    expect(regressor.std).toEqual(normalization.get('std')?.data);

    const tri = (await read('tri.pkl')).get('array')?.data ?? [];
    const triangleCount = 76073;
    expect(faceMaps.triangles).toHaveLength(triangleCount * 3);
    for (const i of [0, 1, 40000, triangleCount - 1]) {
      // Turned over: the original's first index is the last.
      const expected = [2, 1, 0].map((corner) => Number(tri[corner * triangleCount + i]));
      expect([...faceMaps.triangles.subarray(i * 3, i * 3 + 3)]).toEqual(expected);
    }
    const ncc = (await read('ncc_code.npy')).get('array')?.data ?? [];
    for (const i of [0, 20000, 38364]) {
      const expected = [0, 1, 2].map((axis) => Number(ncc[axis * 38365 + i]));
      expect([...faceMaps.nccCodes.subarray(i * 3, i * 3 + 3)]).toEqual(expected);
    }
    const uv = (await read('BFM_UV.mat')).get('UV')?.data ?? [];
    const kept = (await read('indices.npy')).get('array')?.data ?? [];
    for (const i of [0, 20000, 38364]) {
      const row = Number(kept[i]);
      const expected = [0, 1].map((axis) => Math.fround(Number(uv[row * 2 + axis])));
      expect([...faceMaps.uvs.subarray(i * 2, i * 2 + 2)]).toEqual(expected);
    }
  });
});

/** Jest's own comparison takes seconds for millions of numbers. */
function haveSameBytes(actual: Float32Array, expected: ArrayBufferView | undefined): boolean {
  if (!(expected instanceof Float32Array)) return false;
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(actual).equals(bytes(expected));
}
