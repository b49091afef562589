import type { WeightProgressListener, WeightSource } from '../engine/weights/weight-source.ts';
import { DisposedError, TddfaError } from '../errors.ts';
import {
  type CreatedAligner,
  type MethodResult,
  type PageMessage,
  packError,
  type SentImage,
  type SentOptions,
  unpackError,
  type WorkerMessage,
  type WorkerMethod,
} from './worker-protocol.ts';

interface PendingCall {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** The page's end of the messages: reads weights for the worker, and matches answers to calls. */
export class WorkerConnection {
  readonly #worker: Worker;
  readonly #weights: WeightSource;
  readonly #onProgress: WeightProgressListener | undefined;
  readonly #reading = new AbortController();
  readonly #calls = new Map<number, PendingCall>();
  #creation: { resolve(created: CreatedAligner): void; reject(error: unknown): void } | undefined;
  #lastId = 0;
  /** Why the worker is gone. */
  #closed: { readonly reason: unknown } | undefined;

  constructor(worker: Worker, weights: WeightSource, onProgress: WeightProgressListener | undefined) {
    this.#worker = worker;
    this.#weights = weights;
    this.#onProgress = onProgress;
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#receive(data);
    worker.onmessageerror = () => this.close(new TddfaError('a message of the worker cannot be read'));
    worker.onerror = (event) => {
      event.preventDefault();
      // Where the script itself cannot be loaded, browsers say no more than that.
      const reason = event.message || 'its script cannot be loaded (is it on this site, and allowed by worker-src?)';
      this.close(new TddfaError(`the worker failed: ${reason}`));
    };
  }

  /** Has the aligner made. Called once, first. */
  create(options: SentOptions): Promise<CreatedAligner> {
    return new Promise((resolve, reject) => {
      this.#creation = { resolve, reject };
      this.#post({ type: 'create', options, source: this.#weights.describe() });
    });
  }

  call<Method extends WorkerMethod>(
    method: Method,
    image: SentImage,
    transfer: readonly Transferable[],
    argument: unknown,
  ): Promise<MethodResult<Method>> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#post({ type: 'call', id, method, image, argument }, transfer);
    });
  }

  drop(keys: readonly number[]): void {
    this.#post({ type: 'drop', keys });
  }

  /** Ends the worker. Whatever is under way is rejected with the reason. Idempotent. */
  close(reason: unknown = new DisposedError('this face aligner')): void {
    if (this.#closed) return;
    this.#closed = { reason };
    this.#worker.terminate();
    this.#reading.abort(reason);
    this.#creation?.reject(reason);
    for (const { reject } of this.#calls.values()) reject(reason);
    this.#calls.clear();
  }

  /** @throws why the worker is gone, where it is. */
  checkOpen(): void {
    if (this.#closed) throw this.#closed.reason;
  }

  #post(message: PageMessage, transfer: readonly Transferable[] = []): void {
    if (!this.#closed) this.#worker.postMessage(message, [...transfer]);
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'read':
        void this.#read(message);
        break;
      case 'progress':
        this.#onProgress?.(message.progress);
        break;
      case 'created':
        this.#creation?.resolve(message);
        break;
      case 'not-created':
        this.close(unpackError(message.error));
        break;
      case 'result':
        this.#take(message.id)?.resolve(message.value as never);
        break;
      case 'failure':
        this.#take(message.id)?.reject(unpackError(message.error));
        break;
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  async #read({ id, path, maxBytes, sha256 }: Extract<WorkerMessage, { type: 'read' }>): Promise<void> {
    try {
      const bytes = await this.#weights.read(path, {
        maxBytes,
        sha256,
        signal: this.#reading.signal,
        onProgress: (progress) => this.#post({ type: 'progress', id, progress }),
      });
      this.#post({ type: 'file', id, bytes }, [bytes.buffer]);
    } catch (error) {
      this.#post({ type: 'no-file', id, error: packError(error) });
    }
  }
}
