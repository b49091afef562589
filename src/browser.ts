/// <reference lib="dom" preserve="true" />
/** Entry point for the browser: the whole platform-neutral API, pixels, weights kept between visits, and a worker. */

export { createFaceAlignerWorker, type FaceAlignerWorkerOptions } from './browser/face-aligner-worker.ts';
export { faceGlb } from './browser/face-glb.ts';
export { folderWeights } from './browser/folder-weights.ts';
export {
  type FollowedFrame,
  type FollowVideoOptions,
  followVideo,
  type VideoFollower,
  type VideoToFollow,
} from './browser/follow-video.ts';
export { type OpenCameraOptions, openCamera } from './browser/open-camera.ts';
export { type PixelSource, type ReadPixelsOptions, readPixels } from './browser/read-pixels.ts';
export {
  type CachedWeightsOptions,
  cachedWeights,
  clearCachedWeights,
  WEIGHT_CACHE_NAME,
} from './engine/weights/cached-source.ts';
export * from './index.ts';
