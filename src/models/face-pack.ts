import type { LayersArtifact } from '../engine/layers-artifact.ts';
import type { Pack } from '../engine/weights/open-pack.ts';
import type { PackModel } from '../engine/weights/pack-manifest.ts';
import type { Tensor, TensorValues } from '../engine/weights/tensor-file.ts';
import { WeightFormatError } from '../errors.ts';
import { GAZE_COUNT } from '../geometry/acting.ts';
import type { QuadMesh } from '../geometry/catmull-clark.ts';
import { CAMERA_PARAM_COUNT } from '../geometry/params.ts';
import type { DenseFace } from '../geometry/subdivide-face.ts';
import type { FaceActing, FaceMaps, MorphableModel, ParamLayout } from '../types.ts';
import type { DetectorOptions } from './faceboxes/detector.ts';
import type { ParamExpansion } from './tddfa/regressor.ts';

/** The regressor used if none is named; if the pack does not have it, the first. */
const PREFERRED_REGRESSOR = 'mb1';

/** Landmarks of the face's sides and jaw. */
const JAW_COUNT = 17;

/** Coordinates of the 68 landmarks. */
const KEYPOINT_COORDINATES = 204;

/** What a pack contains for face alignment. Arrays belong to it and must not be written to. */
export interface FacePack {
  readonly name: string;
  /** Missing if the pack has none: boxes must then be given. */
  readonly detector?: DetectorWeights;
  readonly regressor: RegressorWeights;
  /** Names of all regressors in the pack, in its order. */
  readonly regressors: readonly string[];
  /** Missing if the pack has none: there are then boxes, parameters and pose, but no vertices. */
  readonly morphableModel?: MorphableModel;
  /** Missing if the pack has none: there are then vertices, but no triangles, codes or texture coordinates. */
  readonly faceMaps?: FaceMaps;
  /** Licences of the models that were read. */
  readonly licences: readonly ModelLicence[];
}

export interface NamedNetwork {
  readonly name: string;
  readonly network: LayersArtifact;
}

export interface DetectorWeights extends NamedNetwork {
  /** Its recommended options, if they differ from the defaults. */
  readonly options: Pick<DetectorOptions, 'maxEnlargement'>;
}

export interface RegressorWeights extends NamedNetwork {
  /** Height and width of the crop that it accepts, px. */
  readonly inputSize: number;
  /** `[outputCount]`: `params = output * std + mean`. */
  readonly mean: Float32Array;
  /** `[outputCount]`. */
  readonly std: Float32Array;
  /** The same for the second output, if the network has one: expressions of a model that acts, then gaze. */
  readonly acting?: { readonly mean: Float32Array; readonly std: Float32Array };
  /** Layout of its parameters; with a model that acts, of the wider ones. */
  readonly layout: ParamLayout;
  /** Set if the network's expressions are combinations of the model's. */
  readonly expansion?: ParamExpansion;
}

export interface ModelLicence {
  /** Name of the model in the pack. */
  readonly model: string;
  /** SPDX identifier if there is one: `MIT`, `CC0-1.0`. */
  readonly name: string;
  readonly url?: string;
  /** What a user must know before using it, in one sentence. */
  readonly notice?: string;
}

export interface LoadFacePackOptions {
  /**
   * Name of a regressor in the pack; `mb1` also matches `open-mb1` if no other name ends in `-mb1`. Default: the one
   * called `mb1`, otherwise the first.
   */
  readonly regressor?: string | undefined;
  /**
   * Catmull-Clark steps for a model that is stored as a coarse mesh of quads, 0..3; each gives about four times the
   * vertices. A model stored as triangles is not changed. Default 1.
   */
  readonly subdivisions?: number | undefined;
}

const DEFAULT_SUBDIVISIONS = 1;

/** A mesh of quads; its corners are the morphable model's own vertices. */
interface CoarseMaps {
  readonly mesh: QuadMesh;
  readonly regions: Readonly<Record<string, Uint32Array>>;
}

/**
 * Reads the data for face alignment from a pack, and checks that its parts fit together.
 * @throws RangeError for a regressor that the pack does not have; WeightLoadError, WeightFormatError or the reason of
 *   the pack's signal if reading fails.
 */
export async function loadFacePack(pack: Pack, options: LoadFacePackOptions = {}): Promise<FacePack> {
  const regressorModel = chooseRegressor(pack, options.regressor);
  const [detectorModel] = pack.modelsOf('detector');
  const [morphable] = pack.modelsOf('morphable-model');
  const [maps] = pack.modelsOf('face-maps');
  const [detectorNetwork, regressor, model, readMaps] = await Promise.all([
    detectorModel && pack.readNetwork(detectorModel),
    readRegressor(pack, regressorModel),
    morphable && readMorphableModel(pack, morphable),
    maps && readFaceMaps(pack, maps),
  ]);
  const expansion = model && expansionFor(model, regressor.layout);
  const layout: ParamLayout = expansion
    ? {
        shapeCount: regressor.layout.shapeCount,
        expressionCount: expansion.expressionCount,
        ...(expansion.gazeCount > 0 && { gazeCount: expansion.gazeCount }),
      }
    : regressor.layout;
  let morphableModel = model && withLayout(model.model, layout, morphable);
  let faceMaps: FaceMaps | undefined;
  if (readMaps && 'mesh' in readMaps) {
    if (morphableModel) {
      const dense = await subdivide(morphableModel, readMaps, options.subdivisions, maps);
      morphableModel = dense.model;
      faceMaps = dense.maps;
    }
  } else if (readMaps) {
    faceMaps = readMaps;
    if (morphableModel) checkMaps(faceMaps, morphableModel.vertexCount, maps);
  }
  if (morphableModel?.acting) morphableModel = withEyes(morphableModel, morphableModel.acting, faceMaps);
  return {
    name: pack.manifest.name,
    ...(detectorModel && detectorNetwork
      ? { detector: { name: detectorModel.name, network: detectorNetwork, options: detectorOptions(detectorModel) } }
      : undefined),
    regressor: { ...regressor, layout, ...(expansion && { expansion }) },
    regressors: pack.modelsOf('regressor').map(({ name }) => name),
    ...(morphableModel ? { morphableModel } : undefined),
    ...(faceMaps ? { faceMaps } : undefined),
    licences: [detectorModel, regressorModel, morphable, maps]
      .filter((entry) => entry !== undefined)
      .map(({ name, licence }) => ({ model: name, ...licence })),
  };
}

/**
 * The regressor with a name, or the only one that ends in `-` and the name; without a name, `mb1`, or the first if
 * there is no `mb1`.
 * @throws RangeError if there is none.
 */
export function chooseRegressor(pack: Pack, name?: string): PackModel {
  const regressors = pack.modelsOf('regressor');
  const names = regressors.map((regressor) => regressor.name);
  const called = (whole: string): PackModel | undefined => regressors.find((regressor) => regressor.name === whole);
  const ending = regressors.filter((regressor) => regressor.name.endsWith(`-${name}`));
  const chosen =
    name === undefined
      ? (called(PREFERRED_REGRESSOR) ?? regressors[0])
      : (called(name) ?? (ending.length === 1 ? ending[0] : undefined));
  if (chosen !== undefined) return chosen;
  throw new RangeError(
    name === undefined
      ? `${pack.describe()} has no regressor`
      : `${pack.describe()} has no regressor '${name}', only ${names.join(', ') || 'other models'}`,
  );
}

function detectorOptions({ maxEnlargement }: PackModel): DetectorWeights['options'] {
  return maxEnlargement === undefined ? {} : { maxEnlargement };
}

async function readRegressor(pack: Pack, model: PackModel): Promise<RegressorWeights> {
  const { name, inputSize, outputCount, shapeCount, expressionCount, normalization, actingOutputCount } = model;
  if (
    inputSize === undefined ||
    outputCount === undefined ||
    shapeCount === undefined ||
    expressionCount === undefined ||
    normalization === undefined
  ) {
    const needed = 'inputSize, outputCount, shapeCount, expressionCount and normalization';
    throw new WeightFormatError('pack.json', `regressor '${name}' lacks a key`, { expected: needed });
  }
  if (CAMERA_PARAM_COUNT + shapeCount + expressionCount !== outputCount) {
    throw new WeightFormatError('pack.json', `regressor '${name}': its outputs are not camera, shape and expression`, {
      expected: `outputCount ${CAMERA_PARAM_COUNT} + ${shapeCount} + ${expressionCount}`,
      actual: String(outputCount),
    });
  }
  const [network, tensors] = await Promise.all([
    pack.readNetwork(model),
    readTensors(pack, pack.model(normalization), {
      mean: [outputCount],
      std: [outputCount],
      ...(actingOutputCount !== undefined && { actingMean: [actingOutputCount], actingStd: [actingOutputCount] }),
    }),
  ]);
  return {
    name,
    network,
    inputSize,
    mean: tensors.float('mean').data,
    std: tensors.float('std').data,
    ...(actingOutputCount !== undefined && {
      acting: { mean: tensors.float('actingMean').data, std: tensors.float('actingStd').data },
    }),
    layout: { shapeCount, expressionCount },
  };
}

/** A model, and what a pack stores about it besides its columns. */
interface StoredModel {
  readonly model: MorphableModel;
  /** `[expressionCount x n]`: its expressions as combinations of `n` older ones. */
  readonly combinations?: Tensor<Float32Array>;
}

/** Expressions of a model that acts that close an eye, the person's left one first. */
const BLINKS = ['eyeBlinkLeft', 'eyeBlinkRight'] as const;

async function readMorphableModel(pack: Pack, model: PackModel): Promise<StoredModel> {
  const tensors = await readTensors(pack, model, {
    meanShape: [null],
    shapeBasis: [null, null],
    expressionBasis: [null, null],
    keypointIndices: [KEYPOINT_COORDINATES],
  });
  const meanShape = tensors.float('meanShape');
  const [rows = 0] = meanShape.shape;
  if (rows === 0 || rows % 3 !== 0) throw tensors.error('meanShape', 'a multiple of 3 values', String(rows));
  const shapeBasis = tensors.float('shapeBasis', [rows, null]);
  const expressionBasis = tensors.float('expressionBasis', [rows, null]);
  const expressionCount = expressionBasis.shape[1];
  const { expressionNames } = model;
  if (expressionNames !== undefined && expressionNames.length !== expressionCount) {
    throw new WeightFormatError('pack.json', `'${model.name}' does not name each expression`, {
      expected: `${expressionCount} expressionNames`,
      actual: String(expressionNames.length),
    });
  }
  const shapeCount = shapeBasis.shape[1];
  const has = (name: string): boolean => tensors.names.includes(name);
  const acting = has('lidGaps') ? readActing(tensors, expressionNames, shapeCount, expressionCount) : undefined;
  return {
    model: {
      vertexCount: rows / 3,
      meanShape: meanShape.data,
      shapeBasis: shapeBasis.data,
      expressionBasis: expressionBasis.data,
      shapeCount,
      expressionCount,
      keypointIndices: tensors.indices('keypointIndices', rows).data,
      ...(expressionNames === undefined ? undefined : { expressionNames }),
      ...(acting && { acting, gazeCount: GAZE_COUNT }),
      ...(has('contourVertices') && {
        contour: {
          vertices: tensors.indices('contourVertices', rows / 3, [JAW_COUNT, null]).data,
          outward: tensors.float('contourOutward', [JAW_COUNT, 2]).data,
        },
      }),
    },
    ...(has('expressionCombinations') && {
      combinations: tensors.float('expressionCombinations', [expressionCount, null]),
    }),
  };
}

/** Eyeballs are identified by their regions in the maps: `withEyes`. */
function readActing(
  tensors: CheckedTensors,
  names: readonly string[] | undefined,
  shapeCount: number,
  expressionCount: number,
): FaceActing {
  const [left = -1, right = -1] = BLINKS.map((name) => names?.indexOf(name) ?? -1);
  if (left < 0 || right < 0) throw tensors.error('lidGaps', `expressionNames with ${BLINKS.join(' and ')}`, 'others');
  return {
    lidGaps: tensors.float('lidGaps', [2, 1 + shapeCount + expressionCount]).data,
    blinkColumns: [left, right],
    eyeCentres: tensors.float('eyeCentres', [6, 1 + shapeCount]).data,
    eyeVertices: [new Uint32Array(0), new Uint32Array(0)],
  };
}

function withEyes(model: MorphableModel, acting: FaceActing, maps: FaceMaps | undefined): MorphableModel {
  const { leftEye = new Uint32Array(0), rightEye = new Uint32Array(0) } = maps?.regions ?? {};
  return { ...model, acting: { ...acting, eyeVertices: [leftEye, rightEye] } };
}

/** How a regressor with fewer expressions than the model yields the model's; undefined if it outputs them directly. */
function expansionFor({ model, combinations }: StoredModel, layout: ParamLayout): ParamExpansion | undefined {
  if (combinations === undefined || combinations.shape[1] !== layout.expressionCount) return undefined;
  return {
    combinations: combinations.data,
    expressionCount: model.expressionCount,
    gazeCount: model.gazeCount ?? 0,
  };
}

async function readFaceMaps(pack: Pack, model: PackModel): Promise<FaceMaps | CoarseMaps> {
  const tensors = await readTensors(pack, model, { triangles: [null, 3], nccCodes: [null, 3], uvs: [null, 2] });
  if (tensors.names.includes('quads')) return readCoarseMaps(tensors);
  const nccCodes = tensors.float('nccCodes');
  const uvs = tensors.float('uvs');
  const [vertexCount = 0] = nccCodes.shape;
  const [uvCount = 0] = uvs.shape;
  const triangles = tensors.indices('triangles', vertexCount);
  const hasUvTriangles = tensors.names.includes('uvTriangles');
  if (!hasUvTriangles && uvCount !== vertexCount) {
    throw tensors.error('uvs', `[${vertexCount}, 2], one for each vertex`, `[${uvCount}, 2]`);
  }
  const regions = readRegions(tensors, vertexCount);
  return {
    triangles: triangles.data,
    nccCodes: nccCodes.data,
    uvs: uvs.data,
    ...(hasUvTriangles ? { uvTriangles: tensors.indices('uvTriangles', uvCount, triangles.shape).data } : undefined),
    ...(Object.keys(regions).length > 0 ? { regions } : undefined),
  };
}

function readRegions(tensors: CheckedTensors, vertexCount: number): Record<string, Uint32Array> {
  const names = tensors.names.filter((name) => name.startsWith(REGION_PREFIX));
  return Object.fromEntries(
    names.map((name) => [name.slice(REGION_PREFIX.length), tensors.indices(name, vertexCount, [null]).data]),
  );
}

/** The number of vertices is the morphable model's; `subdivide` checks the indices against it. */
function readCoarseMaps(tensors: CheckedTensors): CoarseMaps {
  const uvs = tensors.float('uvs', [null, 2]);
  const quads = tensors.indices('quads', Number.POSITIVE_INFINITY, [null, 4]);
  const uvQuads = tensors.indices('uvQuads', uvs.shape[0], quads.shape);
  const vertexCount = quads.data.reduce((most, vertex) => Math.max(most, vertex + 1), 0);
  return {
    mesh: { vertexCount, quads: quads.data, uvs: uvs.data, uvQuads: uvQuads.data },
    regions: readRegions(tensors, vertexCount),
  };
}

/** Tensors of vertex lists are called `regions/<name>`. */
export const REGION_PREFIX = 'regions/';

/** A shape with `null` where any extent is allowed. */
type ExpectedShape = readonly (number | null)[];

interface CheckedTensors {
  readonly names: readonly string[];
  float(name: string, shape?: ExpectedShape): Tensor<Float32Array>;
  /** uint32 values below `limit`. */
  indices(name: string, limit: number, shape?: ExpectedShape): Tensor<Uint32Array>;
  error(name: string, expected: string, actual: string): WeightFormatError;
}

/** Reads tensors and checks that those named in `shapes` are there, with these shapes. */
async function readTensors(
  pack: Pack,
  model: PackModel,
  shapes: Readonly<Record<string, ExpectedShape>>,
): Promise<CheckedTensors> {
  const tensors = await pack.readTensors(model);
  const error = (tensor: string, expected: string, actual: string) =>
    new WeightFormatError(model.path, 'does not fit', { tensor, expected, actual });

  function take<Values extends TensorValues>(
    name: string,
    dtype: string,
    isValues: (data: TensorValues) => data is Values,
    shape: ExpectedShape | undefined,
  ): Tensor<Values> {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw error(name, dtype, 'nothing');
    const { data } = tensor;
    if (!isValues(data)) throw error(name, dtype, data.constructor.name);
    for (const expected of [shapes[name], shape]) {
      if (expected !== undefined && !matches(tensor.shape, expected)) {
        const wanted = expected.map((extent) => extent ?? '?').join(', ');
        throw error(name, `[${wanted}]`, `[${tensor.shape.join(', ')}]`);
      }
    }
    return { shape: tensor.shape, data };
  }

  return {
    names: [...tensors.keys()],
    float: (name, shape) => take(name, 'float32', (data) => data instanceof Float32Array, shape),
    indices(name, limit, shape) {
      const tensor = take(name, 'uint32', (data) => data instanceof Uint32Array, shape);
      const wrong = tensor.data.findIndex((index) => index >= limit);
      if (wrong >= 0) throw error(name, `indices below ${limit}`, `${tensor.data[wrong]} at ${wrong}`);
      return tensor;
    },
    error,
  };
}

function matches(shape: readonly number[], expected: ExpectedShape): boolean {
  return (
    shape.length === expected.length && expected.every((extent, axis) => extent === null || extent === shape[axis])
  );
}

/** The model with as many columns as the regressor has outputs for; bases are sorted by importance. */
function withLayout(model: MorphableModel, layout: ParamLayout, { name }: PackModel): MorphableModel {
  const { shapeCount, expressionCount } = layout;
  const { acting, gazeCount, ...plain } = model;
  if (model.shapeCount < shapeCount || model.expressionCount < expressionCount) {
    throw new WeightFormatError('pack.json', `morphable model '${name}' has too few columns for the regressor`, {
      expected: `at least ${shapeCount} of shape and ${expressionCount} of expression`,
      actual: `${model.shapeCount} and ${model.expressionCount}`,
    });
  }
  // A model with fewer columns than it was made for does not act.
  const acts = acting !== undefined && model.shapeCount === shapeCount && model.expressionCount === expressionCount;
  return {
    ...plain,
    ...(acts && gazeCount !== undefined && { acting, gazeCount }),
    shapeCount,
    expressionCount,
    shapeBasis: firstColumns(model.shapeBasis, model.shapeCount, shapeCount),
    expressionBasis: firstColumns(model.expressionBasis, model.expressionCount, expressionCount),
    ...(model.expressionNames ? { expressionNames: model.expressionNames.slice(0, expressionCount) } : undefined),
  };
}

function firstColumns(matrix: Float32Array, columns: number, kept: number): Float32Array {
  if (kept === columns) return matrix;
  const rows = matrix.length / columns;
  const result = new Float32Array(rows * kept);
  for (let row = 0; row < rows; row++) {
    result.set(matrix.subarray(row * columns, row * columns + kept), row * kept);
  }
  return result;
}

async function subdivide(
  model: MorphableModel,
  { mesh, regions }: CoarseMaps,
  levels: number = DEFAULT_SUBDIVISIONS,
  { path }: PackModel,
): Promise<DenseFace> {
  if (mesh.vertexCount !== model.vertexCount) {
    throw new WeightFormatError(path, 'does not fit the morphable model', {
      tensor: 'quads',
      expected: `indices of ${model.vertexCount} vertices`,
      actual: `${mesh.vertexCount}`,
    });
  }
  // Packs that store their whole mesh do not need this.
  const { canSubdivide, subdivideFace } = await import('../geometry/subdivide-face.ts');
  if (!canSubdivide(mesh))
    throw new WeightFormatError(path, 'an edge belongs to more than two quads', { tensor: 'quads' });
  return subdivideFace({ model, mesh, regions }, levels);
}

function checkMaps(faceMaps: FaceMaps, vertexCount: number, { path }: PackModel): void {
  const mapped = faceMaps.nccCodes.length / 3;
  if (mapped === vertexCount) return;
  throw new WeightFormatError(path, 'does not fit the morphable model', {
    tensor: 'nccCodes',
    expected: `[${vertexCount}, 3]`,
    actual: `[${mapped}, 3]`,
  });
}
