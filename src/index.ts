/** Public API that runs anywhere: Node, browsers, workers. */

export type { Optimization, OptimizeOption } from './engine/compiler/optimize.ts';
export { availableBackends } from './engine/create-engine.ts';
export type { BackendName } from './engine/engine.ts';
export type { BasisPrecision } from './engine/kernels/linear-model.ts';
export type { Precision } from './engine/quantization.ts';
export { type HttpWeightsOptions, httpWeights } from './engine/weights/http-source.ts';
export { memoryWeights } from './engine/weights/memory-source.ts';
export type {
  ReadOptions,
  WeightProgress,
  WeightProgressListener,
  WeightSource,
} from './engine/weights/weight-source.ts';
export {
  BackendUnavailableError,
  CameraError,
  type CameraProblem,
  DisposedError,
  ImageDecodeError,
  QueueFullError,
  TddfaError,
  UnsupportedLayerError,
  VideoFileError,
  WeightFormatError,
  WeightLoadError,
  WorkerFailedError,
} from './errors.ts';
export {
  createFaceAligner,
  type FaceAligner,
  type FaceAlignerOptions,
} from './face-aligner.ts';
export type { LandmarkSet, ReconstructOptions } from './geometry/face-surface.ts';
export { poseFromParams } from './geometry/pose.ts';
export type { ModelLicence } from './models/face-pack.ts';
export { DETECTOR_DEFAULTS, type DetectorOptions, type DetectorStrategy } from './models/faceboxes/detector.ts';
export { createFaceRefiner } from './models/tddfa/create-face-refiner.ts';
export type { CreateFaceRefiner, FaceRefiner } from './models/tddfa/face-refiner.ts';
export type {} from './platform-types.ts';
export type {
  AlignedFace,
  ContourStrips,
  FaceActing,
  FaceBox,
  FaceMaps,
  HeadAngles,
  MorphableModel,
  ParamLayout,
  Pose,
  RgbaImage,
  RgbImage,
  RoiBox,
} from './types.ts';
export type { OffsetFilterOptions } from './video/offset-filter.ts';
export {
  createMeanSmoother,
  createParamSmoother,
  type FacePoints,
  type MeanSmoother,
  type MeanSmoothingOptions,
  type ParamSmoother,
  type ParamSmoothingOptions,
  SMOOTHING_PRESETS,
  type SmoothingPreset,
} from './video/smoothing.ts';
export {
  createFaceTracker,
  type FaceTracker,
  type FaceTrackerOptions,
  type TrackedFace,
  type TrackingMode,
} from './video/tracker.ts';
export type { TrackingStep } from './video/tracking-rule.ts';
export type { SimdMode } from './wasm/simd-mode.ts';
