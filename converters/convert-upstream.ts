import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackLicence } from '../src/engine/weights/pack-manifest.ts';
import { TddfaError, WeightFormatError, WeightLoadError } from '../src/errors.ts';
import type { Conversion } from './conversion.ts';
import { type ModelOrigin, networkModel, normalizationModel } from './convert-regressor.ts';
import { readWeightFile } from './read-weight-file.ts';
import { BARE_ARRAY_NAME, type NamedTensor, type StateDict } from './tensor.ts';
import { firstColumns, takeTensor, toFloat32, toIndices, transposeTriples } from './tensor-values.ts';
import type { NewModel } from './write-pack.ts';

/** Where the original keeps its checkpoints, relative to its root. */
const CHECKPOINT_FOLDERS = ['weights', 'FaceBoxes/weights'];

const CONFIG_FOLDER = 'configs';

/** Files required for the face maps. */
const MAP_FILES = ['tri.pkl', 'ncc_code.npy', 'indices.npy', 'BFM_UV.mat'] as const;

const PROJECT_URL = 'https://github.com/cleardusk/3DDFA_V2';

const MIT: PackLicence = { name: 'MIT', url: `${PROJECT_URL}/blob/master/LICENSE` };

/** Covers the morphable model and everything computed from it. */
export const BFM_LICENCE: PackLicence = {
  name: 'Basel Face Model 2009',
  url: 'https://faces.dmi.unibas.ch/bfm/',
  notice:
    'The Basel Face Model is for academic research only: no commercial use and no redistribution. ' +
    'Its owner is the University of Basel.',
};

export interface ConvertUpstreamOptions {
  /** Number of columns of the shape basis to keep. */
  readonly shapeCount?: number | undefined;
  /** Number of columns of the expression basis to keep. */
  readonly expressionCount?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called before each file. */
  readonly onFile?: ((file: string) => void) | undefined;
}

/** The number of parameters output by the original's networks. */
export const CONVERT_UPSTREAM_DEFAULTS = { shapeCount: 40, expressionCount: 10 } as const;

/**
 * Converts a folder with the files of 3DDFA_V2, in its layout: `weights/*.pth` (and `FaceBoxes/weights/*.pth`), `configs/*`.
 * Any of them may be missing; any may be gzipped (`.gz` after the name).
 *
 * Networks are named after their files without the input size: `mb1_120x120.pth` becomes `mb1`. The FaceBoxes
 * checkpoint becomes `faceboxes`. The bases of the morphable model keep their first columns, which matter most.
 * @throws TddfaError if the folder contains no known file, WeightLoadError, WeightFormatError.
 * @see TDDFA.py, bfm/bfm.py, utils/uv.py, utils/pncc.py (3DDFA_V2 1b6c676)
 */
export async function convertUpstream(folder: string, options: ConvertUpstreamOptions = {}): Promise<Conversion> {
  const notices: string[] = [];
  const read = async (file: string): Promise<StateDict> => {
    options.signal?.throwIfAborted();
    options.onFile?.(file);
    return readWeightFile(join(folder, file));
  };
  const configs = await filesOf(folder, CONFIG_FOLDER);
  const normalizations = await convertNormalizations(configs, read);
  const networks = await convertCheckpoints(folder, normalizations, read, notices);
  const models = [
    ...networks,
    ...normalizations,
    ...(await convertMorphableModel(configs, read, options)),
    ...(await convertMaps(configs, read, notices)),
  ];
  if (models.length === 0) {
    throw new TddfaError(`${folder}: no 3DDFA_V2 files found (weights/*.pth, configs/bfm_noneck_v3.pkl, …)`);
  }
  const description = 'Weights of 3DDFA_V2 (Guo et al., ECCV 2020), converted from its files';
  return { pack: { name: '3ddfa-v2', description, models }, notices };
}

type ReadFile = (file: string) => Promise<StateDict>;

/** Paths of files by their names without `.gz`. */
type FileList = ReadonlyMap<string, string>;

async function filesOf(folder: string, subfolder: string): Promise<FileList> {
  let names: string[];
  try {
    names = await readdir(join(folder, subfolder));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return new Map();
    throw new WeightLoadError(join(folder, subfolder), (error as Error).message, { cause: error });
  }
  // Sorted in reverse, so that of `x` and `x.gz` the plain one is set last and kept.
  const sorted = names.sort().reverse();
  return new Map(sorted.map((name) => [name.replace(/\.gz$/, ''), `${subfolder}/${name}`]));
}

function origin(file: string, licence: PackLicence): ModelOrigin {
  return { licence, source: { description: `3DDFA_V2, ${file}`, url: PROJECT_URL } };
}

async function convertNormalizations(configs: FileList, read: ReadFile): Promise<NewModel[]> {
  const models: NewModel[] = [];
  for (const [name, file] of configs) {
    const stem = /^(param_mean_std.*)\.pkl$/.exec(name)?.[1];
    if (stem === undefined) continue;
    const modelName = withoutInputSize(stem).replaceAll('_', '-');
    models.push(normalizationModel(modelName, await read(file), file, origin(file, MIT)));
  }
  return models;
}

async function convertCheckpoints(
  folder: string,
  normalizations: readonly NewModel[],
  read: ReadFile,
  notices: string[],
): Promise<NewModel[]> {
  const converted = new Map<string, { file: string; stateDict: StateDict; model: NewModel }>();
  const files: [string, string][] = [];
  for (const subfolder of CHECKPOINT_FOLDERS) files.push(...(await filesOf(folder, subfolder)));
  for (const [fileName, file] of files.sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!fileName.endsWith('.pth')) continue;
    const stateDict = await read(file);
    // One checkpoint in both of torch's formats is one network.
    const name = networkName(fileName);
    const twin = converted.get(name);
    if (twin !== undefined && haveSameTensors(twin.stateDict, stateDict)) {
      notices.push(`${file}: skipped, it contains the same tensors as ${twin.file}`);
      continue;
    }
    if (twin !== undefined) {
      throw new TddfaError(`${file} and ${twin.file} would both be called '${name}': convert one of them separately`);
    }
    const model = networkModel(name, stateDict, file, origin(file, MIT), (outputCount) => {
      const normalization = normalizations.find((entry) => entry.outputCount === outputCount);
      if (normalization !== undefined) return normalization.name;
      throw new WeightLoadError(`${CONFIG_FOLDER}/param_mean_std_${outputCount}d_120x120.pkl`, `${file} needs it`);
    });
    converted.set(name, { file, stateDict, model });
  }
  return [...converted.values()].map(({ model }) => model);
}

function networkName(fileName: string): string {
  const stem = withoutInputSize(fileName.replace(/(\.zip)?\.pth$/, ''));
  return stem === 'FaceBoxesProd' ? 'faceboxes' : stem.replace(/[^A-Za-z0-9_-]+/g, '-');
}

function withoutInputSize(stem: string): string {
  return stem.replace(/_\d+x\d+$/, '');
}

function haveSameTensors(a: StateDict, b: StateDict): boolean {
  if (a.size !== b.size) return false;
  for (const [name, tensor] of a) {
    const other = b.get(name);
    if (other === undefined || tensor.data.length !== other.data.length) return false;
    for (let i = 0; i < tensor.data.length; i++) if (tensor.data[i] !== other.data[i]) return false;
  }
  return true;
}

async function convertMorphableModel(
  configs: FileList,
  read: ReadFile,
  options: ConvertUpstreamOptions,
): Promise<NewModel[]> {
  const file = configs.get('bfm_noneck_v3.pkl');
  if (file === undefined) return [];
  const {
    shapeCount = CONVERT_UPSTREAM_DEFAULTS.shapeCount,
    expressionCount = CONVERT_UPSTREAM_DEFAULTS.expressionCount,
  } = options;
  const tensors = await read(file);
  const mean = takeTensor(tensors, file, 'u', [null, 1]);
  const rows = mean.data.length;
  const basis = (name: string, columns: number) => {
    const matrix = takeTensor(tensors, file, name, [rows, null]);
    const [, available = 0] = matrix.shape;
    if (available < columns) {
      throw new WeightFormatError(file, 'has too few columns', {
        tensor: name,
        expected: `at least ${columns}`,
        actual: String(available),
      });
    }
    return { shape: [rows, columns], data: firstColumns(matrix, columns, { file, name }) };
  };
  const keypoints = takeTensor(tensors, file, 'keypoints', [null]);
  return [
    {
      name: 'bfm',
      role: 'morphable-model',
      shapeCount,
      expressionCount,
      ...origin(file, BFM_LICENCE),
      tensors: new Map([
        ['meanShape', { shape: [rows], data: toFloat32(mean, { file, name: 'u' }) }],
        ['shapeBasis', basis('w_shp', shapeCount)],
        ['expressionBasis', basis('w_exp', expressionCount)],
        [
          'keypointIndices',
          { shape: [keypoints.data.length], data: toIndices(keypoints, rows, { file, name: 'keypoints' }) },
        ],
      ]),
      // The mean shape is in micrometres: beyond the range of half precision.
      float16Tensors: ['shapeBasis', 'expressionBasis'],
    },
  ];
}

async function convertMaps(configs: FileList, read: ReadFile, notices: string[]): Promise<NewModel[]> {
  const missing = MAP_FILES.filter((name) => !configs.has(name));
  if (missing.length === MAP_FILES.length) return [];
  if (missing.length > 0) {
    notices.push(`triangles, NCC codes and texture coordinates omitted: missing ${missing.join(', ')}`);
    return [];
  }
  const load = async (name: (typeof MAP_FILES)[number]) => {
    const file = configs.get(name) as string;
    return { file, tensors: await read(file) };
  };
  const ncc = await load('ncc_code.npy');
  const nccRows = takeTensor(ncc.tensors, ncc.file, BARE_ARRAY_NAME, [3, null]);
  const vertexCount = nccRows.shape[1];

  const tri = await load('tri.pkl');
  const triangleRows = takeTensor(tri.tensors, tri.file, BARE_ARRAY_NAME, [3, null]);
  const triangles = transposeTriples(toIndices(triangleRows, vertexCount, { file: tri.file, name: BARE_ARRAY_NAME }));
  reverseTriangles(triangles);

  const kept = await load('indices.npy');
  const keptRows = takeTensor(kept.tensors, kept.file, BARE_ARRAY_NAME, [vertexCount]);
  const uv = await load('BFM_UV.mat');
  const uvs = selectRows(takeTensor(uv.tensors, uv.file, 'UV', [null, 2]), keptRows, kept.file, uv.file);

  return [
    {
      name: 'face-maps',
      role: 'face-maps',
      licence: BFM_LICENCE,
      source: { description: `3DDFA_V2, ${MAP_FILES.map((name) => configs.get(name)).join(', ')}`, url: PROJECT_URL },
      tensors: new Map([
        ['triangles', { shape: [triangles.length / 3, 3], data: triangles }],
        [
          'nccCodes',
          {
            shape: [vertexCount, 3],
            data: transposeTriples(toFloat32(nccRows, { file: ncc.file, name: BARE_ARRAY_NAME })),
          },
        ],
        ['uvs', { shape: [vertexCount, 2], data: uvs }],
      ]),
    },
  ];
}

/** Reverses each triangle: the original's are clockwise as seen by the viewer. */
function reverseTriangles(triangles: Uint32Array): void {
  for (let i = 0; i < triangles.length; i += 3) {
    const first = triangles[i];
    triangles[i] = triangles[i + 2];
    triangles[i + 2] = first;
  }
}

/** The texture coordinates of those vertices of the whole head that are kept. */
function selectRows(table: NamedTensor, keptRows: NamedTensor, keptFile: string, tableFile: string): Float32Array {
  const [rowCount = 0] = table.shape;
  const rows = toIndices(keptRows, rowCount, { file: keptFile, name: BARE_ARRAY_NAME });
  const values = toFloat32(table, { file: tableFile, name: 'UV' });
  const selected = new Float32Array(rows.length * 2);
  rows.forEach((row, i) => {
    selected[i * 2] = values[row * 2];
    selected[i * 2 + 1] = values[row * 2 + 1];
  });
  return selected;
}
