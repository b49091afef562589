/** Entry for Node: the whole platform-neutral API, files, and the open pack as the default. */

import type { WeightSource } from './engine/weights/weight-source.ts';
import {
  checkFaceAlignerOptions,
  createFaceAligner as createAligner,
  FACE_ALIGNER_OPTION_NAMES,
  type FaceAligner,
  type FaceAlignerOptions,
} from './face-aligner.ts';
import { nodeWeights } from './node/node-weights.ts';

export { fileWeights } from './engine/weights/file-source.ts';
export { type DecodeImageOptions, decodeImage, MAX_IMAGE_PIXELS } from './image-files/decode-image.ts';
export { type EncodeJpegOptions, encodeJpeg } from './image-files/encode-jpeg.ts';
export { readImage } from './image-files/read-image.ts';
export { encodePng, writeImage } from './image-files/write-image.ts';
export * from './index.ts';
export {
  createFaceAlignerPool,
  type DisposePoolOptions,
  FACE_ALIGNER_POOL_DEFAULTS,
  type FaceAlignerPool,
  type FaceAlignerPoolOptions,
  type PoolCallOptions,
} from './node/face-aligner-pool.ts';
export { faceGlb } from './node/face-glb.ts';
export type { PoolWorker } from './node/thread-port.ts';
export { openWeights } from './package-files.ts';
export type {} from './platform-types.ts';
export {
  findImageSequence,
  type ReadImageSequenceOptions,
  readImageSequence,
  writeImageSequence,
} from './video-files/image-sequence.ts';
export { type ReadVideoOptions, readVideo, type VideoSource } from './video-files/read-video.ts';
export type { FrameRange, FrameSink, FrameSource, VideoFrame } from './video-files/video-frame.ts';
export { type WriteVideoOptions, writeVideo } from './video-files/write-video.ts';
export type { AlignFileOptions, FileFaces } from './workers/worker-protocol.ts';

/** Options of {@link createFaceAligner} in Node. */
export interface NodeFaceAlignerOptions extends Omit<FaceAlignerOptions, 'weights'> {
  /**
   * Location of the pack: `fileWeights`, `httpWeights`, a folder or a URL. Default: the open pack shipped with this
   * package.
   */
  readonly weights?: WeightSource | string | URL;
}

/**
 * Loads a pack, by default the open pack, and creates an aligner from it.
 * @throws BackendUnavailableError, WeightLoadError, WeightFormatError; RangeError for a regressor that is not in the pack.
 */
export async function createFaceAligner(options: NodeFaceAlignerOptions = {}): Promise<FaceAligner> {
  checkFaceAlignerOptions(options, FACE_ALIGNER_OPTION_NAMES);
  return createAligner({ ...options, weights: nodeWeights(options.weights) });
}
