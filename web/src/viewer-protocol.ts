import type { FaceSurface, ViewedFace } from './studio-protocol.ts';

/** From the page to the 3D view. Angles are radians around the face, zoom is 1 where the face fills the view. */
export type ViewerRequest =
  | { readonly type: 'canvas'; readonly canvas: OffscreenCanvas }
  | { readonly type: 'resize'; readonly width: number; readonly height: number; readonly pixelRatio: number }
  | { readonly type: 'look'; readonly yaw: number; readonly pitch: number; readonly zoom: number }
  | { readonly type: 'mesh'; readonly mesh: ViewedFace }
  | { readonly type: 'surface'; readonly surface: FaceSurface }
  | { readonly type: 'material'; readonly name: 'photo' | 'clay' | 'wireframe' }
  | { readonly type: 'clear' };

/** `drawn` after each picture: whether it shows a face. */
export type ViewerAnswer = { readonly drawn: boolean } | { readonly error: string };
