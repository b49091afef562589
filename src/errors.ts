/**
 * Errors other than programming mistakes. An invalid argument throws a plain `TypeError` or `RangeError` that names
 * the argument, the expected value and the actual one.
 */

/** Base class of every error in this package. */
export class TddfaError extends Error {
  override readonly name: string = 'TddfaError';

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** A text on one line. Names and values in it come from files: none may break the line or control the terminal. */
export function printable(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ').replace(/\p{Cc}+/gu, '\ufffd');
}

/** The requested backend is not installed or cannot run here. */
export class BackendUnavailableError extends TddfaError {
  override readonly name = 'BackendUnavailableError';
  readonly backend: string;
  readonly available: readonly string[];

  constructor(backend: string, available: readonly string[], advice: string, options?: ErrorOptions) {
    super(`backend '${backend}' is not available: ${advice} (available: ${available.join(', ') || 'none'})`, options);
    this.backend = backend;
    this.available = available;
  }
}

/** A weight file could not be read or downloaded. */
export class WeightLoadError extends TddfaError {
  override readonly name = 'WeightLoadError';
  readonly file: string;
  /** HTTP status, if there was a response. */
  readonly status?: number;

  constructor(file: string, reason: string, options?: ErrorOptions & { status?: number }) {
    super(`cannot load ${file}: ${reason}`, options);
    this.file = file;
    if (options?.status !== undefined) this.status = options.status;
  }
}

/** A weight file was read but its contents are not as expected. */
export class WeightFormatError extends TddfaError {
  override readonly name = 'WeightFormatError';
  readonly file: string;
  readonly tensor?: string;
  readonly expected?: string;
  readonly actual?: string;

  constructor(
    file: string,
    reason: string,
    options?: ErrorOptions & { tensor?: string; expected?: string; actual?: string },
  ) {
    const tensor = options?.tensor === undefined ? '' : ` tensor '${options.tensor}':`;
    const found =
      options?.expected === undefined ? '' : ` (expected ${options.expected}, got ${options.actual ?? 'nothing'})`;
    super(`${file}:${tensor} ${reason}${found}`, options);
    this.file = file;
    if (options?.tensor !== undefined) this.tensor = options.tensor;
    if (options?.expected !== undefined) this.expected = options.expected;
    if (options?.actual !== undefined) this.actual = options.actual;
  }
}

/** A network has a layer that the engine cannot run. */
export class UnsupportedLayerError extends TddfaError {
  override readonly name = 'UnsupportedLayerError';
  readonly layer: string;
  readonly type: string;

  constructor(layer: string, type: string, reason = 'this layer type is not supported') {
    super(`layer '${layer}' (${type}): ${reason}`);
    this.layer = layer;
    this.type = type;
  }
}

/** A picture could not be decoded. */
export class ImageDecodeError extends TddfaError {
  override readonly name = 'ImageDecodeError';
  readonly path: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${path}: ${reason}`, options);
    this.path = path;
  }
}

/** A video could not be read or written, or ffmpeg, which does both, is missing. */
export class VideoFileError extends TddfaError {
  override readonly name = 'VideoFileError';
  readonly path: string;
  /** For a video that ends early: number of frames read, all of which have been delivered. */
  readonly framesRead?: number;

  constructor(path: string, reason: string, options?: ErrorOptions & { framesRead?: number }) {
    super(`${path}: ${reason}`, options);
    this.path = path;
    if (options?.framesRead !== undefined) this.framesRead = options.framesRead;
  }
}

/**
 * Why a camera cannot be used: access was denied, there is none, another program is using it, the page was not served
 * from https or this device, it was unplugged or taken away, or the browser gives no reason.
 */
export type CameraProblem = 'denied' | 'missing' | 'busy' | 'insecure' | 'unplugged' | 'failed';

const CAMERA_ADVICE: Readonly<Record<CameraProblem, string>> = {
  denied: 'camera access was denied',
  missing: 'there is no such camera',
  busy: 'the camera is already in use',
  insecure: 'cameras need a page on https or localhost',
  unplugged: 'camera disconnected',
  failed: 'the camera did not start',
};

/** A camera could not be opened, or was disconnected. */
export class CameraError extends TddfaError {
  override readonly name = 'CameraError';
  readonly problem: CameraProblem;

  constructor(problem: CameraProblem, options?: ErrorOptions) {
    super(CAMERA_ADVICE[problem], options);
    this.problem = problem;
  }
}

/** A worker could not be started, or exited with work in progress. */
export class WorkerFailedError extends TddfaError {
  override readonly name = 'WorkerFailedError';

  constructor(reason: string, options?: ErrorOptions) {
    super(`the worker ${reason}`, options);
  }
}

/** The queue of a pool is full. */
export class QueueFullError extends TddfaError {
  override readonly name = 'QueueFullError';
  /** Maximum number of waiting calls. */
  readonly maxQueued: number;

  constructor(maxQueued: number) {
    super(`${maxQueued} calls are already waiting, the pool's maxQueued`);
    this.maxQueued = maxQueued;
  }
}

/** A disposed object was used. */
export class DisposedError extends TddfaError {
  override readonly name = 'DisposedError';

  constructor(what: string) {
    super(`${what} is disposed and can no longer be used`);
  }
}
