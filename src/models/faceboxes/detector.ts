import { checkNumber, type OptionNames } from '../../check-arguments.ts';
import type { Engine, Network, NetworkOutput } from '../../engine/engine.ts';
import { MEAN_SUBTRACTED } from '../../engine/image/network-input.ts';
import type { PictureKernel } from '../../engine/image/picture-kernel.ts';
import type { LayersArtifact } from '../../engine/layers-artifact.ts';
import { MOST_ENLARGEMENT } from '../../engine/weights/pack-manifest.ts';
import { WeightFormatError } from '../../errors.ts';
import { suppressOverlaps } from '../../geometry/nms.ts';
import type { FaceBox, RgbaImage, RgbImage } from '../../types.ts';
import { decodeBoxes, selectConfident } from './decode.ts';
import { priorBoxes } from './prior-boxes.ts';

/** How faces are detected. */
export interface DetectorOptions {
  /** Boxes up to this score are dropped before overlaps are resolved, 0..1. */
  readonly confidenceThreshold?: number;
  /** A box goes when it overlaps a better one by at least this intersection over union, 0..1. */
  readonly nmsThreshold?: number;
  /** Only faces above this score are returned, 0..1. */
  readonly minScore?: number;
  /** At most this many boxes, the best, enter the suppression of overlaps. */
  readonly topK?: number;
  /** At most this many boxes, the best, are kept after the suppression of overlaps. */
  readonly keepTopK?: number;
  /** Wider images are scaled down to this, px. */
  readonly maxWidth?: number;
  /** Taller images are scaled down to this, px. */
  readonly maxHeight?: number;
  /**
   * Smaller images are enlarged up to this many times, as far as they stay within `maxWidth` x `maxHeight`, 1..8: small faces are
   * found better, at the price of a larger image. A pack can have another default than 1; the open pack has.
   */
  readonly maxEnlargement?: number;
}

/** For checks of names. */
export const DETECTOR_OPTION_NAMES: OptionNames<DetectorOptions> = {
  confidenceThreshold: true,
  nmsThreshold: true,
  minScore: true,
  topK: true,
  keepTopK: true,
  maxWidth: true,
  maxHeight: true,
  maxEnlargement: true,
};

/** The original's values. A pack can have its own `maxEnlargement`. */
export const DETECTOR_DEFAULTS: Required<DetectorOptions> = {
  confidenceThreshold: 0.05,
  nmsThreshold: 0.3,
  minScore: 0.5,
  topK: 5000,
  keepTopK: 750,
  maxWidth: 1080,
  maxHeight: 720,
  maxEnlargement: 1,
};

/** Finds faces in images. */
export interface FaceDetector {
  /**
   * @param image - of any size; not changed.
   * @param options - instead of those that the detector was made with.
   * @returns best first; empty where there is no face. Boxes may reach beyond the image.
   * @throws RangeError if the image's sizes and data disagree or an option is out of range; DisposedError.
   */
  detect(image: RgbaImage | RgbImage, options?: DetectorOptions): Promise<FaceBox[]>;
  /** Frees the network. Idempotent. */
  dispose(): void;
}

/** Priors of this many input sizes are kept; a video needs one, a folder of photos few. */
const CACHED_PRIORS = 8;

/**
 * Makes a FaceBoxes detector.
 * @param engine - runs the network; disposing of it ends the detector too.
 * @param artifact - outputs `loc [1, priors, 4]` and `conf [1, priors, 2]`, see `network.ts`.
 * @throws RangeError naming the option that is out of range; what `engine.loadNetwork` throws.
 * @see FaceBoxes/FaceBoxes.py (3DDFA_V2 1b6c676)
 */
export async function createFaceDetector(
  engine: Engine,
  artifact: LayersArtifact,
  options: DetectorOptions = {},
): Promise<FaceDetector> {
  checkOptions({ ...DETECTOR_DEFAULTS, ...options });
  return new FaceboxesDetector(await engine.loadNetwork(artifact), engine.picture, options);
}

class FaceboxesDetector implements FaceDetector {
  readonly #network: Network;
  readonly #picture: PictureKernel;
  readonly #options: DetectorOptions;
  readonly #priors = new Map<string, Float32Array>();
  /** The last input: millions of numbers that the next image of this size can have. */
  #spareInput: Float32Array | undefined;

  constructor(network: Network, picture: PictureKernel, options: DetectorOptions) {
    this.#network = network;
    this.#picture = picture;
    this.#options = options;
  }

  async detect(image: RgbaImage | RgbImage, options: DetectorOptions = {}): Promise<FaceBox[]> {
    const all = { ...DETECTOR_DEFAULTS, ...this.#options, ...options };
    checkOptions(all);
    const { scale, width, height } = detectorInputSize(image.width, image.height, all);
    const input = this.#inputOf(image, width, height);
    const outputs = await this.#network.run(input, [1, height, width, 3]);
    this.#spareInput = input;
    const priors = this.#priorsFor(width, height);
    const { loc, conf } = checkOutputs(outputs, priors.length / 4);
    return selectFaces(loc, conf, priors, { width, height, scale }, all);
  }

  dispose(): void {
    this.#network.dispose();
    this.#priors.clear();
    this.#spareInput = undefined;
  }

  /** The image in the network's size, as its numbers. */
  #inputOf(image: RgbaImage | RgbImage, width: number, height: number): Float32Array {
    const length = width * height * 3;
    const dst = this.#spareInput?.length === length ? this.#spareInput : new Float32Array(length);
    // A second image may come while the first one is still with the network.
    this.#spareInput = undefined;
    const whole = { left: 0, top: 0, width: image.width, height: image.height };
    return this.#picture.toNetworkInput(image, whole, width, height, MEAN_SUBTRACTED, dst);
  }

  #priorsFor(width: number, height: number): Float32Array {
    const key = `${width}x${height}`;
    const priors = this.#priors.get(key) ?? priorBoxes(width, height);
    // The size last used goes to the end; the one longest unused is dropped.
    this.#priors.delete(key);
    this.#priors.set(key, priors);
    for (const oldest of this.#priors.keys()) {
      if (this.#priors.size > CACHED_PRIORS) this.#priors.delete(oldest);
    }
    return priors;
  }
}

/** What the detector sees of an image. */
export interface DetectorInput {
  /** Px. */
  readonly width: number;
  /** Px. */
  readonly height: number;
  /** Relative to the image. Cutting to whole pixels makes the true ratios up to a pixel smaller; boxes ignore that. */
  readonly scale: number;
}

/**
 * The size to which an image is scaled for the detector: down into `maxWidth` x `maxHeight`, or up to `maxEnlargement` times.
 *
 * Sizes are cut to whole pixels, and boxes are divided by the nominal scale, not the true ratios (1080 x 607 for 1280 x 720
 * is 0.1 % less high than wide); so does the original.
 */
export function detectorInputSize(
  imageWidth: number,
  imageHeight: number,
  {
    maxWidth,
    maxHeight,
    maxEnlargement,
  }: Pick<Required<DetectorOptions>, 'maxWidth' | 'maxHeight' | 'maxEnlargement'> = DETECTOR_DEFAULTS,
): DetectorInput {
  let scale = 1;
  if (imageHeight > maxHeight) scale = maxHeight / imageHeight;
  if (imageWidth * scale > maxWidth) scale *= maxWidth / (imageWidth * scale);
  if (scale === 1) scale = Math.max(1, Math.min(maxEnlargement, maxWidth / imageWidth, maxHeight / imageHeight));
  return {
    scale,
    // Of an image a thousand times as wide as high something must remain.
    width: Math.max(1, Math.trunc(scale * imageWidth)),
    height: Math.max(1, Math.trunc(scale * imageHeight)),
  };
}

/**
 * Picks the faces out of the detector's outputs: the confident boxes, without those that overlap better ones.
 * @param loc - `[priors x 4]`.
 * @param conf - `[priors x 2]`.
 * @param priors - `[priors x 4]` from `priorBoxes`.
 * @returns best first.
 */
export function selectFaces(
  loc: Float32Array,
  conf: Float32Array,
  priors: Float32Array,
  { width, height, scale }: DetectorInput,
  options: Required<DetectorOptions> = DETECTOR_DEFAULTS,
): FaceBox[] {
  const indices = selectConfident(conf, options.confidenceThreshold);
  const boxes = decodeBoxes(loc, priors, indices, width, height, scale);
  const scores = Float32Array.from(indices, (index) => conf[2 * index + 1]);
  const kept = suppressOverlaps(boxes, scores, {
    threshold: options.nmsThreshold,
    maxCandidates: options.topK,
    maxKept: options.keepTopK,
  });
  const faces: FaceBox[] = [];
  for (const index of kept) {
    const score = scores[index];
    if (!(score > options.minScore)) break; // Those that follow are no better.
    faces.push({
      xMin: boxes[4 * index],
      yMin: boxes[4 * index + 1],
      xMax: boxes[4 * index + 2],
      yMax: boxes[4 * index + 3],
      score,
    });
  }
  return faces;
}

function checkOutputs(
  outputs: readonly NetworkOutput[],
  priorCount: number,
): { loc: Float32Array; conf: Float32Array } {
  const [loc, conf] = outputs;
  const expected = `[1, ${priorCount}, 4] [1, ${priorCount}, 2]`;
  const actual = outputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' ');
  if (loc === undefined || conf === undefined || actual !== expected) {
    throw new WeightFormatError('the detector', 'the network is not a FaceBoxes', { expected, actual });
  }
  return { loc: loc.data, conf: conf.data };
}

function checkOptions(options: Required<DetectorOptions>): void {
  for (const name of ['confidenceThreshold', 'nmsThreshold', 'minScore'] as const) {
    checkNumber(name, options[name], 0, 1);
  }
  checkNumber('maxEnlargement', options.maxEnlargement, 1, MOST_ENLARGEMENT);
  for (const name of ['topK', 'keepTopK', 'maxWidth', 'maxHeight'] as const) {
    checkNumber(name, options[name], 1, Infinity, true);
  }
}
