import {
  checkBoxesArgument,
  checkChoice,
  checkFacesArgument,
  checkImageArgument,
  checkOptionNames,
  describeValue,
  type OptionNames,
} from './check-arguments.ts';
import { withDispose } from './disposable.ts';
import { createEngine, ENGINE_OPTION_NAMES, type EngineOptions } from './engine/create-engine.ts';
import type { BackendName, Engine } from './engine/engine.ts';
import { eventLoopTurn } from './engine/event-loop-turn.ts';
import { roundToPixels } from './engine/image/round-to-pixels.ts';
import type { EngineKernels } from './engine/kernels/engine-kernels.ts';
import type { BasisPrecision, LinearModel } from './engine/kernels/linear-model.ts';
import { httpWeights } from './engine/weights/http-source.ts';
import { openPack } from './engine/weights/open-pack.ts';
import type { WeightProgressListener, WeightSource } from './engine/weights/weight-source.ts';
import { DisposedError, WeightFormatError } from './errors.ts';
import { columnWeights, turnEyes } from './geometry/acting.ts';
import { createFaceReadings } from './geometry/face-readings.ts';
import {
  createSurfaceReconstructor,
  type DenseEvaluator,
  landmarksOnImage,
  type ReconstructOptions,
  type SurfaceReconstructor,
} from './geometry/face-surface.ts';
import type { FaceGaze } from './geometry/gaze.ts';
import { type PackedModel, packLandmarks } from './geometry/morphable-model.ts';
import { checkParamCount } from './geometry/params.ts';
import { roiBoxFromFaceBox, roiBoxFromLandmarks } from './geometry/roi-box.ts';
import { CROP_SIZE } from './geometry/similarity-transform.ts';
import { type FacePack, loadFacePack, type ModelLicence } from './models/face-pack.ts';
import {
  createFaceDetector,
  DETECTOR_DEFAULTS,
  type DetectorOptions,
  type FaceDetector,
} from './models/faceboxes/detector.ts';
import type { CreateFaceRefiner, FaceRefiner } from './models/tddfa/face-refiner.ts';
import { createRegressor, type Regressor } from './models/tddfa/regressor.ts';
import type { AlignedFace, FaceBox, FaceMaps, MorphableModel, RgbaImage, RoiBox } from './types.ts';

/** Options of {@link createFaceAligner}. */
export interface FaceAlignerOptions extends EngineOptions {
  /** Location of the pack: `fileWeights` in Node, `httpWeights` anywhere; a string is a URL, in Node also a folder. */
  readonly weights: WeightSource | string | URL;
  /** Default `compiled`. */
  readonly backend?: BackendName;
  /**
   * Name of a regressor in the pack; `mb1` also matches `open-mb1` if no other ends in `-mb1`. Default: the one called
   * `mb1`, otherwise the first.
   */
  readonly regressor?: string;
  /**
   * Subdivision steps for a morphable model stored over a coarse mesh, as in the open pack: 0..3, each with about four
   * times the vertices (2,669, 10,488, 41,582, …). Default 1. Other models are unaffected.
   */
  readonly subdivisions?: number;
  /**
   * How `compiled` stores its copy of the morphable model's basis for dense vertices. `int16` takes half the memory
   * (11.6 instead of 23 MB for 38,365 vertices) and is faster; vertices move by less than 0.001 px. Default `float32`.
   * Other backends ignore this and reconstruct from the pack's own float32 basis.
   */
  readonly basis?: BasisPrecision;
  /**
   * Pass `createFaceRefiner` to refine eyes and mouths with two small networks in the pack: better blinks, gaze and
   * mouths. Its code is bundled only if you pass it; a pool's threads and a page's worker have their own and take
   * `refine: true`. Default: expressions come from the regressor alone.
   */
  readonly refine?: CreateFaceRefiner;
  /** Defaults of {@link FaceAligner.detect}. */
  readonly detector?: DetectorOptions;
  /** Called with the progress of the weight download. */
  readonly onProgress?: WeightProgressListener;
  /** Aborts loading; the promise is rejected with the signal's reason and nothing is left behind. */
  readonly signal?: AbortSignal;
}

/**
 * Finds and aligns faces. Results are plain data; only the aligner itself needs to be disposed. Every method throws
 * `DisposedError` after `dispose`.
 */
export interface FaceAligner {
  readonly backend: BackendName;
  /** Name of the pack. */
  readonly packName: string;
  /** Whether the pack has a detector, which `detect` requires. */
  readonly hasDetector: boolean;
  /** Name of the regressor in use. */
  readonly regressor: string;
  /** Names of all regressors in the pack. */
  readonly regressors: readonly string[];
  /** The pack's model; absent if the pack has none. */
  readonly morphableModel?: MorphableModel;
  /** Triangles, codes and texture coordinates for pictures and meshes; absent if the pack has none. */
  readonly faceMaps?: FaceMaps;
  /** Licences of the models in use. */
  readonly licences: readonly ModelLicence[];
  /**
   * The same aligner, but leaving an image's pixels with the caller; absent where pixels stay anyway, which is
   * everywhere but in a worker. For code that takes any aligner and reads the image itself, as the tracker does.
   */
  readonly keepingPixels?: FaceAligner;

  /**
   * Finds faces.
   * @param image - RGBA bytes of any size.
   * @returns boxes in image px, best score first; `[]` if there are no faces.
   * @throws WeightFormatError if the pack has no detector; RangeError for an invalid option or image.
   */
  detect(image: RgbaImage, options?: DetectorOptions): Promise<FaceBox[]>;

  /**
   * Aligns the faces in the given boxes, all in one batch.
   * @param boxes - from `detect` or any other source; each must overlap the image.
   * @returns one face per box, in the same order.
   * @throws RangeError naming a box that is not finite, empty, inverted or outside the image.
   */
  align(image: RgbaImage, boxes: readonly RoiBox[]): Promise<AlignedFace[]>;

  /**
   * Aligns faces again on crops around their landmarks, as video tracking does from frame to frame: on the next image
   * without running the detector, or on the same image to refine the result.
   */
  alignToLandmarks(image: RgbaImage, faces: readonly AlignedFace[]): Promise<AlignedFace[]>;

  /**
   * Aligns the faces in the given crops as they are, without the enlargement that `align` applies to a face box.
   * @param roiBoxes - in image px; may extend beyond the image.
   */
  alignCrops(image: RgbaImage, roiBoxes: readonly RoiBox[]): Promise<AlignedFace[]>;

  /**
   * Reconstructs the surface of a face.
   * @returns `[68 x 3]` landmarks in iBUG order or, with `dense`, all vertices; xyz interleaved, image px, y down,
   *   z >= 0 and larger nearer to the viewer. z is 0 at the farthest of the returned points, so landmarks and dense
   *   vertices differ by a constant in z.
   * @throws WeightFormatError if the pack has no morphable model.
   */
  reconstruct(face: AlignedFace, options?: ReconstructOptions): Float32Array;

  /**
   * A face's expression under the names in the pack's model, such as `{ jawOpen: 0.1, mouthSmileLeft: 0.7, … }`; for a
   * model without names, such as upstream's, `expression_1` ….
   * @throws WeightFormatError if the pack has no morphable model.
   */
  expressions(face: AlignedFace): Record<string, number>;

  /**
   * Where a face's eyes look, relative to its head, with the signs of its pose; undefined if the pack's model has no
   * moving eyes, as with upstream's.
   * @throws WeightFormatError if the pack has no morphable model.
   */
  gaze(face: AlignedFace): FaceGaze | undefined;

  /** Frees the networks. Idempotent. */
  dispose(): void;
  /** For `using aligner = await createFaceAligner()`, in engines that support it: `dispose`. */
  [Symbol.dispose](): void;
}

/** For checking option names, for an aligner in another thread; callers add their own. */
export const THREAD_ALIGNER_OPTION_NAMES: OptionNames<Omit<FaceAlignerOptions, 'refine'>> = {
  weights: true,
  backend: true,
  regressor: true,
  subdivisions: true,
  basis: true,
  detector: true,
  onProgress: true,
  signal: true,
  ...ENGINE_OPTION_NAMES,
};

/** For checking option names. */
export const FACE_ALIGNER_OPTION_NAMES: OptionNames<FaceAlignerOptions> = {
  ...THREAD_ALIGNER_OPTION_NAMES,
  refine: true,
};

/**
 * Checks the option names of an aligner, wherever it runs.
 * @param names - of all options.
 * @throws TypeError
 */
export function checkFaceAlignerOptions<Options extends Omit<FaceAlignerOptions, 'weights' | 'refine'>>(
  options: Options,
  names: OptionNames<Options>,
): void {
  checkOptionNames<object>(options ?? null, names, 'options', { detector: DETECTOR_DEFAULTS });
}

/**
 * Checks the arguments of a call, wherever the aligner runs.
 * @param argument - the argument after the image.
 * @throws TypeError
 */
export function checkCallArguments(
  method: 'detect' | 'align' | 'alignToLandmarks' | 'alignCrops',
  image: unknown,
  argument: unknown,
): void {
  checkImageArgument(image);
  if (method === 'detect') checkOptionNames<object>(argument, DETECTOR_DEFAULTS);
  else if (method === 'alignToLandmarks') checkFacesArgument(argument);
  else checkBoxesArgument(argument, method === 'align' ? 'boxes' : 'roiBoxes');
}

/**
 * The pack specified by an option.
 * @param fromPlace - resolves strings and URLs: addresses everywhere, in Node also folders.
 * @throws TypeError for anything other than a source, a string or a URL.
 */
export function weightSourceOf(
  weights: unknown,
  fromPlace: (place: string | URL) => WeightSource = httpWeights,
): WeightSource {
  if (typeof weights === 'string' || weights instanceof URL) return fromPlace(weights);
  if (isWeightSource(weights)) return weights;
  throw new TypeError(
    `weights: expected a source such as httpWeights('/weights/open/') or a URL, got ${describeValue(weights)}`,
  );
}

function isWeightSource(weights: unknown): weights is WeightSource {
  return typeof weights === 'object' && weights !== null && 'read' in weights && typeof weights.read === 'function';
}

/**
 * Loads a pack and creates an aligner from it.
 * @throws BackendUnavailableError, WeightLoadError, WeightFormatError; RangeError for a regressor that is not in the pack;
 *   TypeError for an unknown option.
 */
export async function createFaceAligner(options: FaceAlignerOptions): Promise<FaceAligner> {
  checkFaceAlignerOptions(options, FACE_ALIGNER_OPTION_NAMES);
  const { basis = DEFAULT_BASIS } = options;
  const { kernels, landmarks, ...networks } = await loadNetworks(options, weightSourceOf(options.weights));
  const { packName, morphableModel } = networks;
  /** Undefined after `dispose`, so that it can be freed. */
  let surface: SurfaceReconstructor | undefined = createSurfaceReconstructor(packName, morphableModel, {
    ...(landmarks && { landmarks }),
    ...(kernels && { createDense: (model) => denseInWebAssembly(kernels, model, basis) }),
  });
  const dispose = (): void => {
    surface = undefined;
    networks.dispose();
  };
  const methods: Omit<FaceAligner, typeof Symbol.dispose> = {
    ...networks,
    ...createFaceReadings(packName, morphableModel, () => {
      if (surface === undefined) throw new DisposedError('this face aligner');
      return surface;
    }),
    dispose,
  };
  return withDispose(methods, dispose);
}

/** The part of an aligner with the networks: all that a worker needs, as its owner reconstructs. */
export interface AlignerNetworks
  extends Omit<FaceAligner, 'reconstruct' | 'expressions' | 'gaze' | 'keepingPixels' | typeof Symbol.dispose> {
  /** The backend's kernels, if it has any. */
  readonly kernels: EngineKernels | undefined;
  /** The model packed for the 68 landmarks. */
  readonly landmarks: PackedModel | undefined;
}

/**
 * Loads the networks of an aligner.
 * @param options - with names already checked: a worker's owner has done that, and has the weights.
 */
export async function loadNetworks(
  options: Omit<FaceAlignerOptions, 'weights'>,
  weights: WeightSource,
): Promise<AlignerNetworks> {
  const { backend = DEFAULT_BACKEND, basis = DEFAULT_BASIS, signal, onProgress } = options;
  checkChoice('basis', basis, BASES);
  signal?.throwIfAborted();
  const opened = await openPack(weights, { signal, onProgress });
  const pack = await loadFacePack(opened, {
    regressor: options.regressor,
    subdivisions: options.subdivisions,
  });
  const engine = await createEngine(backend, options);
  try {
    const detector =
      pack.detector &&
      (await createFaceDetector(engine, pack.detector.network, { ...pack.detector.options, ...options.detector }));
    const regressor = await createRegressor(engine, pack.regressor.network, pack.regressor, pack.regressor.expansion);
    const refiner = await options.refine?.(opened, engine, pack.morphableModel);
    signal?.throwIfAborted();
    return assemble(engine, pack, detector, regressor, refiner);
  } catch (error) {
    engine.dispose();
    throw error;
  }
}

/** Backend used if none is specified. */
export const DEFAULT_BACKEND: BackendName = 'compiled';

const BASES: readonly BasisPrecision[] = ['float32', 'int16'];
const DEFAULT_BASIS: BasisPrecision = 'float32';

function assemble(
  engine: Engine,
  pack: FacePack,
  detector: FaceDetector | undefined,
  regressor: Regressor,
  refiner: FaceRefiner | undefined,
): AlignerNetworks {
  const { backend, kernels, picture } = engine;
  const { morphableModel, faceMaps } = pack;
  const landmarks = morphableModel && packLandmarks(morphableModel);
  let isDisposed = false;

  function checkUsable(): void {
    if (isDisposed) throw new DisposedError('this face aligner');
  }

  const aligner: AlignerNetworks = {
    backend,
    kernels,
    landmarks,
    packName: pack.name,
    hasDetector: detector !== undefined,
    regressor: pack.regressor.name,
    regressors: pack.regressors,
    licences: pack.licences,
    ...(morphableModel && { morphableModel }),
    ...(faceMaps && { faceMaps }),

    async detect(image, options) {
      checkUsable();
      checkCallArguments('detect', image, options);
      if (detector === undefined)
        throw new WeightFormatError(pack.name, 'this pack has no detector; pass boxes instead');
      await eventLoopTurn();
      checkUsable();
      return detector.detect(image, options);
    },

    async align(image, boxes) {
      checkUsable();
      checkCallArguments('align', image, boxes);
      return aligner.alignCrops(
        image,
        boxes.map((box, index) => roiBoxOfFace(image, box, index)),
      );
    },

    async alignToLandmarks(image, faces) {
      checkUsable();
      checkCallArguments('alignToLandmarks', image, faces);
      return aligner.alignCrops(
        image,
        faces.map((face) => roiBoxFromLandmarks(landmarksOnImage(face, pack.name, landmarks))),
      );
    },

    async alignCrops(image, roiBoxes) {
      checkUsable();
      checkCallArguments('alignCrops', image, roiBoxes);
      if (roiBoxes.length === 0) return [];
      await eventLoopTurn();
      checkUsable();
      const crops = roiBoxes.map((roiBox) => picture.resize(image, roundToPixels(roiBox), CROP_SIZE, CROP_SIZE));
      const params = await regressor.regress(crops);
      const faces = roiBoxes.map((roiBox, index) => ({ roiBox: { ...roiBox }, params: params[index] }));
      return refiner === undefined ? faces : refiner.refine(image, faces);
    },

    dispose() {
      if (isDisposed) return;
      isDisposed = true;
      engine.dispose();
    },
  };
  return aligner;
}

function linearModelOf(model: MorphableModel): LinearModel {
  return {
    pointCount: model.vertexCount,
    mean: model.meanShape,
    bases: [
      { data: model.shapeBasis, columns: model.shapeCount },
      { data: model.expressionBasis, columns: model.expressionCount },
    ],
  };
}

/** The whole model in WebAssembly: takes a third of the time of plain JavaScript. */
function denseInWebAssembly(kernels: EngineKernels, model: MorphableModel, basis: BasisPrecision): DenseEvaluator {
  const kernel = kernels.createLinearModel(linearModelOf(model), basis);
  const { acting } = model;
  if (acting === undefined) return (params, dst) => kernel.evaluate([params], dst && [dst])[0];
  return (params, dst) => {
    checkParamCount(params, model);
    const vertices = kernel.evaluate([columnWeights(params, model, acting)], dst && [dst])[0];
    turnEyes(vertices, params, model, acting);
    return vertices;
  };
}

/** The crop around a face box, after checking that the box overlaps the image. */
function roiBoxOfFace({ width, height }: RgbaImage, box: RoiBox, index: number): RoiBox {
  const { xMin, yMin, xMax, yMax } = box;
  const shown = `[${xMin}, ${yMin}, ${xMax}, ${yMax}]`;
  if (![xMin, yMin, xMax, yMax].every(Number.isFinite) || xMax <= xMin || yMax <= yMin) {
    throw new RangeError(`boxes[${index}]: expected finite corners, xMin < xMax and yMin < yMax, got ${shown}`);
  }
  if (xMax <= 0 || yMax <= 0 || xMin >= width || yMin >= height) {
    throw new RangeError(`boxes[${index}]: expected a box that overlaps the ${width} x ${height} image, got ${shown}`);
  }
  return roiBoxFromFaceBox(box);
}
