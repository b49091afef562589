/**
 * Errors that are not the caller's mistake in code. A wrong argument is a plain `TypeError` or `RangeError` that names
 * the argument, what was expected and what came.
 */

/** Base of every error of this package. */
export class TddfaError extends Error {
  override readonly name: string = 'TddfaError';

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** A text on one line. Names and values in it come from files: none of them may break the line or command the terminal. */
export function printable(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ').replace(/\p{Cc}+/gu, '\ufffd');
}

/** The asked backend is not installed or cannot run here. */
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
  /** HTTP status, when there was an answer. */
  readonly status?: number;

  constructor(file: string, reason: string, options?: ErrorOptions & { status?: number }) {
    super(`cannot load ${file}: ${reason}`, options);
    this.file = file;
    if (options?.status !== undefined) this.status = options.status;
  }
}

/** A weight file was read but does not hold what it should. */
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

/** A video could not be read or written; also where ffmpeg, which does both, is missing. */
export class VideoFileError extends TddfaError {
  override readonly name = 'VideoFileError';
  readonly path: string;
  /** Of a film that ends early: how many frames there were, all of which have been given. */
  readonly framesRead?: number;

  constructor(path: string, reason: string, options?: ErrorOptions & { framesRead?: number }) {
    super(`${path}: ${reason}`, options);
    this.path = path;
    if (options?.framesRead !== undefined) this.framesRead = options.framesRead;
  }
}

/**
 * Why a camera cannot be used: it was not allowed, there is none, another program has it, the page is not from https or this
 * device, it was unplugged or taken away, or the browser gives no reason.
 */
export type CameraProblem = 'denied' | 'missing' | 'busy' | 'insecure' | 'unplugged' | 'failed';

const CAMERA_ADVICE: Readonly<Record<CameraProblem, string>> = {
  denied: 'the camera was not allowed',
  missing: 'there is no such camera',
  busy: 'another program uses the camera',
  insecure: 'cameras need a page from https or this device',
  unplugged: 'the camera went away',
  failed: 'the camera did not start',
};

/** A camera could not be opened, or went away. */
export class CameraError extends TddfaError {
  override readonly name = 'CameraError';
  readonly problem: CameraProblem;

  constructor(problem: CameraProblem, options?: ErrorOptions) {
    super(CAMERA_ADVICE[problem], options);
    this.problem = problem;
  }
}

/** A worker could not be started, or ended by itself with work under way. */
export class WorkerFailedError extends TddfaError {
  override readonly name = 'WorkerFailedError';

  constructor(reason: string, options?: ErrorOptions) {
    super(`the worker ${reason}`, options);
  }
}

/** More calls wait for the workers of a pool than it takes in. */
export class QueueFullError extends TddfaError {
  override readonly name = 'QueueFullError';
  /** Calls that may wait. */
  readonly maxQueued: number;

  constructor(maxQueued: number) {
    super(`${maxQueued} calls wait already, which is the pool's maxQueued`);
    this.maxQueued = maxQueued;
  }
}

/** A disposed object was used. */
export class DisposedError extends TddfaError {
  override readonly name = 'DisposedError';

  constructor(what: string) {
    super(`${what} is disposed and cannot be used any more`);
  }
}
