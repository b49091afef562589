/** Entry point for the geometry alone: plain typed arrays in, plain typed arrays out, no dependencies. */

export { type AlignedCropOptions, ARCFACE_TEMPLATE, alignedCrop, fivePoints } from './geometry/aligned-crop.ts';
export { contourVertices } from './geometry/contour.ts';
export { type DepthMap, type DrawDepthOptions, depthMap, drawDepth, toDepth16 } from './geometry/depth.ts';
export {
  type DrawOptions,
  type DrawPointsOptions,
  type DrawPoseOptions,
  drawBoxes,
  drawLandmarks,
  drawPoints,
  drawPose,
  type PoseFace,
} from './geometry/draw.ts';
export { expressionNames, type NamedExpressions } from './geometry/expression-names.ts';
export { type ExpressionTargets, expressionTargets } from './geometry/expression-targets.ts';
export { expressions } from './geometry/expressions.ts';
export { createFaceFilm, type FaceFilm, type FaceFilmOptions, type FilmedFace } from './geometry/face-film.ts';
export type { FaceLandmarks } from './geometry/face-landmarks.ts';
export { type FaceMask, faceMask, type HideFacesOptions, hideFaces } from './geometry/face-mask.ts';
export {
  type FaceMesh,
  type FaceMeshesOptions,
  type FaceMeshOptions,
  faceMesh,
  faceMeshes,
} from './geometry/face-mesh.ts';
export {
  createSurfaceReconstructor,
  type DenseEvaluator,
  type LandmarkSet,
  type ReconstructOptions,
  type SurfaceParts,
  type SurfaceReconstructor,
  type SurfaceSource,
} from './geometry/face-surface.ts';
export {
  frontalFace,
  type MeshRegion,
  meshRegions,
  neutralFace,
  transferExpression,
  withExpression,
} from './geometry/face-tools.ts';
export { type EyeGaze, type FaceGaze, gaze } from './geometry/gaze.ts';
export { type GlbFace, type GlbMotion, type GlbOptions, writeGlb } from './geometry/glb.ts';
export { interpolate } from './geometry/interpolate.ts';
export {
  LANDMARK_COUNT,
  LANDMARK_OUTLINES,
  LANDMARK_REGIONS,
  type LandmarkOutline,
  type LandmarkRegion,
  MIRRORED_LANDMARKS,
} from './geometry/landmark-regions.ts';
export {
  DEFAULT_INTEROCULAR_MM,
  type Mesh,
  type MetricPlacement,
  metricPlacements,
  toMetricFrame,
  toPhotoFrame,
  vertexColours,
  withClosedMouth,
} from './geometry/mesh.ts';
export { borderLoops, type MouthPatch, mouthPatch } from './geometry/mesh-holes.ts';
export { mirrorVertices } from './geometry/mirror-vertices.ts';
export {
  type PackedModel,
  packLandmarks,
  packModel,
  reconstruct,
  reconstructFaces,
} from './geometry/morphable-model.ts';
export { NMS_DEFAULTS, type NmsOptions, suppressOverlaps } from './geometry/nms.ts';
export { type VertexNormalsOptions, vertexNormals } from './geometry/normals.ts';
export { type ObjMaterial, type ObjOptions, writeMtl, writeObj, writeUpstreamObj } from './geometry/obj.ts';
export { type EyeOpenness, eyeOpenness, mouthOpenness } from './geometry/openness.ts';
export { denormaliseParams, type FaceParams, paramLayout, splitParams } from './geometry/params.ts';
export type { Background, Colour, Compatibility, Picture, PictureOptions, UvTexture } from './geometry/picture.ts';
export { type PlyOptions, writePly } from './geometry/ply.ts';
export { type DrawPnccOptions, drawPncc } from './geometry/pncc.ts';
export { cameraMatrix, poseFromParams, poseMatrix, surfaceMatrix } from './geometry/pose.ts';
export { type PoseBox, poseBox } from './geometry/pose-box.ts';
export type { Raster } from './geometry/raster.ts';
export { type RasterizeOptions, rasterize } from './geometry/rasterize.ts';
export { type DrawRenderOptions, drawRender } from './geometry/render.ts';
export { resizePicture } from './geometry/resize-picture.ts';
export { landmarksHypotenuse, roiBoxFromFaceBox, roiBoxFromLandmarks } from './geometry/roi-box.ts';
export {
  anglesFromRotation,
  quaternionFromRotation,
  rotationFromAngles,
  rotationFromQuaternion,
} from './geometry/rotation.ts';
export { sampleTexture } from './geometry/sample-texture.ts';
export { type LightOptions, shadeVertices } from './geometry/shading.ts';
export { arrangeSheet, createSheet, type Sheet, type SheetOptions } from './geometry/sheet.ts';
export { type CropPlacement, cropPlacement, cropToImage } from './geometry/similarity-transform.ts';
export { drawTextured, type TexturedFace } from './geometry/textured.ts';
export { extractUvTexture, type UvTextureOptions } from './geometry/uv-texture.ts';
export { landmarkVisibility, vertexVisibility } from './geometry/visibility.ts';
export type {
  AlignedFace,
  ContourStrips,
  FaceActing,
  FaceBox,
  FaceMaps,
  HeadAngles,
  MorphableModel,
  ParamLayout,
  PictureArea,
  Pose,
  RgbaImage,
  RgbImage,
  RoiBox,
} from './types.ts';
