import { notedSha256 } from '../engine/weights/sha256.ts';
import type { ReadOptions, WeightProgressListener } from '../engine/weights/weight-source.ts';
import { DisposedError } from '../errors.ts';
import type { WorkerPort } from './worker-port.ts';
import {
  type CreatedAligner,
  type MethodResult,
  type OwnerMessage,
  packError,
  type SentImage,
  type SentOptions,
  unpackError,
  type WorkerCode,
  type WorkerMessage,
  type WorkerMethod,
} from './worker-protocol.ts';

/** A `WeightSource`, or one whose bytes are in shared memory. */
export interface SentWeights {
  describe(): string;
  read(path: string, options: ReadOptions): Promise<Uint8Array>;
}

interface PendingCall {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** The owner's end of the messages: reads weights for the worker, and matches answers to calls. */
export class WorkerConnection {
  readonly #port: WorkerPort<OwnerMessage, WorkerMessage>;
  readonly #weights: SentWeights;
  readonly #onProgress: WeightProgressListener | undefined;
  readonly #reading = new AbortController();
  readonly #calls = new Map<number, PendingCall>();
  readonly #onClosed: ((reason: unknown) => void) | undefined;
  readonly #readCode: ((name: WorkerCode) => Promise<string>) | undefined;
  #creation: { resolve(created: CreatedAligner): void; reject(error: unknown): void } | undefined;
  #lastId = 0;
  /** Why the worker is gone. */
  #closed: { readonly reason: unknown } | undefined;

  /**
   * @param port - of a worker whose script is running.
   * @param onClosed - called once, when the worker is gone.
   * @param readCode - returns the text of code that a page's worker lacks; threads have all of it.
   */
  constructor(
    port: WorkerPort<OwnerMessage, WorkerMessage>,
    weights: SentWeights,
    onProgress?: WeightProgressListener,
    onClosed?: (reason: unknown) => void,
    readCode?: (name: WorkerCode) => Promise<string>,
  ) {
    this.#port = port;
    this.#weights = weights;
    this.#onProgress = onProgress;
    this.#onClosed = onClosed;
    this.#readCode = readCode;
    port.listen(
      (message) => this.#receive(message),
      (error) => this.close(error),
    );
  }

  /** Creates the aligner. Called once, first. */
  create(options: SentOptions, wantsModel: boolean): Promise<CreatedAligner> {
    return new Promise((resolve, reject) => {
      this.#creation = { resolve, reject };
      this.#post({ type: 'create', options, source: this.#weights.describe(), wantsModel });
    });
  }

  call<Method extends WorkerMethod>(
    method: Method,
    image: SentImage,
    transfer: readonly ArrayBuffer[],
    argument: unknown,
  ): Promise<MethodResult<Method>> {
    return this.ask((id) => ({ type: 'call', id, method, image, argument }), transfer);
  }

  /**
   * Sends a message that expects an answer.
   * @param message - creates it with the id that the answer will carry.
   */
  ask<Value>(message: (id: number) => OwnerMessage, transfer: readonly ArrayBuffer[]): Promise<Value> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.checkOpen();
      this.#calls.set(id, { resolve, reject });
      this.#post(message(id), transfer);
    });
  }

  drop(keys: readonly number[]): void {
    this.#post({ type: 'drop', keys });
  }

  /** Ends the worker. Anything in progress is rejected with the reason. Idempotent. */
  close(reason: unknown = new DisposedError('this face aligner')): void {
    if (this.#closed) return;
    this.#closed = { reason };
    this.#port.terminate();
    this.#reading.abort(reason);
    this.#creation?.reject(reason);
    for (const { reject } of this.#calls.values()) reject(reason);
    this.#calls.clear();
    this.#onClosed?.(reason);
  }

  /** @throws the reason why the worker is gone, if it is. */
  checkOpen(): void {
    if (this.#closed) throw this.#closed.reason;
  }

  #post(message: OwnerMessage, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#closed) this.#port.post(message, transfer);
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'read':
        void this.#read(message);
        break;
      case 'progress':
        this.#onProgress?.(message.progress);
        break;
      case 'read-code':
        void this.#sendCode(message.name);
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

  async #sendCode(name: WorkerCode): Promise<void> {
    // Code that cannot be loaded is sent as an empty text, which the worker reports.
    const text = await this.#readCode?.(name).catch(() => undefined);
    this.#post({ type: 'code', name, text: text ?? '' });
  }

  async #read({ id, path, maxBytes, sha256 }: Extract<WorkerMessage, { type: 'read' }>): Promise<void> {
    try {
      const bytes = await this.#weights.read(path, {
        maxBytes,
        sha256,
        signal: this.#reading.signal,
        onProgress: (progress) => this.#post({ type: 'progress', id, progress }),
      });
      const sum = notedSha256(bytes);
      this.#post({ type: 'file', id, bytes, sha256: sum }, bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : []);
    } catch (error) {
      this.#post({ type: 'no-file', id, error: packError(error) });
    }
  }
}
