import { describeValue } from '../../check-arguments.ts';
import { WeightFormatError } from '../../errors.ts';
import { parseJsonFile } from './json-file.ts';
import { checkJson, type JsonOf, listOf, members, number, oneOf, text, wholeNumber } from './json-shape.ts';
import { isPackPath } from './pack-path.ts';

/** Name of a pack's manifest, at the root of the pack. */
export const PACK_FILE = 'pack.json';

/** The only version that this code writes and reads. */
export const PACK_FORMAT_VERSION = 1;

/** A manifest is a few kilobytes; a longer one is something else. */
export const MAX_MANIFEST_BYTES = 1 << 20;

/** A file is read whole into memory. The largest face models in use take 150 MB. */
const MAX_FILE_BYTES = 2 ** 29;

/** Text that is printed and may come from anywhere: terminals obey control characters. */
const sentence = text('1 to 2000 printable characters', (value) => /^\P{Cc}{1,2000}$/u.test(value));
const count = wholeNumber(1, 1 << 24);
/** Names of packs and models; a model's name is also that of its folder. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const modelName = text('a name of letters, digits, `_` and `-`', (name) => NAME_PATTERN.test(name));
const packPath = text('a path inside the pack', isPackPath);

const fileShape = members({
  path: packPath,
  /** Size in bytes. */
  bytes: wholeNumber(0, MAX_FILE_BYTES),
  /** Lower-case hexadecimal. */
  sha256: text('a SHA-256, 64 hexadecimal digits', (digits) => /^[0-9a-f]{64}$/.test(digits)),
});

/** Upper bound of a detector's `maxEnlargement`, wherever it is set: enlarging a picture further gains nothing. */
export const MOST_ENLARGEMENT = 8;

const licenceShape = members(
  {
    /** SPDX identifier if there is one: `MIT`, `CC0-1.0`. */
    name: sentence,
  },
  {
    url: sentence,
    /** What a user must know before using it, in one sentence. */
    notice: sentence,
  },
);

const sourceShape = members(
  {
    /** Where it comes from: project, version, file. */
    description: sentence,
  },
  { url: sentence },
);

const modelShape = members(
  {
    /** Unique in the pack, ignoring case. */
    name: modelName,
    role: oneOf('detector', 'regressor', 'normalization', 'morphable-model', 'face-maps', 'refine'),
    /** `layers-model`: a tfjs Layers artifact; `tensors`: a tensor file. */
    format: oneOf('layers-model', 'tensors'),
    /** `model.json` or `tensors.json`; one of `files`. */
    path: packPath,
    files: listOf(fileShape, 1, 1000),
    licence: licenceShape,
    source: sourceShape,
  },
  {
    /** Family of a network, such as `mobilenet-v1`. */
    architecture: sentence,
    /** Channels of a network in units of its standard width. */
    widthMultiplier: number('a number above 0, up to 64', (width) => width > 0 && width <= 64),
    /** Height and width of a network's input; missing if it accepts any. */
    inputSize: count,
    /** How many numbers a network outputs. */
    outputCount: count,
    /** Of a regressor: how many outputs are shape; of a morphable model: columns of its shape basis. */
    shapeCount: count,
    /** The same for expression. */
    expressionCount: count,
    /** Of a regressor: size of its second output, if it has one: the expressions of a model that acts, then gaze. */
    actingOutputCount: count,
    /** Of a regressor: the model of role `normalization` with the mean and the deviation of its outputs. */
    normalization: modelName,
    /** Of a refining network: what its crops show. */
    region: oneOf('eyes', 'mouth'),
    /** Of a refining network: what each output is; for eyes, those of the side that it is run for. */
    outputNames: listOf(sentence),
    /** Of a detector: up to how many times small pictures are enlarged for it, unless another limit is requested. */
    maxEnlargement: number(
      `a number from 1 to ${MOST_ENLARGEMENT}`,
      (times) => times >= 1 && times <= MOST_ENLARGEMENT,
    ),
    /** Of a network: the tensor file with the ranges of its values, for int8 inference; one of `files`. */
    ranges: packPath,
    /** Of a network with ranges: its precision unless another is requested; default `float32`. */
    precision: oneOf('float32', 'int8'),
    /** Of a morphable model: what each expression column does, if that has a name. */
    expressionNames: listOf(sentence),
  },
);

const manifestShape = members({
  formatVersion: oneOf(PACK_FORMAT_VERSION),
  name: modelName,
  description: sentence,
  models: listOf(modelShape, 0, 1000),
});

/** `pack.json`: what a pack contains, whose it is and how to check that it arrived intact. */
export type PackManifest = DeepReadonly<JsonOf<typeof manifestShape>>;

/** One network or one set of tensors. */
export type PackModel = PackManifest['models'][number];

export type PackModelRole = PackModel['role'];

/** One file, and what it must match. */
export type PackFile = PackModel['files'][number];

export type PackLicence = PackModel['licence'];

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/**
 * Reads `pack.json`.
 * @throws WeightFormatError that names the key that is wrong.
 */
export function parsePackManifest(bytes: Uint8Array): PackManifest {
  const json = parseJsonFile(PACK_FILE, bytes);
  const version = typeof json === 'object' && json !== null && 'formatVersion' in json ? json.formatVersion : undefined;
  if (version !== PACK_FORMAT_VERSION) {
    throw new WeightFormatError(PACK_FILE, 'this version of tddfa cannot read it', {
      expected: `formatVersion ${PACK_FORMAT_VERSION}`,
      actual: version === undefined ? 'none' : describeValue(version),
    });
  }
  const manifest = checkJson(manifestShape, PACK_FILE, json);
  checkPackManifest(manifest);
  return manifest;
}

/**
 * Checks what a schema cannot express: names and paths are unique, and references resolve.
 * @throws WeightFormatError
 */
export function checkPackManifest(manifest: PackManifest): void {
  const names = new Set<string>();
  const paths = new Set<string>([PACK_FILE]);
  for (const model of manifest.models) {
    // Names are folders, and some file systems ignore case.
    claim(names, model.name, 'two models are called');
    for (const file of model.files) claim(paths, file.path, 'two models have the file');
    for (const path of [model.path, model.ranges ?? model.path]) {
      if (model.files.some((file) => file.path === path)) continue;
      throw new WeightFormatError(PACK_FILE, `${model.name}: path '${path}' is not one of its files`);
    }
    const { normalization } = model;
    if (
      normalization !== undefined &&
      !manifest.models.some((other) => other.name === normalization && other.role === 'normalization')
    ) {
      throw new WeightFormatError(PACK_FILE, `${model.name}: there is no normalization '${normalization}'`);
    }
  }
}

function claim(taken: Set<string>, name: string, problem: string): void {
  const key = name.toLowerCase();
  if (taken.has(key)) throw new WeightFormatError(PACK_FILE, `${problem} '${name}'`);
  taken.add(key);
}

/** Size of a model's files. */
export function modelBytes(model: PackModel): number {
  return model.files.reduce((sum, file) => sum + file.bytes, 0);
}
