/** What the page requests from the studio, the worker in which everything is computed and drawn. */
import type { BackendName, ModelLicence, Pose, WeightProgress } from '../../src/index.ts';
import type { DrawingKind } from '../../src/results/drawings.ts';

/** Where a pack comes from. */
export type PackChoice =
  | { readonly url: string }
  | { readonly files: readonly { readonly path: string; readonly file: File }[] };

/** What is drawn over the photo, in this order. */
export interface Overlays {
  readonly kinds: readonly DrawingKind[];
  /** `black` leaves the photo out. */
  readonly background: 'image' | 'black';
}

export interface LoadRequest {
  readonly pack: PackChoice;
  readonly backend: BackendName;
  readonly regressor?: string | undefined;
}

export interface LoadedPack {
  readonly name: string;
  readonly backend: BackendName;
  readonly regressor: string;
  readonly regressors: readonly string[];
  readonly licences: readonly ModelLicence[];
  readonly hasModel: boolean;
  readonly hasMaps: boolean;
  /** Sliders of the expression and of the first shape coefficients. */
  readonly expression: readonly Coefficient[];
  readonly shape: readonly Coefficient[];
}

/** One coefficient of the model that can be moved. */
export interface Coefficient {
  readonly name: string;
  /** The largest that still looks like a face; in both directions, unless `isOneSided`. */
  readonly limit: number;
  /** From 0 up, like coefficients of named expressions. */
  readonly isOneSided?: boolean;
}

/** Milliseconds per stage. */
export interface Timings {
  readonly read: number;
  readonly detect: number;
  readonly align: number;
  readonly reconstruct: number;
  readonly draw: number;
}

export interface SeenFace {
  /** Where it is, as fractions of the picture's width and height, 0..1. */
  readonly box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  /** A small picture of it; only in photos. */
  readonly thumbnail?: ImageBitmap;
  /** Confidence of the detector; missing if the face was tracked. */
  readonly score?: number;
  /** Of a tracked face. */
  readonly id?: number;
  readonly yawDegrees: Pose['yawDegrees'];
  readonly pitchDegrees: number;
  readonly rollDegrees: number;
  readonly expression: readonly number[];
  readonly shape: readonly number[];
}

export interface SeenPicture {
  readonly width: number;
  readonly height: number;
  readonly faces: readonly SeenFace[];
  readonly timings: Timings;
}

/** A change of a face: coefficients instead of the fitted ones. */
export interface FaceEdit {
  readonly face: number;
  readonly expression: readonly number[];
  readonly shape: readonly number[];
  readonly frontal: boolean;
}

export type ExportKind = 'glb' | 'obj' | 'ply' | 'json' | 'png';

export interface ExportedFile {
  readonly name: string;
  readonly blob: Blob;
}

/** Methods of the studio: argument and result. */
export interface StudioMethods {
  canvas: (canvas: OffscreenCanvas) => null;
  /** The port to the 3D view. */
  viewer: (port: MessagePort) => null;
  load: (request: LoadRequest) => LoadedPack;
  look: (source: ImageBitmap | Blob) => SeenPicture;
  follow: (frame: FollowedVideoFrame) => SeenPicture;
  restart: (argument: null) => null;
  overlays: (overlays: Overlays) => number;
  /** How many px of the screen the picture covers: overlays are drawn at that resolution. */
  display: (size: { readonly width: number; readonly height: number }) => null;
  /** How much of the picture, from the left, is shown without what is drawn over it: 0..1. */
  wipe: (share: number) => null;
  /** Passes a face in the current picture to the 3D view, as it was found. */
  mesh: (wanted: { readonly face: number; readonly isPhoto: boolean }) => null;
  export: (request: { readonly kind: ExportKind; readonly name: string; readonly edit: FaceEdit }) => ExportedFile;
}

/** A frame of a video or camera. The studio closes it. */
export interface FollowedVideoFrame {
  readonly bitmap: ImageBitmap | VideoFrame;
  readonly timeMs: number;
  /** Which of the faces the 3D view shows. */
  readonly face: number;
}

export type StudioMethod = keyof StudioMethods;

export interface StudioRequest<Method extends StudioMethod = StudioMethod> {
  readonly id: number;
  readonly method: Method;
  readonly argument: Parameters<StudioMethods[Method]>[0];
}

export type StudioAnswer =
  | { readonly id: number; readonly result: ReturnType<StudioMethods[StudioMethod]> }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }
  | { readonly progress: WeightProgress }
  | { readonly warning: string };
