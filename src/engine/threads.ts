/**
 * Worker threads that each compute their part of a compiled network. Between runs a worker watches a few words of
 * shared memory: awake for half a millisecond, because the next run usually follows at once, then asleep in
 * `Atomics.wait`. It receives no messages there, so each message (they announce modules) is also counted in that
 * memory, which sends the worker to its event loop.
 *
 * Measured with mb1 on two free cores, Node 20, best of 200 runs: a message for every run and workers asleep in their
 * event loops, 4.5 ms; this way, 3.8 ms. If the scheduler packs both threads onto one core, nothing helps: awake or
 * asleep, 8 to 11 ms.
 */

/** What both kinds of worker can do. */
interface WorkerHandle {
  postMessage(message: unknown): void;
  terminate(): void;
  /** Whether the worker keeps the program from exiting: only while an answer is due. */
  keepAlive(isDue: boolean): void;
  /** `onMessage` is called for each message; errors end the worker. */
  listen(onMessage: (message: unknown) => void, onError: (reason: string) => void): void;
}

/** Why threads are not available. */
export interface NoThreads {
  readonly reason: string;
}

/** Threads ready to work; the calling thread is one of them. */
export interface ThreadPool {
  /** How many, including the calling one. */
  readonly count: number;
  /** Why the workers are gone, if they are. */
  readonly failure: string | undefined;
  /** Sends a module to all workers. */
  load(id: number, module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void>;
  /** Forgets a module. */
  unload(id: number): void;
  /** Starts all workers on their parts of `runPart`. */
  start(id: number, images: number, base: number): void;
  /** 1 where the calling thread may sleep while it waits for the workers; a browser's main thread may not. */
  readonly maySleep: 0 | 1;
  /** Ends the workers. Idempotent. */
  dispose(): void;
}

/** Words of the memory shared by the pool and its workers. */
const CONTROL = { signal: 0, messages: 1, runs: 2, id: 3, images: 4, base: 5 } as const;
const CONTROL_WORDS = 16;
/** How long a worker stays awake for the next run, in ms. */
const AWAKE_MS = 0.5;

/**
 * Source of a worker, in browsers and Node. Plain text: it needs nothing from the package, so no bundler has to know
 * about it. Every change to the control words is followed by one to `signal`, the word that a worker sleeps on.
 */
const WORKER_SOURCE = `
const port = typeof require === 'function' ? require('node:worker_threads').parentPort : self;
const modules = new Map();
let control, part, parts, heard = 0, done = 0;
const serve = () => {
  let awakeUntil = performance.now() + ${AWAKE_MS};
  for (;;) {
    const signal = Atomics.load(control, ${CONTROL.signal});
    if (Atomics.load(control, ${CONTROL.messages}) !== heard) return;
    if (Atomics.load(control, ${CONTROL.runs}) !== done) {
      done = (done + 1) | 0;
      modules.get(control[${CONTROL.id}])(control[${CONTROL.images}], part, parts, control[${CONTROL.base}], 1);
      awakeUntil = performance.now() + ${AWAKE_MS};
    } else if (performance.now() >= awakeUntil) Atomics.wait(control, ${CONTROL.signal}, signal);
    else for (let i = 0; i < 500 && Atomics.load(control, ${CONTROL.signal}) === signal; i++);
  }
};
const handle = (message) => {
  const { kind, id } = message;
  heard = (heard + 1) | 0;
  if (kind === 'start') ({ control, part, parts } = message);
  else if (kind === 'load') {
    modules.set(id, new WebAssembly.Instance(message.module, { env: { memory: message.memory } }).exports.runPart);
  } else modules.delete(id);
  if (kind !== 'unload') port.postMessage({ id });
  serve();
};
if (port === globalThis) port.onmessage = ({ data }) => handle(data);
else port.on('message', handle);
`;

/** Sent instead of a module number in a worker's first answer. */
const READY = -1;

/**
 * Starts `count - 1` workers.
 * @returns the pool, or the reason why this environment has no threads.
 */
export async function startThreads(count: number): Promise<ThreadPool | NoThreads> {
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) {
    return { reason: 'no SharedArrayBuffer: the page must be cross-origin isolated (COOP and COEP headers)' };
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
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS));
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
    const parts = this.count;
    this.#send((i) => ({ kind: 'start', id: READY, control: this.#control, part: i + 1, parts }));
  }

  get count(): number {
    return this.#workers.length + 1;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  load(id: number, module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void> {
    const answers = this.#answersTo(id);
    this.#send(() => ({ kind: 'load', id, module, memory }));
    return answers;
  }

  unload(id: number): void {
    this.#send(() => ({ kind: 'unload', id }));
  }

  start(id: number, images: number, base: number): void {
    this.#control[CONTROL.id] = id;
    this.#control[CONTROL.images] = images;
    this.#control[CONTROL.base] = base;
    this.#raise(CONTROL.runs);
  }

  dispose(): void {
    this.#onFailure('the threads are disposed');
    for (const worker of this.#workers) worker.terminate();
  }

  /** @param message - creates the message for the worker with this number. */
  #send(message: (worker: number) => object): void {
    for (const [i, worker] of this.#workers.entries()) worker.postMessage(message(i));
    this.#raise(CONTROL.messages);
  }

  /** Counts a message or run, and wakes sleeping workers. */
  #raise(counter: number): void {
    Atomics.add(this.#control, counter, 1);
    Atomics.add(this.#control, CONTROL.signal, 1);
    Atomics.notify(this.#control, CONTROL.signal);
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
