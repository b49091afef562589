/**
 * A face aligner running in Node threads. Calls wait in one queue here and go to whichever thread is free, one at a
 * time. Pixels are copied only then, so a long queue holds no pictures of its own. If a thread dies, its call is
 * retried once in another thread.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { checkNumber, checkOptionNames, type OptionNames } from '../check-arguments.ts';
import { withAsyncDispose } from '../disposable.ts';
import type { WeightSource } from '../engine/weights/weight-source.ts';
import { DisposedError, QueueFullError, WorkerFailedError } from '../errors.ts';
import {
  checkCallArguments,
  checkFaceAlignerOptions,
  type FaceAligner,
  type FaceAlignerOptions,
  THREAD_ALIGNER_OPTION_NAMES,
} from '../face-aligner.ts';
import { checkBytesArgument, DECODE_OPTION_NAMES, type DecodeImageOptions } from '../image-files/decode-image.ts';
import { DETECTOR_DEFAULTS, type DetectorOptions } from '../models/faceboxes/detector.ts';
import { packageRoot } from '../package-files.ts';
import type { AlignedFace, FaceBox, RgbaImage, RoiBox } from '../types.ts';
import { checkRefineSwitch } from '../workers/check-refine-switch.ts';
import { ownerSide } from '../workers/owner-side.ts';
import { WorkerConnection } from '../workers/worker-connection.ts';
import { START_TIMEOUT_MS, untilReady, type WorkerPort } from '../workers/worker-port.ts';
import type {
  AlignFileOptions,
  CreatedAligner,
  FileFaces,
  MethodResult,
  OwnerMessage,
  SentImage,
  SentOptions,
  WorkerMessage,
  WorkerMethod,
} from '../workers/worker-protocol.ts';
import { nodeWeights } from './node-weights.ts';
import { SharedWeights } from './shared-weights.ts';
import { type PoolWorker, threadPort } from './thread-port.ts';

/** Options of {@link createFaceAlignerPool}. */
export interface FaceAlignerPoolOptions extends Omit<FaceAlignerOptions, 'weights' | 'refine'> {
  /**
   * Location of the pack. Default: the open pack shipped with this package. Each file is read once, for all threads.
   */
  readonly weights?: WeightSource | string | URL;
  /**
   * Whether to refine eyes and mouths, as `createFaceAligner` does with `refine: createFaceRefiner`: a function cannot
   * be sent to threads, so they have their own. Default false.
   */
  readonly refine?: boolean;
  /** Number of threads, each with its own aligner, 1..64. Default: `os.availableParallelism()`. */
  readonly size?: number;
  /**
   * Maximum number of calls waiting for a free thread; further calls are rejected with `QueueFullError`. Default 1000.
   */
  readonly maxQueued?: number;
  /** Maximum time for a thread's script to start, ms. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Starts a thread whose script imports `tddfa/node/worker`, for when the package's own file cannot be found. */
  readonly createWorker?: () => PoolWorker;
}

export const FACE_ALIGNER_POOL_DEFAULTS = { maxQueued: 1000 } as const satisfies FaceAlignerPoolOptions;

const POOL_OPTION_NAMES: OptionNames<FaceAlignerPoolOptions> = {
  ...THREAD_ALIGNER_OPTION_NAMES,
  refine: true,
  size: true,
  maxQueued: true,
  startTimeoutMs: true,
  createWorker: true,
};

const MAX_SIZE = 64;
/** A thread that dies this many times in a row before its aligner is ready is not started again. */
const MAX_STARTS = 3;
/** Total attempts for a call whose thread dies. */
const MAX_ATTEMPTS = 2;

/** Options for every call to a pool. */
export interface PoolCallOptions {
  /**
   * Rejects the call with the signal's reason. A waiting call leaves the queue; a running one occupies its thread until
   * it finishes.
   */
  readonly signal?: AbortSignal | undefined;
}

const CALL_OPTION_NAMES: OptionNames<PoolCallOptions> = { signal: true };
const DETECT_OPTION_NAMES: OptionNames<DetectorOptions & PoolCallOptions> = {
  ...DETECTOR_DEFAULTS,
  ...CALL_OPTION_NAMES,
};
const DECODE_CALL_OPTION_NAMES: OptionNames<DecodeImageOptions & PoolCallOptions> = {
  ...DECODE_OPTION_NAMES,
  ...CALL_OPTION_NAMES,
};

const ALIGN_FILE_OPTION_NAMES: OptionNames<DecodeImageOptions & AlignFileOptions & PoolCallOptions> = {
  ...DECODE_CALL_OPTION_NAMES,
  boxes: true,
  detector: true,
};

/** Options for disposing of a pool. */
export interface DisposePoolOptions {
  /** Whether to let waiting and running calls finish first. By default they are rejected with `DisposedError`. */
  readonly wait?: boolean;
}

const DISPOSE_OPTION_NAMES: OptionNames<DisposePoolOptions> = { wait: true };

/**
 * A face aligner whose methods run in threads. Do not change arguments before the promise settles; the pool never
 * changes them. Pixels in a `SharedArrayBuffer` are shared with the threads, others are copied. `reconstruct` and
 * `expressions`, which are fast and synchronous, run in the calling thread.
 *
 * Besides what an aligner throws, every call rejects with QueueFullError if too many are waiting, and with
 * WorkerFailedError if its thread died and so did the next one that it ran in.
 */
export interface FaceAlignerPool extends FaceAligner {
  /** Number of threads. */
  readonly size: number;
  /** Number of calls currently waiting for a free thread. */
  readonly queuedCount: number;
  detect(image: RgbaImage, options?: DetectorOptions & PoolCallOptions): Promise<FaceBox[]>;
  align(image: RgbaImage, boxes: readonly RoiBox[], options?: PoolCallOptions): Promise<AlignedFace[]>;
  alignToLandmarks(image: RgbaImage, faces: readonly AlignedFace[], options?: PoolCallOptions): Promise<AlignedFace[]>;
  alignCrops(image: RgbaImage, roiBoxes: readonly RoiBox[], options?: PoolCallOptions): Promise<AlignedFace[]>;
  /**
   * Decodes a picture file in a thread, as `decodeImage` does in this one. The pixels are in shared memory, so the
   * pool's other methods do not need to copy them.
   * @param bytes - the whole file; not changed.
   * @throws ImageDecodeError.
   */
  decodeImage(bytes: Uint8Array, options?: DecodeImageOptions & PoolCallOptions): Promise<RgbaImage>;
  /**
   * Decodes a picture file, detects its faces and aligns them, all in one thread that the pixels never leave: one call
   * instead of three, if you do not need the pixels.
   * @param bytes - the whole file; not changed.
   * @throws ImageDecodeError; what `detect` and `align` throw.
   */
  alignFile(bytes: Uint8Array, options?: DecodeImageOptions & AlignFileOptions & PoolCallOptions): Promise<FileFaces>;
  /** Ends the threads; the promise is fulfilled when they have exited. Idempotent. */
  dispose(options?: DisposePoolOptions): Promise<void>;
  /** For `await using pool = await createFaceAlignerPool()`, in engines that support it: `dispose`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Loads a pack and creates a pool of aligners from it, one in each of `size` threads.
 * @throws what `createFaceAligner` throws, and WorkerFailedError if the threads cannot be started.
 */
export async function createFaceAlignerPool(options: FaceAlignerPoolOptions = {}): Promise<FaceAlignerPool> {
  checkFaceAlignerOptions(options, POOL_OPTION_NAMES);
  const { signal, size = availableParallelism(), maxQueued = FACE_ALIGNER_POOL_DEFAULTS.maxQueued } = options;
  checkRefineSwitch(options.refine);
  checkCount('size', size, 1, MAX_SIZE);
  checkCount('maxQueued', maxQueued, 0, Number.MAX_SAFE_INTEGER);
  checkNumber('startTimeoutMs', options.startTimeoutMs ?? START_TIMEOUT_MS, 0);
  signal?.throwIfAborted();
  const weights = new SharedWeights(nodeWeights(options.weights));
  const pool = new ThreadPool(options, weights, maxQueued);
  const abort = (): void => pool.close(signal?.reason);
  signal?.addEventListener('abort', abort);
  try {
    const created = await pool.start(size);
    signal?.throwIfAborted();
    return assemble(pool, created, size);
  } catch (error) {
    const reason = signal?.aborted ? signal.reason : error;
    pool.close(reason);
    throw reason;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function checkCount(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name}: expected a whole number from ${min} to ${max}, got ${value}`);
}

function assemble(pool: ThreadPool, created: CreatedAligner, size: number): FaceAlignerPool {
  async function call<Method extends WorkerMethod>(
    method: Method,
    image: RgbaImage,
    argument: unknown,
    options: PoolCallOptions | undefined,
  ): Promise<MethodResult<Method>> {
    checkCallArguments(method, image, argument);
    checkOptionNames(options, CALL_OPTION_NAMES);
    return pool.run((connection) => {
      const { sent, transfer } = sendable(image);
      return connection.call(method, sent, transfer, argument);
    }, options?.signal);
  }
  const methods: Omit<FaceAlignerPool, typeof Symbol.dispose | typeof Symbol.asyncDispose> = {
    ...ownerSide(created, () => pool.checkOpen()),
    size,
    get queuedCount() {
      return pool.queuedCount;
    },
    async detect(image, options) {
      checkOptionNames(options, DETECT_OPTION_NAMES);
      const { signal, ...detectorOptions } = options ?? {};
      return call('detect', image, detectorOptions, { signal });
    },
    align: (image, boxes, options) => call('align', image, boxes, options),
    alignToLandmarks: (image, faces, options) => call('alignToLandmarks', image, faces, options),
    alignCrops: (image, roiBoxes, options) => call('alignCrops', image, roiBoxes, options),
    async decodeImage(file, options) {
      checkOptionNames(options, DECODE_CALL_OPTION_NAMES);
      checkBytesArgument(file);
      const { signal, ...decoding } = options ?? {};
      return pool.run((connection) => {
        const bytes = new Uint8Array(file);
        return connection.ask<RgbaImage>((id) => ({ type: 'decode', id, bytes, options: decoding }), [bytes.buffer]);
      }, signal);
    },
    async alignFile(file, options) {
      checkOptionNames(options, ALIGN_FILE_OPTION_NAMES, 'options', { detector: DETECTOR_DEFAULTS });
      checkBytesArgument(file);
      const { signal, ...aligning } = options ?? {};
      return pool.run((connection) => {
        const bytes = new Uint8Array(file);
        return connection.ask<FileFaces>(
          (id) => ({ type: 'align-file', id, bytes, options: aligning }),
          [bytes.buffer],
        );
      }, signal);
    },
    async dispose(options) {
      checkOptionNames(options, DISPOSE_OPTION_NAMES);
      return pool.dispose(options);
    },
  };
  return withAsyncDispose(methods, () => methods.dispose());
}

/** The image to send: shared memory as it is, other pixels as a copy to transfer. */
function sendable({ data, width, height }: RgbaImage): { sent: SentImage; transfer: ArrayBuffer[] } {
  const common = { key: 0, width, height, isKept: false };
  if (data.buffer instanceof SharedArrayBuffer) return { sent: { ...common, data }, transfer: [] };
  const copy = new Uint8Array(data);
  return { sent: { ...common, data: copy }, transfer: [copy.buffer] };
}

/** A waiting or running call. */
interface Job {
  run(connection: WorkerConnection): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  attempts: number;
  /** Whether the call was already rejected because its signal was aborted. */
  isSettled: boolean;
}

interface PoolThread {
  readonly port: WorkerPort<OwnerMessage, WorkerMessage>;
  readonly connection: WorkerConnection;
  isBusy: boolean;
}

/** The threads and the queue in front of them. */
class ThreadPool {
  readonly #options: FaceAlignerPoolOptions;
  readonly #weights: SharedWeights;
  readonly #maxQueued: number;
  /** In order of arrival. */
  readonly #queue: Job[] = [];
  readonly #running = new Set<Job>();
  /** Threads whose aligner is ready. */
  readonly #threads = new Set<PoolThread>();
  /** All workers that were started and have not exited. */
  readonly #workers = new Set<PoolWorker>();
  /** Number of threads being restarted. */
  #startingCount = 0;
  #closed: { readonly reason: unknown } | undefined;
  /** Called once nothing is waiting or running. */
  #onIdle: (() => void)[] = [];

  constructor(options: FaceAlignerPoolOptions, weights: SharedWeights, maxQueued: number) {
    this.#options = options;
    this.#weights = weights;
    this.#maxQueued = maxQueued;
  }

  get queuedCount(): number {
    return this.#queue.length;
  }

  /** Starts all threads; the model of the first becomes the pool's. */
  async start(size: number): Promise<CreatedAligner> {
    const [first] = await Promise.all(Array.from({ length: size }, (_, i) => this.#startThread(i === 0)));
    return first;
  }

  /** Runs a call in the next free thread. */
  run<Value>(run: (connection: WorkerConnection) => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      this.checkOpen();
      signal?.throwIfAborted();
      const mustWait = [...this.#threads].every(({ isBusy }) => isBusy);
      if (mustWait && this.#queue.length >= this.#maxQueued) throw new QueueFullError(this.#maxQueued);
      const abort = (): void => {
        job.isSettled = true;
        const place = this.#queue.indexOf(job);
        if (place >= 0) this.#queue.splice(place, 1);
        reject(signal?.reason);
      };
      const settle = (): void => signal?.removeEventListener('abort', abort);
      const job: Job = {
        run,
        attempts: 0,
        isSettled: false,
        resolve(value) {
          settle();
          resolve(value as Value);
        },
        reject(error) {
          settle();
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(job);
      this.#assign();
    });
  }

  /** @throws the reason why the pool was closed, if it was. */
  checkOpen(): void {
    if (this.#closed) throw this.#closed.reason;
  }

  async dispose({ wait = false }: DisposePoolOptions = {}): Promise<void> {
    if (wait && !this.#closed && this.#queue.length + this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    }
    this.close(new DisposedError('this face aligner pool'));
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  /** Ends the threads. Waiting and running calls are rejected with the reason. Idempotent. */
  close(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = { reason };
    const jobs = [...this.#running, ...this.#queue.splice(0)];
    for (const { connection } of this.#threads) connection.close(reason);
    for (const worker of this.#workers) void worker.terminate();
    for (const job of jobs) job.reject(reason);
    this.#checkIdle();
  }

  #assign(): void {
    for (const thread of this.#threads) {
      if (thread.isBusy) continue;
      const job = this.#queue.shift();
      if (job === undefined) return;
      void this.#runIn(thread, job);
    }
  }

  async #runIn(thread: PoolThread, job: Job): Promise<void> {
    thread.isBusy = true;
    thread.port.keepAlive(true);
    this.#running.add(job);
    job.attempts++;
    try {
      job.resolve(await job.run(thread.connection));
    } catch (error) {
      const mayRetry = error instanceof WorkerFailedError && job.attempts < MAX_ATTEMPTS && !job.isSettled;
      if (mayRetry && !this.#closed) this.#queue.unshift(job);
      else job.reject(error);
    }
    this.#running.delete(job);
    thread.isBusy = false;
    if (this.#threads.has(thread)) thread.port.keepAlive(false);
    this.#assign();
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#queue.length + this.#running.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  async #startThread(isFirst: boolean): Promise<CreatedAligner> {
    const { createWorker = startWorker, startTimeoutMs = START_TIMEOUT_MS, onProgress } = this.#options;
    this.checkOpen();
    const worker = createWorker();
    this.#workers.add(worker);
    worker.on('exit', () => this.#workers.delete(worker));
    const port = threadPort<OwnerMessage, WorkerMessage>(worker);
    const ready = await untilReady(port, startTimeoutMs);
    const connection: WorkerConnection = new WorkerConnection(
      ready,
      this.#weights,
      isFirst ? onProgress : undefined,
      () => this.#threads.delete(thread) && void this.#replace(),
    );
    const thread: PoolThread = { port, connection, isBusy: false };
    try {
      const created = await connection.create(sendableOptions(this.#options), isFirst);
      this.checkOpen();
      this.#threads.add(thread);
      port.keepAlive(false);
      this.#assign();
      return created;
    } catch (error) {
      connection.close(error);
      throw error;
    }
  }

  /** Starts a thread to replace one that died. */
  async #replace(): Promise<void> {
    this.#startingCount++;
    let failure: unknown;
    for (let start = 0; start < MAX_STARTS && !this.#closed; start++) {
      try {
        await this.#startThread(false);
        this.#startingCount--;
        return;
      } catch (error) {
        failure = error;
      }
    }
    this.#startingCount--;
    if (this.#threads.size + this.#startingCount === 0) this.close(failure);
  }
}

/** Located by its path in the package, which bundlers do not follow. */
function startWorker(): Worker {
  return new Worker(join(packageRoot(), 'dist', 'src', 'node', 'pool-worker.js'), { name: 'tddfa' });
}

function sendableOptions(options: FaceAlignerPoolOptions): SentOptions {
  const { weights, signal, onProgress, size, maxQueued, startTimeoutMs, createWorker, ...sendable } = options;
  return sendable;
}
