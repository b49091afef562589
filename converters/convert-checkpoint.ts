import { basename } from 'node:path';
import type { PackLicence, PackManifest } from '../src/engine/weights/pack-manifest.ts';
import { TddfaError } from '../src/errors.ts';
import { type BasePack, completePack } from './complete-pack.ts';
import type { Conversion } from './conversion.ts';
import { type ModelOrigin, networkModel, normalizationModel } from './convert-regressor.ts';
import { readCheckpoint, readWeightFile } from './read-weight-file.ts';
import type { CopiedModel, NewModel } from './write-pack.ts';

export interface ConvertCheckpointOptions {
  /** Name for the model in the pack. */
  readonly name: string;
  /** File with the arrays `mean` and `std` of the regressor's outputs: a pickle, `.npz`, `.npy`, `.mat` or JSON. */
  readonly meanStdFile?: string | undefined;
  /** The pack that the model will join: a regressor may share its normalization. */
  readonly existing?: PackManifest | undefined;
  /** The pack that supplies what the checkpoint and `existing` lack. */
  readonly base?: BasePack | undefined;
  /** Which of several sets of weights in the checkpoint to use, such as `ema`. */
  readonly state?: string | undefined;
  readonly licence?: PackLicence | undefined;
  readonly source?: string | undefined;
}

/**
 * Converts a user's checkpoint: a torch `.pth` (either format) or `.safetensors` of a MobileNet-V1 or -V3, a ResNet22
 * or a FaceBoxes. A regressor's outputs are meaningless without the mean and standard deviation used in training: they
 * come from `meanStdFile`, from the pack that the model joins, or from `base` if that has exactly one.
 * @throws TddfaError if none of them has them, WeightLoadError, WeightFormatError.
 */
export async function convertCheckpoint(file: string, options: ConvertCheckpointOptions): Promise<Conversion> {
  const { name, meanStdFile, existing, base, state } = options;
  const licence = options.licence ?? { name: 'not stated' };
  const origin: ModelOrigin = { licence, source: { description: options.source ?? basename(file) } };
  const normalization =
    meanStdFile === undefined
      ? undefined
      : normalizationModel(`${name}-normalization`, await readWeightFile(meanStdFile), meanStdFile, {
          licence,
          source: { description: basename(meanStdFile) },
        });
  const checkpoint = await readCheckpoint(file, state);
  const notices = [...checkpoint.notices];
  const copies: CopiedModel[] = [];
  const normalizationFor = (outputCount: number): string => {
    if (normalization !== undefined) {
      if (normalization.outputCount === outputCount) return normalization.name;
      throw new TddfaError(
        `${meanStdFile} has mean and std of ${normalization.outputCount} numbers, but ${file} has ${outputCount} outputs`,
      );
    }
    const shared = existing?.models.find(
      (model) => model.role === 'normalization' && model.outputCount === outputCount,
    );
    const [ofBase, ...others] =
      base?.pack.modelsOf('normalization').filter((model) => model.outputCount === outputCount) ?? [];
    if (shared === undefined && base !== undefined && ofBase !== undefined && others.length === 0) {
      copies.push({ pack: base.pack, model: ofBase });
      notices.push(`using mean and std of the outputs from '${ofBase.name}' in ${base.pack.describe()}`);
      return ofBase.name;
    }
    if (shared === undefined) {
      throw new TddfaError(
        `${file} is a regressor: pass the mean and std of its ${outputCount} outputs with --mean-std`,
      );
    }
    notices.push(`using mean and std of the outputs from '${shared.name}' in the pack`);
    return shared.name;
  };
  // A state that is not a dict in the file may be a name prefix.
  const network = networkModel(name, checkpoint.tensors, file, origin, normalizationFor, {
    state: checkpoint.hasState ? undefined : state,
    otherStates: checkpoint.states,
    onNotice: (notice) => notices.push(notice),
  });
  const models: NewModel[] = [network];
  if (normalization !== undefined) {
    if (network.role === 'regressor') models.push(normalization);
    else notices.push(`${meanStdFile} ignored: a detector needs no mean and std`);
  }
  notices.push(...columnNotices(network, existing));
  if (base !== undefined) {
    const completion = completePack(models, existing, base);
    copies.push(...completion.copies);
    notices.push(...completion.notices);
  }
  return { pack: { name, description: `Weights from ${basename(file)}`, models, copies }, notices };
}

/** A regressor is usable only with a morphable model that has a column for each of its outputs. */
function columnNotices(network: NewModel, existing: PackManifest | undefined): string[] {
  const { shapeCount = 0, expressionCount = 0 } = network;
  const model = existing?.models.find(({ role }) => role === 'morphable-model');
  if (network.role !== 'regressor' || model === undefined) return [];
  const { shapeCount: shapes = 0, expressionCount: expressions = 0 } = model;
  if (shapes >= shapeCount && expressions >= expressionCount) return [];
  const needed = `'${network.name}' needs a morphable model with ${shapeCount} + ${expressionCount} columns`;
  return [`${needed}, but '${model.name}' has ${shapes} + ${expressions}: convert it again with more`];
}
