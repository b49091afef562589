import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import { readWeightFile } from '../../converters/read-weight-file.ts';
import { BARE_ARRAY_NAME, type NamedTensor, type StateDict } from '../../converters/tensor.ts';
import { describeWithShared, sharedPath } from '../support/shared.ts';
import { type SampleName, sample } from './samples.ts';

const upstream = (name: string): Promise<StateDict> => readWeightFile(sharedPath('upstream', name));

function tensorOf(tensors: StateDict, name: string): NamedTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor '${name}' among ${[...tensors.keys()]}`);
  return tensor;
}

function shapesOf(tensors: StateDict): Record<string, readonly number[]> {
  return Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
}

describeWithShared("the original's files", () => {
  test('FaceBoxesProd.pth', async () => {
    const tensors = await upstream('weights/FaceBoxesProd.pth');
    expect(tensors.size).toBe(174);
    let trainable = 0;
    for (const [name, { data }] of tensors) {
      if (!/running_(mean|var)$|num_batches_tracked$/.test(name)) trainable += data.length;
    }
    expect(trainable).toBe(1_007_330);
    expect([...tensors.keys()].slice(0, 2)).toEqual(['conv1.conv.weight', 'conv1.bn.weight']);
    expect(tensorOf(tensors, 'conv1.conv.weight').shape).toEqual([24, 3, 7, 7]);
  });

  test('mb05_120x120.pth, legacy and zip, are the same element for element', async () => {
    const legacy = await upstream('weights/mb05_120x120.pth');
    const zip = await upstream('weights/mb05_120x120.zip.pth');
    expect([...zip.keys()]).toEqual([...legacy.keys()]);
    for (const [name, { shape, data }] of legacy) {
      expect(tensorOf(zip, name).shape).toEqual(shape);
      expect(Buffer.from(tensorOf(zip, name).data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
    }
    expect(tensorOf(legacy, 'module.conv1.weight').shape).toEqual([16, 3, 3, 3]);
    expect(tensorOf(legacy, 'module.fc_param.weight').shape).toEqual([62, 512]);
    expect(tensorOf(legacy, 'module.fc_lm.weight').shape).toEqual([136, 512]);
    expect(tensorOf(legacy, 'module.bn1.num_batches_tracked').data).toBeInstanceOf(BigInt64Array);
  });

  test('tri.pkl is in Fortran order', async () => {
    const { shape, data } = tensorOf(await upstream('configs/tri.pkl'), BARE_ARRAY_NAME);
    expect(shape).toEqual([3, 76_073]);
    // The first triangle as the file's first three numbers have it.
    expect([data[0], data[76_073], data[2 * 76_073]]).toEqual([0, 130, 1]);
    let largest = 0;
    for (const index of data as Int32Array) largest = Math.max(largest, index);
    expect(largest).toBe(38_364);
  });

  test('ncc_code.npy is in Fortran order, each row 0..1', async () => {
    const { shape, data } = tensorOf(await upstream('configs/ncc_code.npy'), BARE_ARRAY_NAME);
    expect(shape).toEqual([3, 38_365]);
    for (let row = 0; row < 3; row++) {
      const values = (data as Float32Array).subarray(row * 38_365, (row + 1) * 38_365);
      expect(values.reduce((a, b) => Math.min(a, b))).toBe(0);
      expect(values.reduce((a, b) => Math.max(a, b))).toBe(1);
    }
  });

  test('indices.npy', async () => {
    const { shape, data } = tensorOf(await upstream('configs/indices.npy'), BARE_ARRAY_NAME);
    expect(shape).toEqual([38_365]);
    const indices = data as Int32Array;
    expect(indices.every((index, i) => i === 0 || index > indices[i - 1])).toBe(true);
    expect(indices.at(-1)).toBe(53_161);
  });

  test('BFM_UV.mat', async () => {
    const { shape, data } = tensorOf(await upstream('configs/BFM_UV.mat'), 'UV');
    expect(shape).toEqual([53_215, 2]);
    expect(data).toBeInstanceOf(Float64Array);
    // Of the rows that `indices.npy` keeps, x covers 0..1 and y 0.17137..1.
    const { data: indices } = tensorOf(await upstream('configs/indices.npy'), BARE_ARRAY_NAME);
    const column = (axis: number) => Array.from(indices as Int32Array, (row) => data[2 * row + axis] as number);
    expect(
      [0, 1].map((axis) =>
        column(axis)
          .reduce((a, b) => Math.min(a, b))
          .toFixed(5),
      ),
    ).toEqual(['0.00000', '0.17137']);
    expect(
      [0, 1].map((axis) =>
        column(axis)
          .reduce((a, b) => Math.max(a, b))
          .toFixed(5),
      ),
    ).toEqual(['1.00000', '1.00000']);
  });

  test('bfm_noneck_v3.pkl.gz', async () => {
    const tensors = await upstream('configs/bfm_noneck_v3.pkl.gz');
    expect(shapesOf(tensors)).toMatchObject({
      u: [115_095, 1],
      w_shp: [115_095, 40],
      w_exp: [115_095, 10],
      keypoints: [204],
    });
    expect(Number(tensorOf(tensors, 'keypoints').data[134])).toBe(36_263);
  });

  test('bfm_68_landmarks.npz holds the rows of bfm_noneck_v3 at its keypoints', async () => {
    const sparse = await upstream('configs/bfm_68_landmarks.npz');
    const dense = await upstream('configs/bfm_noneck_v3.pkl.gz');
    expect(shapesOf(sparse)).toEqual({ u_base: [204], w_shp_base: [204, 40], w_exp_base: [204, 10] });
    const keypoints = Array.from(tensorOf(dense, 'keypoints').data, Number);
    const shapeBasis = tensorOf(dense, 'w_shp').data;
    const rows = keypoints.flatMap((row) => [...(shapeBasis.slice(row * 40, row * 40 + 40) as Float32Array)]);
    expect(rows).toEqual([...(tensorOf(sparse, 'w_shp_base').data as Float32Array)]);
  });

  test('param_mean_std_62d_120x120.pkl', async () => {
    const tensors = await upstream('configs/param_mean_std_62d_120x120.pkl');
    expect(shapesOf(tensors)).toEqual({ mean: [62], std: [62] });
    const { data } = tensorOf(tensors, 'mean');
    expect([data[3], data[7], data[11]].map((value) => Number(value).toFixed(3))).toEqual([
      '60.168',
      '74.278',
      '-66.672',
    ]);
  });
});

describe('readWeightFile', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tddfa-weights-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function write(name: string, bytes: Uint8Array | string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  }

  test('tells the format by the content, whatever the name', async () => {
    const names: SampleName[] = ['torchLegacy', 'torchZip', 'numpy1Protocol0', 'numpy1Protocol1', 'numpy2Protocol5'];
    names.push('npyVersion1', 'npz', 'matPlain', 'safetensors');
    for (const name of names) {
      const plain = await readWeightFile(await write('weights.txt', sample(name)));
      const gzipped = await readWeightFile(await write('weights.bin', gzipSync(sample(name))));
      expect(plain.size).toBeGreaterThan(0);
      expect(gzipped).toEqual(plain);
    }
  });

  test('says which file is not there, or is none', async () => {
    const missing = join(folder, 'missing.pth');
    await expect(readWeightFile(missing)).rejects.toThrow(
      expect.objectContaining({ name: 'WeightLoadError', message: `cannot load ${missing}: there is no such file` }),
    );
    await expect(readWeightFile(folder)).rejects.toThrow(
      expect.objectContaining({ name: 'WeightLoadError', file: folder }),
    );
  });

  test.each([
    ['an empty file', '', /not a weight file.*got an empty file/],
    ['text', 'arch: mobilenet\n', /not a weight file.*begin with "arch: mobilenet/],
    ['HDF5', '\x89HDF\r\n\x1a\n', /HDF5/],
    ['a checkpoint of before 0.1.10', `${'\0'.repeat(257)}ustar`, /tar archive/],
    [
      'a zip of something else',
      zipSync({ 'readme.txt': Buffer.from('hello') }),
      /neither a torch checkpoint nor an \.npz/,
    ],
    ['a gzip bomb', gzipSync(Buffer.alloc(70_000_000), { level: 9 }), /gzip stream does not decompress/],
    ['a gzip within a gzip', gzipSync(gzipSync(sample('npz'))), /not a weight file/],
    ['a gzip cut off', gzipSync(sample('npz')).subarray(0, 100), /gzip stream does not decompress/],
    ['a pickle that names os.system', "cos\nsystem\n(S'id'\ntR.", /'os\.system'/],
  ])('refuses %s', async (_what, content, message) => {
    const path = await write('refused', typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
    const refusal = readWeightFile(path);
    await expect(refusal).rejects.toThrow(expect.objectContaining({ name: 'WeightFormatError', file: path }));
    await expect(refusal).rejects.toThrow(message);
  });
});
