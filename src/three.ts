/** Entry point for three.js, a peer dependency: a face as an object in a scene, and what is attached to it. */

export type {} from './platform-types.ts';
export { FaceMesh3D, type FaceMesh3DOptions } from './three/face-mesh-3d.ts';
export { FrontalTexture, type FrontalTextureOptions, frontalTexture } from './three/frontal-texture.ts';
export { HeadOccluder, OccluderMaterial } from './three/occluder.ts';
export { PhotoCamera } from './three/photo-camera.ts';
