import { checkChoice, checkNumber } from '../../check-arguments.ts';
import type { Engine, Network } from '../../engine/engine.ts';
import { MEAN_SUBTRACTED } from '../../engine/image/network-input.ts';
import type { PictureKernel } from '../../engine/image/picture-kernel.ts';
import type { PixelRegion } from '../../engine/image/resize.ts';
import type { LayersArtifact } from '../../engine/layers-artifact.ts';
import { MOST_ENLARGEMENT } from '../../engine/weights/pack-manifest.ts';
import { suppressOverlaps } from '../../geometry/nms.ts';
import type { FaceBox, RgbaImage, RgbImage } from '../../types.ts';
import { checkOutputShapes } from '../check-output-shapes.ts';
import type { DetectorInput } from './coarse-to-fine.ts';
import { decodeBoxes, selectConfident } from './decode.ts';
import { priorBoxes } from './prior-boxes.ts';

/** How faces are detected. */
export interface DetectorOptions {
  /** Boxes up to this score are dropped before overlaps are resolved, 0..1. */
  readonly confidenceThreshold?: number;
  /** A box is dropped if it overlaps a better one by at least this intersection over union, 0..1. */
  readonly nmsThreshold?: number;
  /** Only faces above this score are returned, 0..1. */
  readonly minScore?: number;
  /** At most this many boxes, the best ones, enter the suppression of overlaps. */
  readonly topK?: number;
  /** At most this many boxes, the best ones, are kept after the suppression of overlaps. */
  readonly keepTopK?: number;
  /** Wider images are scaled down to this, px. */
  readonly maxWidth?: number;
  /** Taller images are scaled down to this, px. */
  readonly maxHeight?: number;
  /**
   * Smaller images are enlarged by up to this factor, but only within `maxWidth` x `maxHeight`, 1..8: small faces are
   * detected better, at the cost of a larger image. A pack can have a default other than 1, as the open pack does.
   */
  readonly maxEnlargement?: number;
  /**
   * `full`, the default, runs on the whole image at its size. `coarse-to-fine` runs at half that size first, then at
   * full size only where small faces may be: a portrait takes less than half the time, a crowd up to a third more.
   */
  readonly strategy?: DetectorStrategy;
}

/** In which order, and at which sizes, the detector runs on an image. */
export type DetectorStrategy = 'full' | 'coarse-to-fine';

/** All strategies. */
export const DETECTOR_STRATEGIES: readonly DetectorStrategy[] = ['full', 'coarse-to-fine'];

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
  strategy: 'full',
};

/** Finds faces in images. */
export interface FaceDetector {
  /**
   * @param image - of any size; not changed.
   * @param options - instead of those that the detector was created with.
   * @returns best first; empty if there is no face. Boxes may extend beyond the image.
   * @throws RangeError if the image's sizes and data disagree or an option is out of range; DisposedError.
   */
  detect(image: RgbaImage | RgbImage, options?: DetectorOptions): Promise<FaceBox[]>;
  /** Frees the network. Idempotent. */
  dispose(): void;
}

/** Priors of this many input sizes are kept; a video needs one, a folder of photos a few. */
const CACHED_PRIORS = 8;

/**
 * Creates a FaceBoxes detector.
 * @param engine - runs the network; disposing of it ends the detector too.
 * @param artifact - outputs `loc [1, priors, 4]` and `conf [1, priors, 2]`, see `network.ts`.
 * @throws RangeError naming the option that is out of range; also as `engine.loadNetwork`.
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
  /** The last input: millions of numbers that the next image of this size can reuse. */
  #spareInput: Float32Array | undefined;

  constructor(network: Network, picture: PictureKernel, options: DetectorOptions) {
    this.#network = network;
    this.#picture = picture;
    this.#options = options;
  }

  async detect(image: RgbaImage | RgbImage, options: DetectorOptions = {}): Promise<FaceBox[]> {
    const all = { ...DETECTOR_DEFAULTS, ...this.#options, ...options };
    checkOptions(all);
    const size = detectorInputSize(image.width, image.height, all);
    if (all.strategy === 'full') {
      return this.#look(image, { left: 0, top: 0, width: image.width, height: image.height }, size, all);
    }
    const { detectCoarseToFine } = await import('./coarse-to-fine.ts');
    return detectCoarseToFine(image, size, all, this.#picture, this.#look.bind(this));
  }

  dispose(): void {
    this.#network.dispose();
    this.#priors.clear();
    this.#spareInput = undefined;
  }

  /** The faces in a region of an image; px of the region. */
  async #look(
    image: RgbaImage | RgbImage,
    region: PixelRegion,
    size: DetectorInput,
    options: Required<DetectorOptions>,
  ): Promise<FaceBox[]> {
    const { width, height } = size;
    const input = this.#inputOf(image, region, width, height);
    const outputs = await this.#network.run(input, [1, height, width, 3]);
    this.#spareInput = input;
    const priors = this.#priorsFor(width, height);
    const count = priors.length / 4;
    const shapes = [4, 2].map((numbers) => [1, count, numbers]);
    checkOutputShapes(outputs, shapes, 'the detector', 'the network is not a FaceBoxes');
    const [loc, conf] = outputs;
    return selectFaces(loc.data, conf.data, priors, size, options);
  }

  /** The region at the network's input size, as its numbers. */
  #inputOf(image: RgbaImage | RgbImage, region: PixelRegion, width: number, height: number): Float32Array {
    const length = width * height * 3;
    const dst = this.#spareInput?.length === length ? this.#spareInput : new Float32Array(length);
    // A second image may arrive while the network is still using the first one.
    this.#spareInput = undefined;
    return this.#picture.toNetworkInput(image, region, width, height, MEAN_SUBTRACTED, dst);
  }

  #priorsFor(width: number, height: number): Float32Array {
    const key = `${width}x${height}`;
    const priors = this.#priors.get(key) ?? priorBoxes(width, height);
    if (this.#priors.size > CACHED_PRIORS) this.#priors.clear();
    this.#priors.set(key, priors);
    return priors;
  }
}

/**
 * The size to which an image is scaled for the detector: down into `maxWidth` x `maxHeight`, or up to `maxEnlargement`
 * times.
 *
 * Sizes are truncated to whole pixels, and boxes are divided by the nominal scale, not the true ratios (1080 x 607 for
 * 1280 x 720 shrinks the height by 0.1 % more than the width); the original does the same.
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
    // Something must remain of an image that is a thousand times as wide as it is high.
    width: Math.max(1, Math.trunc(scale * imageWidth)),
    height: Math.max(1, Math.trunc(scale * imageHeight)),
  };
}

/**
 * Selects the faces from the detector's outputs: the confident boxes, without those that overlap better ones.
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

function checkOptions(options: Required<DetectorOptions>): void {
  for (const name of ['confidenceThreshold', 'nmsThreshold', 'minScore'] as const) {
    checkNumber(name, options[name], 0, 1);
  }
  checkNumber('maxEnlargement', options.maxEnlargement, 1, MOST_ENLARGEMENT);
  for (const name of ['topK', 'keepTopK', 'maxWidth', 'maxHeight'] as const) {
    checkNumber(name, options[name], 1, Infinity, true);
  }
  checkChoice('strategy', options.strategy, DETECTOR_STRATEGIES);
}
