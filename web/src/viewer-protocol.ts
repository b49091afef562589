import type { FaceMaps, MorphableModel } from '../../src/index.ts';
import type { FaceEdit } from './studio-protocol.ts';

export type SkinName = 'photo' | 'clay' | 'wireframe';

/** From the page to the 3D view. Angles are radians around the face, zoom is 1 where the face fills the view. */
export type ViewerRequest =
  | { readonly type: 'canvas'; readonly canvas: OffscreenCanvas; readonly studio: MessagePort }
  | { readonly type: 'resize'; readonly width: number; readonly height: number; readonly pixelRatio: number }
  | { readonly type: 'look'; readonly yaw: number; readonly pitch: number; readonly zoom: number }
  /** Whether the head turns to and fro by itself. */
  | { readonly type: 'sway'; readonly isOn: boolean }
  | { readonly type: 'edit'; readonly edit: Omit<FaceEdit, 'face'> }
  | { readonly type: 'material'; readonly name: SkinName }
  /** Whether the photo's face moves with a video or the camera, instead of the face in front of it. */
  | { readonly type: 'puppet'; readonly isOn: boolean }
  | { readonly type: 'clear' };

/** From the studio straight to the 3D view, bypassing the page's thread. Textures have their bottom row first. */
export type ViewedByStudio =
  | { readonly type: 'model'; readonly model: ViewedModel | undefined }
  | { readonly type: 'still'; readonly params: Float32Array; readonly texture: ImageBitmap; readonly isPhoto: boolean }
  | { readonly type: 'live'; readonly params: Float32Array; readonly texture?: ImageBitmap };

/** What surfaces are made of. */
export interface ViewedModel {
  readonly packName: string;
  readonly morphableModel: MorphableModel;
  readonly faceMaps: FaceMaps;
}

/** `drawn` when that changes: whether a face is shown. `lost`: whether the graphics card is lost. */
export type ViewerAnswer = { readonly drawn: boolean } | { readonly lost: boolean } | { readonly error: string };
