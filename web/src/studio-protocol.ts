/** What the page asks of the studio, the worker in which everything is computed and drawn. */
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
  /** From 0 up, as coefficients of named expressions go. */
  readonly isOneSided?: boolean;
}

/** Milliseconds of each stage. */
export interface Timings {
  readonly read: number;
  readonly detect: number;
  readonly align: number;
  readonly reconstruct: number;
  readonly draw: number;
}

export interface SeenFace {
  /** Confidence of the detector; missing where the face was tracked. */
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

/** A face for the 3D view: y up, millimetres, the middle at 0. */
export interface FaceSurface {
  readonly positions: Float32Array;
  readonly normals: Float32Array;
}

export interface ViewedFace extends FaceSurface {
  readonly triangles: Uint32Array;
  readonly uvs: Float32Array;
  readonly texture: ImageBitmap;
}

export type ExportKind = 'glb' | 'obj' | 'ply' | 'json' | 'png';

export interface ExportedFile {
  readonly name: string;
  readonly blob: Blob;
}

/** Methods of the studio: argument and result. */
export interface StudioMethods {
  canvas: (canvas: OffscreenCanvas) => null;
  load: (request: LoadRequest) => LoadedPack;
  look: (source: ImageBitmap | Blob) => SeenPicture;
  follow: (frame: { readonly bitmap: ImageBitmap | VideoFrame; readonly timeMs: number }) => SeenPicture;
  restart: (argument: null) => null;
  overlays: (overlays: Overlays) => number;
  mesh: (edit: FaceEdit) => ViewedFace;
  edit: (edit: FaceEdit) => FaceSurface;
  export: (request: { readonly kind: ExportKind; readonly name: string; readonly edit: FaceEdit }) => ExportedFile;
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
