/**
 * Runs networks with our own compiler: a Layers artifact becomes one WebAssembly module per input size, without tfjs.
 * All modules of a network import one memory, which holds the weights once, followed by one arena that the modules use
 * in turn (a run is synchronous). A memory per module would copy the weights (4 MB for FaceBoxes) for every picture
 * size; a second memory for the weights alone needs multi-memory, which Node 20 lacks.
 */
import { checkChoice, checkNumber } from '../check-arguments.ts';
import { BackendUnavailableError, DisposedError, WeightFormatError } from '../errors.ts';
import { chooseSimdMode, type SimdMode } from '../wasm/simd-mode.ts';
import {
  type CompiledModule,
  type CompiledNetwork,
  type CompileOptions,
  compileModule,
  compileNetwork,
  PAGE_BYTES,
  requiredBytes,
} from './compiler/compile.ts';
import { loadIntegerCompiler } from './compiler/integers/load-integer-compiler.ts';
import { enabledOptimizations, type OptimizeOption } from './compiler/optimize.ts';
import type { Program, ProgramCheck } from './compiler/program.ts';
import type { Engine, Network, NetworkOutput } from './engine.ts';
import type { PictureKernel } from './image/picture-kernel.ts';
import { createEngineKernels, type EngineKernels } from './kernels/engine-kernels.ts';
import { createPictureKernel } from './kernels/picture.ts';
import type { LayersArtifact } from './layers-artifact.ts';
import { PRECISIONS, type Precision } from './quantization.ts';
import type { NoThreads, ThreadPool } from './threads.ts';

/** Options of `createCompiledEngine`. */
export interface CompiledEngineOptions {
  /**
   * `fma`: relaxed SIMD's fused multiply-add; `plain`: without it. By default `fma` if this WebAssembly engine supports
   * it (Node 20 does only with `--experimental-wasm-relaxed-simd`). The results differ in the last bits.
   */
  readonly simd?: SimdMode;
  /** Which compiler optimisations run: all, none, or all but some. Useful for tracing the cause of a wrong result. */
  readonly optimize?: OptimizeOption;
  /** Called after every compiler pass; `validateProgram` finds what a pass got wrong. For compiler development. */
  readonly validate?: ProgramCheck | undefined;
  /** Number of input sizes per network whose modules are kept; the least recently used is dropped first. */
  readonly cachedSizes?: number;
  /**
   * Threads that share each network's work, including this one: 1 by default. Needs SharedArrayBuffer (in a browser, a
   * cross-origin isolated page); without it, one thread does everything and `CompiledEngine.threads` has the reason.
   */
  readonly threads?: number;
  /**
   * Precision that networks compute with. `int8` needs a pack with ranges for them (`tddfa quantize`): two to four
   * times as many products per instruction, and a quarter of the memory. By default the precision stored with each
   * network's ranges; `float32` for a network without ranges.
   */
  readonly precision?: Precision;
}

export const COMPILED_ENGINE_DEFAULTS = {
  optimize: true,
  cachedSizes: 8,
  threads: 1,
} as const satisfies CompiledEngineOptions;

/** Memory use of a compiled network. */
export interface CompiledStatistics {
  /** Packed weights, in bytes. */
  readonly weightBytes: number;
  /** Peak size of one image's values at the largest input size so far, in bytes. */
  readonly arenaBytes: number;
  /** Total memory, in bytes: the weights and the arena of the largest batch so far. */
  readonly memoryBytes: number;
  /** Input sizes whose modules are kept: `height x width x channels`. */
  readonly cachedSizes: readonly string[];
}

/** A network of the compiled engine. */
export interface CompiledEngineNetwork extends Network {
  readonly statistics: CompiledStatistics;
}

/** An engine whose networks report their memory. */
export interface CompiledEngine extends Engine {
  readonly simd: SimdMode;
  readonly kernels: EngineKernels;
  readonly threads: EngineThreads;
  loadNetwork(artifact: LayersArtifact): Promise<CompiledEngineNetwork>;
}

/** How many threads an engine uses. */
export interface EngineThreads {
  readonly count: number;
  /** Why there are fewer than requested. */
  readonly reason?: string;
}

/** Maximum number of threads per engine. */
const MAX_THREADS = 64;
/** Shared memory must have a maximum: 1 GiB, of which only the part in use is ever allocated. */
const SHARED_MAXIMUM_PAGES = 16_384;

/** A batch is split into runs whose arenas take at most this much. */
const MAX_ARENA_BYTES = 512 * 1024 * 1024;

/**
 * Creates an engine that compiles networks to WebAssembly.
 * @throws BackendUnavailableError if WebAssembly SIMD is missing or a Content Security Policy forbids it; TypeError or
 *   RangeError for invalid options.
 */
export async function createCompiledEngine(options: CompiledEngineOptions = {}): Promise<CompiledEngine> {
  if (options.simd !== undefined) checkChoice('simd', options.simd, ['plain', 'fma']);
  const simd = chooseSimdMode(options.simd);
  const cachedSizes = options.cachedSizes ?? COMPILED_ENGINE_DEFAULTS.cachedSizes;
  checkNumber('cachedSizes', cachedSizes, 1, Infinity, true);
  const threads = options.threads ?? COMPILED_ENGINE_DEFAULTS.threads;
  checkNumber('threads', threads, 1, MAX_THREADS, true);
  if (options.precision !== undefined) checkChoice('precision', options.precision, PRECISIONS);
  enabledOptimizations(options.optimize ?? COMPILED_ENGINE_DEFAULTS.optimize);
  try {
    await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  } catch (cause) {
    throw new BackendUnavailableError(
      'compiled',
      ['cpu', 'webgl'],
      "this page's Content Security Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src, or use the backend 'cpu' or 'webgl'",
      { cause },
    );
  }
  // Few programs use threads; a bundled page loads this code only if it does.
  const pool = threads > 1 ? await (await import('./threads.ts')).startThreads(threads) : undefined;
  return new WasmEngine(
    {
      simd,
      optimize: options.optimize ?? COMPILED_ENGINE_DEFAULTS.optimize,
      validate: options.validate,
      cachedSizes,
      threads,
      precision: options.precision,
    },
    pool,
  );
}

type ResolvedOptions = Required<Omit<CompiledEngineOptions, 'precision'>> & {
  readonly precision: Precision | undefined;
};

class WasmEngine implements CompiledEngine {
  readonly backend = 'compiled';
  readonly kernels: EngineKernels;
  readonly #options: ResolvedOptions;
  readonly #networks = new Set<WasmNetwork>();
  readonly #pool: ThreadPool | undefined;
  readonly #noThreads: string | undefined;
  #picture: PictureKernel | undefined;
  #disposed = false;

  constructor(options: ResolvedOptions, threads: ThreadPool | NoThreads | undefined) {
    this.#options = options;
    if (threads && 'reason' in threads) this.#noThreads = threads.reason;
    else this.#pool = threads;
    this.kernels = createEngineKernels(options.simd);
  }

  get picture(): PictureKernel {
    this.#picture ??= createPictureKernel();
    return this.#picture;
  }

  get simd(): SimdMode {
    return this.#options.simd;
  }

  get threads(): EngineThreads {
    const reason = this.#noThreads ?? this.#pool?.failure;
    if (reason !== undefined) return { count: 1, reason };
    return { count: this.#pool?.count ?? 1 };
  }

  async loadNetwork(artifact: LayersArtifact): Promise<CompiledEngineNetwork> {
    if (this.#disposed) throw new DisposedError('the engine');
    const { optimize, validate, simd } = this.#options;
    const { ranges, precision = this.#options.precision ?? ranges?.precision } = artifact;
    let bytes: Pick<CompileOptions, 'integers' | 'ranges'> = {};
    if (precision === 'int8') {
      if (!ranges) throw new WeightFormatError('the network', 'has no ranges: see tddfa quantize');
      // Float inference need not load the rest.
      bytes = { integers: await loadIntegerCompiler(), ranges: await ranges.read() };
    }
    if (this.#disposed) throw new DisposedError('the engine');
    const compiled = compileNetwork(artifact, { optimize, validate, fusedMultiplyAdd: simd === 'fma', ...bytes });
    const network = new WasmNetwork(compiled, this.#options, this.#pool, () => this.#networks.delete(network));
    this.#networks.add(network);
    return network;
  }

  dispose(): void {
    this.#disposed = true;
    for (const network of [...this.#networks]) network.dispose();
    this.#pool?.dispose();
  }
}

/**
 * A float network that also returns values from between its layers, after its own outputs.
 * @param observed - returns their names, given the fused program.
 * @throws as `CompiledEngine.loadNetwork`.
 */
export function loadObservedNetwork(
  artifact: LayersArtifact,
  observed: (fused: Program) => readonly string[],
): CompiledEngineNetwork {
  const { optimize, cachedSizes, threads } = COMPILED_ENGINE_DEFAULTS;
  const simd = chooseSimdMode();
  const compiled = compileNetwork(artifact, { optimize, fusedMultiplyAdd: simd === 'fma', observed });
  const options = { optimize, validate: undefined, cachedSizes, threads, simd, precision: undefined };
  return new WasmNetwork(compiled, options, undefined, () => {});
}

/** A module of one input size, ready to run. */
interface Runnable {
  readonly module: CompiledModule;
  readonly run: (images: number) => void;
  /** Frees what the threads hold of it. */
  readonly release: () => void;
}

/** Threads know modules by number; this is the next one. */
let nextModuleId = 0;

class WasmNetwork implements CompiledEngineNetwork {
  readonly #compiled: CompiledNetwork;
  readonly #options: ResolvedOptions;
  readonly #pool: ThreadPool | undefined;
  readonly #onDispose: () => void;
  /** Expected value of the threads' arrival counter when a run begins; wraps as it does. */
  #arrivals = 0;
  /** Undefined after `dispose`. */
  #memory: WebAssembly.Memory | undefined;
  /** By input size; insertion order is the order of last use. */
  readonly #modules = new Map<string, Promise<Runnable>>();
  readonly #weightBytes: number;
  #arenaBytes = 0;

  constructor(
    compiled: CompiledNetwork,
    options: ResolvedOptions,
    pool: ThreadPool | undefined,
    onDispose: () => void,
  ) {
    this.#pool = pool;
    // The memory holds the weights from here on.
    this.#compiled = { ...compiled, weights: { ...compiled.weights, data: new Float32Array() } };
    this.#weightBytes = compiled.weights.data.byteLength;
    this.#options = options;
    this.#onDispose = onDispose;
    const { data, baseAddress } = compiled.weights;
    const initial = compiled.arena / PAGE_BYTES;
    this.#memory = new WebAssembly.Memory(
      pool ? { initial, maximum: SHARED_MAXIMUM_PAGES, shared: true } : { initial },
    );
    new Float32Array(this.#memory.buffer, baseAddress, data.length).set(data);
  }

  get statistics(): CompiledStatistics {
    return {
      weightBytes: this.#weightBytes,
      arenaBytes: this.#arenaBytes,
      memoryBytes: this.#memory?.buffer.byteLength ?? 0,
      cachedSizes: [...this.#modules.keys()],
    };
  }

  async run(input: Float32Array, shape: readonly [number, number, number, number]): Promise<NetworkOutput[]> {
    this.#checkNotDisposed();
    const [images, height, width, channels] = shape;
    const count = images * height * width * channels;
    if (!shape.every((size) => Number.isSafeInteger(size) && size > 0) || input.length !== count) {
      throw new RangeError(
        `input: expected the ${count} numbers of a batch [${shape.join(', ')}], got ${input.length}`,
      );
    }
    const runnable = await this.#moduleFor([height, width, channels]);
    // Nothing awaits from here on: the memory belongs to this run alone.
    const memory = this.#checkNotDisposed();
    const { module } = runnable;
    const results = module.stored.outputs.map(({ view, shape: outputShape }) => ({
      data: new Float32Array(images * view.height * view.width * view.channels),
      shape: [images, ...outputShape],
    }));
    const imagesPerRun = Math.max(1, Math.min(images, Math.floor(MAX_ARENA_BYTES / module.arenaBytes)));
    for (let first = 0; first < images; first += imagesPerRun) {
      this.#runOnce(memory, runnable, input, first, Math.min(imagesPerRun, images - first), results);
    }
    return results;
  }

  dispose(): void {
    if (!this.#memory) return;
    this.#memory = undefined;
    for (const module of this.#modules.values()) release(module);
    this.#modules.clear();
    this.#onDispose();
  }

  #checkNotDisposed(): WebAssembly.Memory {
    if (!this.#memory) throw new DisposedError('the network');
    return this.#memory;
  }

  #runOnce(
    memory: WebAssembly.Memory,
    { module, run }: Runnable,
    input: Float32Array,
    first: number,
    images: number,
    results: readonly NetworkOutput[],
  ): void {
    grow(memory, requiredBytes(this.#compiled, module.arenaBytes, images));
    this.#arenaBytes = Math.max(this.#arenaBytes, module.arenaBytes);
    const floats = new Float32Array(memory.buffer);
    writePicture(floats, module, input, first, images);
    run(images);
    for (const [index, { view }] of module.stored.outputs.entries()) {
      const size = view.height * view.width * view.channels;
      const { address, imageStride } = module.addressOf(view, images);
      for (let image = 0; image < images; image++) {
        const start = (address + image * imageStride) / 4;
        results[index].data.set(floats.subarray(start, start + size), (first + image) * size);
      }
    }
  }

  /** Compiles a size once, even if several runs request it at the same time; failures are not kept. */
  #moduleFor(size: readonly [number, number, number]): Promise<Runnable> {
    const key = size.join(' x ');
    const known = this.#modules.get(key);
    const module = known ?? this.#compile(size);
    this.#modules.delete(key);
    this.#modules.set(key, module);
    if (!known) {
      module.catch(() => {
        if (this.#modules.get(key) === module) this.#modules.delete(key);
      });
      for (const oldest of this.#modules.keys()) {
        if (this.#modules.size <= this.#options.cachedSizes) break;
        release(this.#modules.get(oldest));
        this.#modules.delete(oldest);
      }
    }
    return module;
  }

  async #compile(size: readonly [number, number, number]): Promise<Runnable> {
    const module = compileModule(this.#compiled, size, {
      fusedMultiplyAdd: this.#options.simd === 'fma',
      ...(this.#pool && { sharedMaximumPages: SHARED_MAXIMUM_PAGES }),
    });
    const memory = this.#checkNotDisposed();
    grow(memory, requiredBytes(this.#compiled, module.arenaBytes, 1));
    const { instance, module: code } = await WebAssembly.instantiate(module.bytes, { env: { memory } });
    const pool = this.#pool;
    if (!pool) return { module, run: instance.exports.run as (images: number) => void, release: () => {} };
    const id = nextModuleId++;
    // Without the workers this thread does their parts too.
    if (pool.failure === undefined) await pool.load(id, code, memory);
    const runPart = instance.exports.runPart as RunPart;
    const run = (images: number): void => {
      const parts = pool.failure === undefined ? pool.count : 1;
      if (parts > 1) pool.start(id, images, this.#arrivals);
      runPart(images, 0, parts, this.#arrivals, pool.maySleep);
      this.#arrivals = (this.#arrivals + parts * module.waits) | 0;
    };
    return { module, run, release: () => pool.unload(id) };
  }
}

type RunPart = (images: number, part: number, parts: number, base: number, maySleep: 0 | 1) => void;

/** Frees a module, now or once it is compiled. */
function release(module: Promise<Runnable> | undefined): void {
  module?.then((runnable) => runnable.release()).catch(() => {});
}

/** Copies images into the network's input, whose rows have a border between them. */
function writePicture(
  floats: Float32Array,
  module: CompiledModule,
  input: Float32Array,
  first: number,
  images: number,
): void {
  const { input: view } = module.stored;
  const rowLength = view.width * view.channels;
  const { address, imageStride } = module.addressOf(view, images);
  for (let image = 0; image < images; image++) {
    let from = (first + image) * view.height * rowLength;
    let to = (address + image * imageStride) / 4;
    for (let row = 0; row < view.height; row++) {
      floats.set(input.subarray(from, from + rowLength), to);
      from += rowLength;
      to += view.rowStride;
    }
  }
}

function grow(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return;
  try {
    memory.grow(Math.ceil(missing / PAGE_BYTES));
  } catch (cause) {
    const megabytes = Math.ceil(bytes / 1024 / 1024);
    throw new RangeError(`the network needs ${megabytes} MB of WebAssembly memory, which cannot be allocated`, {
      cause,
    });
  }
}
