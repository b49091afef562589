import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NamedTensor } from '../../converters/tensor.ts';
import { formulaFaceboxes, formulaRegressor } from '../../development/formula.ts';
import { formulaValues } from './small-pack.ts';
import { safetensorsFile } from './write-safetensors.ts';

export const FORMULA_VERTEX_COUNT = 70;

/**
 * The tensors of each 3DDFA_V2 file with its names and shapes, but small and made by formulas: for tests without the real files.
 * Formats are detected by content, so all can be written as safetensors under the original names.
 */
export function formulaUpstreamFiles(): Map<string, ReadonlyMap<string, NamedTensor>> {
  files ??= createFiles();
  return new Map(files);
}

let files: ReadonlyMap<string, ReadonlyMap<string, NamedTensor>> | undefined;

function createFiles(): Map<string, ReadonlyMap<string, NamedTensor>> {
  const vertices = FORMULA_VERTEX_COUNT;
  const rows = vertices * 3;
  const indices = (count: number, index: (i: number) => number) =>
    Int32Array.from({ length: count }, (_, i) => index(i));
  return new Map<string, ReadonlyMap<string, NamedTensor>>([
    ['weights/mb025_120x120.pth', formulaRegressor('mobilenet_v1_x0.25').stateDict],
    ['FaceBoxes/weights/FaceBoxesProd.pth', formulaFaceboxes().stateDict],
    [
      'configs/param_mean_std_62d_120x120.pkl',
      new Map([
        ['mean', { shape: [62], data: formulaValues(62, 1) }],
        ['std', { shape: [62], data: formulaValues(62, 2).map((value) => 1.5 + value) }],
      ]),
    ],
    [
      'configs/bfm_noneck_v3.pkl',
      new Map<string, NamedTensor>([
        ['u', { shape: [rows, 1], data: formulaValues(rows, 3).map((value) => value * 1e5) }],
        ['w_shp', { shape: [rows, 45], data: formulaValues(rows * 45, 4) }],
        ['w_exp', { shape: [rows, 12], data: formulaValues(rows * 12, 5) }],
        ['keypoints', { shape: [204], data: BigInt64Array.from({ length: 204 }, (_, i) => BigInt(i)) }],
        ['tri', { shape: [3, 2], data: indices(6, (i) => i) }],
      ]),
    ],
    ['configs/tri.pkl', new Map([['array', { shape: [3, 2], data: Int32Array.of(0, 3, 1, 4, 2, 5) }]])],
    [
      'configs/ncc_code.npy',
      new Map([['array', { shape: [3, vertices], data: formulaValues(rows, 6).map(Math.abs) }]]),
    ],
    ['configs/indices.npy', new Map([['array', { shape: [vertices], data: indices(vertices, (i) => 2 * i + 1) }]])],
    [
      'configs/BFM_UV.mat',
      new Map([
        ['UV', { shape: [vertices * 2, 2], data: Float64Array.from(formulaValues(vertices * 4, 7), Math.abs) }],
      ]),
    ],
  ]);
}

/** Writes files of `formulaUpstreamFiles`, or changed ones, into a folder. */
export async function writeUpstreamFiles(
  folder: string,
  files: ReadonlyMap<string, ReadonlyMap<string, NamedTensor>>,
): Promise<void> {
  for (const [path, tensors] of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, safetensorsFile(tensors));
  }
}
