import type { OptionNames } from '../check-arguments.ts';
import { withDispose } from '../disposable.ts';
import { DisposedError, WorkerFailedError } from '../errors.ts';
import {
  checkCallArguments,
  checkFaceAlignerOptions,
  type FaceAligner,
  type FaceAlignerOptions,
  THREAD_ALIGNER_OPTION_NAMES,
  weightSourceOf,
} from '../face-aligner.ts';
import type { RgbaImage } from '../types.ts';
import { checkRefineSwitch } from '../workers/check-refine-switch.ts';
import { ownerSide } from '../workers/owner-side.ts';
import { WorkerConnection } from '../workers/worker-connection.ts';
import { START_TIMEOUT_MS, untilReady, type WorkerPort } from '../workers/worker-port.ts';
import type {
  CreatedAligner,
  MethodResult,
  OwnerMessage,
  SentOptions,
  WorkerCode,
  WorkerMessage,
  WorkerMethod,
} from '../workers/worker-protocol.ts';
import { browserWorkerPort } from './browser-worker-port.ts';
import { WorkerImages } from './worker-images.ts';

/** Options of {@link createFaceAlignerWorker}. */
export interface FaceAlignerWorkerOptions extends Omit<FaceAlignerOptions, 'refine'> {
  /**
   * Whether to refine eyes and mouths, as `createFaceAligner` does with `refine: createFaceRefiner`: a function cannot
   * be sent to a worker, so the worker loads its own. Default false.
   */
  readonly refine?: boolean;
  /**
   * Leaves `image.data` with the caller, at the cost of a copy per call. By default the pixels move to the worker: the
   * caller's array is empty afterwards, but the same image object can still be passed to the aligner's other methods.
   */
  readonly keepPixels?: boolean;
  /** Starts the module worker if a bundler does not find it: a script that imports `tddfa/browser/worker`. */
  readonly createWorker?: () => Worker;
  /** How long the worker may take to start running its script, ms. Default 30,000. */
  readonly startTimeoutMs?: number;
}

const WORKER_OPTION_NAMES: OptionNames<FaceAlignerWorkerOptions> = {
  ...THREAD_ALIGNER_OPTION_NAMES,
  refine: true,
  keepPixels: true,
  createWorker: true,
  startTimeoutMs: true,
};

/**
 * Creates a face aligner that runs in a module worker, so that the page stays responsive. It is a `FaceAligner` like
 * any other; `reconstruct`, which is fast and synchronous, runs on the page.
 * @throws what `createFaceAligner` throws, and WorkerFailedError if the worker cannot be started.
 */
export async function createFaceAlignerWorker(options: FaceAlignerWorkerOptions): Promise<FaceAligner> {
  checkFaceAlignerOptions(options, WORKER_OPTION_NAMES);
  checkRefineSwitch(options.refine);
  const { signal, onProgress, keepPixels = false, startTimeoutMs = START_TIMEOUT_MS } = options;
  const weights = weightSourceOf(options.weights);
  signal?.throwIfAborted();
  const start = options.createWorker ? untilStarted(options.createWorker, startTimeoutMs, signal) : undefined;
  const port = await (start ?? startOwnWorker(startTimeoutMs, signal));
  const connection = new WorkerConnection(port, weights, onProgress, undefined, readCode);
  const abort = () => connection.close(signal?.reason);
  signal?.addEventListener('abort', abort);
  try {
    signal?.throwIfAborted();
    const created = await connection.create(sendableOptions(options), true);
    return assemble(connection, created, keepPixels);
  } catch (error) {
    connection.close(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function readCode(name: WorkerCode): Promise<string> {
  return name === 'face-refiner'
    ? (await import('./face-refiner-source.js')).faceRefinerSource
    : (await import('./integer-compiler-source.js')).integerCompilerSource;
}

type AlignerPort = WorkerPort<OwnerMessage, WorkerMessage>;

async function untilStarted(
  createWorker: () => Worker,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<AlignerPort> {
  return untilReady(browserWorkerPort<OwnerMessage, WorkerMessage>(createWorker()), timeoutMs, signal);
}

/**
 * Starts the worker from its script or, if that is not on the page's own site (as with a CDN) or a bundler has not
 * placed it next to the page's scripts, from the script's text, which is loaded only then.
 */
async function startOwnWorker(timeoutMs: number, signal: AbortSignal | undefined): Promise<AlignerPort> {
  try {
    return await untilStarted(startFromScript, timeoutMs, signal);
  } catch (error) {
    signal?.throwIfAborted();
    try {
      const { alignerWorkerSource } = await import('./aligner-worker-source.js');
      return await startFromText(alignerWorkerSource, timeoutMs, signal);
    } catch {
      signal?.throwIfAborted();
      // For example, a policy forbids `blob:`; the script's own error explains more.
      throw error instanceof WorkerFailedError
        ? error
        : new WorkerFailedError(`did not start: ${error}`, { cause: error });
    }
  }
}

/** Written like this so that bundlers find the worker's script. */
function startFromScript(): Worker {
  return new Worker(new URL('./aligner-worker.js', import.meta.url), { type: 'module', name: 'tddfa' });
}

async function startFromText(text: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<AlignerPort> {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  try {
    return await untilStarted(() => new Worker(url, { name: 'tddfa' }), timeoutMs, signal);
  } finally {
    URL.revokeObjectURL(url);
  }
}

function sendableOptions(options: FaceAlignerWorkerOptions): SentOptions {
  const { weights, signal, onProgress, keepPixels, createWorker, startTimeoutMs, wasmPaths, ...sendable } = options;
  return wasmPaths === undefined ? sendable : { ...sendable, wasmPaths: absoluteUrls(wasmPaths) };
}

/** Relative addresses are meant relative to the page but would be resolved against the worker's script. */
function absoluteUrls(paths: string | Readonly<Record<string, string>>): string | Record<string, string> {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const absolute = (path: string) => new URL(path, base).href;
  if (typeof paths === 'string') return absolute(paths);
  return Object.fromEntries(Object.entries(paths).map(([file, path]) => [file, absolute(path)]));
}

function assemble(connection: WorkerConnection, created: CreatedAligner, keepPixels: boolean): FaceAligner {
  let isDisposed = false;

  function checkUsable(): void {
    if (isDisposed) throw new DisposedError('this face aligner');
    connection.checkOpen();
  }

  const side = ownerSide(created, checkUsable);

  async function call<Method extends WorkerMethod>(
    images: WorkerImages,
    method: Method,
    image: RgbaImage,
    argument: unknown,
  ): Promise<MethodResult<Method>> {
    checkUsable();
    checkCallArguments(method, image, argument);
    const { sent, transfer } = images.send(image);
    return connection.call(method, sent, transfer, argument);
  }

  const drop = (keys: readonly number[]): void => connection.drop(keys);
  const dispose = (): void => {
    isDisposed = true;
    connection.close();
  };
  const makeAligner = (images: WorkerImages, keepingPixels?: FaceAligner): FaceAligner => {
    const methods: Omit<FaceAligner, typeof Symbol.dispose> = {
      ...side,
      ...(keepingPixels && { keepingPixels }),
      detect: (image, detectorOptions) => call(images, 'detect', image, detectorOptions),
      align: (image, boxes) => call(images, 'align', image, boxes),
      alignToLandmarks: (image, faces) => call(images, 'alignToLandmarks', image, faces),
      alignCrops: (image, roiBoxes) => call(images, 'alignCrops', image, roiBoxes),
      dispose,
    };
    return withDispose(methods, dispose);
  };
  const keeping = makeAligner(new WorkerImages(true, drop));
  return keepPixels ? keeping : makeAligner(new WorkerImages(false, drop), keeping);
}
