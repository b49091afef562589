/**
 * Worker threads that do their parts of a compiled network. A run is one message to each worker and then the calling
 * thread's own part; between runs workers sleep in their event loops, so nothing is left spinning.
 *
 * Workers that watch a counter in the shared memory between runs would start sooner, but either hold a core or, asleep in
 * `Atomics.wait`, cannot hear messages, by which they learn of new modules.
 */

/** What both kinds of workers can do. */
interface WorkerHandle {
  postMessage(message: unknown): void;
  terminate(): void;
  /** Whether a program waits for the worker before it ends: only while an answer is due. */
  keepAlive(isDue: boolean): void;
  /** One for each message; errors end the worker. */
  listen(onMessage: (message: unknown) => void, onError: (reason: string) => void): void;
}

/** Why threads cannot be had. */
export interface NoThreads {
  readonly reason: string;
}

/** Threads ready to work; the calling thread is one of them. */
export interface ThreadPool {
  /** How many, the calling one included. */
  readonly count: number;
  /** Why the workers are gone, if they are. */
  readonly failure: string | undefined;
  /** Makes a module known to all workers. */
  load(id: number, module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void>;
  /** Forgets a module. */
  unload(id: number): void;
  /** Has all workers do their parts of `runPart`. */
  start(id: number, images: number, base: number): void;
  /** 1 where the calling thread may sleep while it waits for the workers; a browser's main thread may not. */
  readonly maySleep: 0 | 1;
  /** Ends the workers. Idempotent. */
  dispose(): void;
}

/**
 * What a worker runs, in a browser and in Node. Plain text: it needs nothing of the package, and so no bundler has to know
 * of it.
 */
const WORKER_SOURCE = `
const port = typeof require === 'function' ? require('node:worker_threads').parentPort : self;
const modules = new Map();
const handle = ({ kind, id, module, memory, images, part, parts, base }) => {
  if (kind === 'load') {
    modules.set(id, new WebAssembly.Instance(module, { env: { memory } }).exports.runPart);
    port.postMessage({ id });
  } else if (kind === 'unload') modules.delete(id);
  else modules.get(id)(images, part, parts, base, 1);
};
if (port === globalThis) port.onmessage = ({ data }) => handle(data);
else port.on('message', handle);
port.postMessage({ id: -1 });
`;

/** What a worker's "I am here" carries instead of a module's number. */
const READY = -1;

/**
 * Starts `count - 1` workers.
 * @returns the pool, or the reason why this environment has no threads.
 */
export async function startThreads(count: number): Promise<ThreadPool | NoThreads> {
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) {
    return { reason: 'no SharedArrayBuffer here: the page must be cross-origin isolated (COOP and COEP headers)' };
  }
  const handles: WorkerHandle[] = [];
  try {
    for (let i = 1; i < count; i++) handles.push(startWorker());
    const pool = new Workers(handles);
    await pool.ready;
    return pool;
  } catch (error) {
    for (const handle of handles) handle.terminate();
    return { reason: `workers do not start: ${error instanceof Error ? error.message : String(error)}` };
  }
}

class Workers implements ThreadPool {
  readonly ready: Promise<void>;
  readonly maySleep = canSleep() ? 1 : 0;
  readonly #workers: readonly WorkerHandle[];
  /** By module number: how many workers have not answered, and what to do when all have, or cannot. */
  readonly #awaited = new Map<number, { left: number; done: () => void; fail: (error: Error) => void }>();
  #failure: string | undefined;

  constructor(workers: readonly WorkerHandle[]) {
    this.#workers = workers;
    this.ready = this.#answersTo(READY);
    for (const worker of workers) {
      worker.listen(
        (message) => this.#onAnswer((message as { id: number }).id),
        (reason) => this.#onFailure(reason),
      );
    }
  }

  get count(): number {
    return this.#workers.length + 1;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  load(id: number, module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void> {
    const answers = this.#answersTo(id);
    for (const worker of this.#workers) worker.postMessage({ kind: 'load', id, module, memory });
    return answers;
  }

  unload(id: number): void {
    for (const worker of this.#workers) worker.postMessage({ kind: 'unload', id });
  }

  start(id: number, images: number, base: number): void {
    const parts = this.count;
    for (const [i, worker] of this.#workers.entries()) {
      worker.postMessage({ kind: 'run', id, images, part: i + 1, parts, base });
    }
  }

  dispose(): void {
    this.#onFailure('the threads are disposed');
    for (const worker of this.#workers) worker.terminate();
  }

  #answersTo(id: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(new Error(this.#failure));
    const answers = new Promise<void>((done, fail) =>
      this.#awaited.set(id, { left: this.#workers.length, done, fail }),
    );
    this.#keepAliveWhileDue();
    return answers;
  }

  #onAnswer(id: number): void {
    const awaited = this.#awaited.get(id);
    if (awaited === undefined || --awaited.left > 0) return;
    this.#awaited.delete(id);
    this.#keepAliveWhileDue();
    awaited.done();
  }

  #onFailure(reason: string): void {
    this.#failure ??= reason;
    for (const { fail } of this.#awaited.values()) fail(new Error(reason));
    this.#awaited.clear();
    this.#keepAliveWhileDue();
  }

  #keepAliveWhileDue(): void {
    for (const worker of this.#workers) worker.keepAlive(this.#awaited.size > 0);
  }
}

function canSleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

function startWorker(): WorkerHandle {
  const { process } = globalThis;
  const node = process?.getBuiltinModule?.('node:worker_threads');
  if (node) {
    const worker = new node.Worker(WORKER_SOURCE, { eval: true });
    return {
      postMessage: (message) => worker.postMessage(message),
      terminate: () => void worker.terminate(),
      keepAlive: (isDue) => (isDue ? worker.ref() : worker.unref()),
      listen(onMessage, onError) {
        worker.on('message', (message) => onMessage(message));
        worker.on('error', (error) => onError(error.message));
        worker.on('exit', () => onError('a worker has ended'));
      },
    };
  }
  if (typeof Worker === 'undefined') throw new Error('this environment has no workers (Node needs 20.16 or newer)');
  const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  return {
    postMessage: (message) => worker.postMessage(message),
    terminate: () => worker.terminate(),
    keepAlive: () => {},
    listen(onMessage, onError) {
      worker.onmessage = ({ data }) => onMessage(data);
      worker.onerror = (event) => onError(event.message || 'a worker has failed');
    },
  };
}
