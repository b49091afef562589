/**
 * The messages between an aligner's worker and its owner, a page or a Node program. The owner reads the weights, so
 * that every source works, even a custom function; the worker decodes, checks and runs them.
 */
import type { BackendName } from '../engine/engine.ts';
import type { WeightProgress } from '../engine/weights/weight-source.ts';
import {
  BackendUnavailableError,
  DisposedError,
  ImageDecodeError,
  TddfaError,
  UnsupportedLayerError,
  VideoFileError,
  WeightFormatError,
  WeightLoadError,
} from '../errors.ts';
import type { FaceAligner, FaceAlignerOptions } from '../face-aligner.ts';
import type { PackedModel } from '../geometry/morphable-model.ts';
import type { ModelLicence } from '../models/face-pack.ts';
import type { DetectorOptions } from '../models/faceboxes/detector.ts';
import type { AlignedFace, FaceBox, FaceMaps, MorphableModel, RgbaImage, RoiBox } from '../types.ts';
import type { ReadyMessage } from './worker-port.ts';

/** Methods of an aligner that the worker runs. */
export type WorkerMethod = 'detect' | 'align' | 'alignToLandmarks' | 'alignCrops';

export type MethodResult<Method extends WorkerMethod> = Awaited<ReturnType<FaceAligner[Method]>>;

/** Result of a call to a worker. */
export type CallResult = MethodResult<WorkerMethod> | RgbaImage | FileFaces;

/** An image in a message: with its pixels, or without if the worker has them. */
export interface SentImage {
  readonly key: number;
  readonly width: number;
  readonly height: number;
  readonly data?: Uint8Array | Uint8ClampedArray;
  /** Whether the worker keeps it, because later messages may refer to it without its pixels. */
  readonly isKept: boolean;
}

/** Options of an aligner that can be sent in a message. */
export interface SentOptions extends Omit<FaceAlignerOptions, 'weights' | 'onProgress' | 'signal' | 'refine'> {
  /** Whether to refine eyes and mouths, with the worker's own `createFaceRefiner`. */
  readonly refine?: boolean;
}

/** Parts of the code that a page's worker gets from the page on request. */
export type WorkerCode = 'integer-compiler' | 'face-refiner';

/** Options for decoding a picture file in a worker: `DecodeImageOptions`. */
export interface DecodeOptions {
  readonly maxPixels?: number;
  readonly path?: string;
}

/** How to find the faces in a picture file. */
export interface AlignFileOptions {
  /** Boxes to align instead of detecting faces; px of the picture. */
  readonly boxes?: readonly RoiBox[] | undefined;
  /** Options for face detection. */
  readonly detector?: DetectorOptions | undefined;
}

/** The faces in a picture file. */
export interface FileFaces {
  /** Size of the picture, px. */
  readonly width: number;
  readonly height: number;
  /** Detected boxes, best first; empty if boxes were given. */
  readonly boxes: readonly FaceBox[];
  /** One per box, detected or given, in the same order. */
  readonly faces: readonly AlignedFace[];
}

/** From the owner to the worker. */
export type OwnerMessage =
  | {
      readonly type: 'create';
      readonly options: SentOptions;
      readonly source: string;
      /** Whether the morphable model and its maps move to the owner. */
      readonly wantsModel: boolean;
    }
  | { readonly type: 'progress'; readonly id: number; readonly progress: WeightProgress }
  | {
      readonly type: 'file';
      readonly id: number;
      readonly bytes: Uint8Array;
      /** If the owner has hashed the file. */
      readonly sha256?: string | undefined;
    }
  | { readonly type: 'no-file'; readonly id: number; readonly error: SentError }
  | {
      readonly type: 'call';
      readonly id: number;
      readonly method: WorkerMethod;
      readonly image: SentImage;
      /** The method's argument after the image. */
      readonly argument: unknown;
    }
  | {
      readonly type: 'decode';
      readonly id: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly options: DecodeOptions;
    }
  | {
      readonly type: 'align-file';
      readonly id: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly options: DecodeOptions & AlignFileOptions;
    }
  | { readonly type: 'drop'; readonly keys: readonly number[] }
  /** The text of a module; empty if the owner has none. */
  | { readonly type: 'code'; readonly name: WorkerCode; readonly text: string };

/** From the worker to its owner. */
export type WorkerMessage =
  | {
      readonly type: 'read';
      readonly id: number;
      readonly path: string;
      readonly maxBytes?: number | undefined;
      readonly sha256?: string | undefined;
    }
  | { readonly type: 'progress'; readonly progress: WeightProgress }
  | ReadyMessage
  | { readonly type: 'read-code'; readonly name: WorkerCode }
  | ({ readonly type: 'created' } & CreatedAligner)
  | { readonly type: 'not-created'; readonly error: SentError }
  | { readonly type: 'result'; readonly id: number; readonly value: CallResult }
  | { readonly type: 'failure'; readonly id: number; readonly error: SentError };

/** What the owner learns about an aligner. */
export interface CreatedAligner {
  readonly backend: BackendName;
  readonly packName: string;
  readonly hasDetector: boolean;
  readonly regressor: string;
  readonly regressors: readonly string[];
  readonly licences: readonly ModelLicence[];
  readonly morphableModel?: MorphableModel | undefined;
  /** The model packed for 68 landmarks and for all vertices. */
  readonly packed?: { readonly landmarks: PackedModel; readonly dense: PackedModel } | undefined;
  readonly faceMaps?: FaceMaps | undefined;
}

/** An error in a message. The browser's own cloning of errors would lose our classes and their fields. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** `file`, `backend`, … */
  readonly fields: Readonly<Record<string, unknown>>;
}

const ERROR_CLASSES: ReadonlyMap<string, abstract new (...args: never) => Error> = new Map(
  Object.entries({
    BackendUnavailableError,
    DisposedError,
    ImageDecodeError,
    RangeError,
    TddfaError,
    TypeError,
    UnsupportedLayerError,
    VideoFileError,
    WeightFormatError,
    WeightLoadError,
  }),
);

/** An error in a form that can be sent; its cause stays behind. */
export function packError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), fields: {} };
  const { name, message, stack } = error;
  const fields = Object.entries(error).filter(([, value]) => isPlain(value));
  return { name, message, stack, fields: Object.fromEntries(fields) };
}

/** The error that was sent, of the same class. */
export function unpackError({ name, message, stack, fields }: SentError): Error {
  const error = new Error(message);
  const errorClass = ERROR_CLASSES.get(name);
  if (errorClass !== undefined) Object.setPrototypeOf(error, errorClass.prototype);
  Object.assign(error, fields);
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}

function isPlain(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isPlain) : value === null || /string|number|boolean/.test(typeof value);
}

/** The buffers of all typed arrays in a value, each once. */
export function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) buffersOf(part, found);
  }
  return [...found];
}
