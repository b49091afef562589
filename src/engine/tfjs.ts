/**
 * Networks on TensorFlow.js.
 *
 * tfjs has ONE current backend for the whole program, and applications use tfjs too. Engines therefore never leave it
 * changed: a backend is started without being made current, and everything that needs it as the current one - building
 * a network, running it - happens in one synchronous step that restores the previous one. (Once a backend is started,
 * `setBackend` acts before it returns its promise.) So engines on different backends and the application's own tfjs
 * code can alternate freely. If no backend has been chosen, the engine's stays current, as with `tf.setBackend`.
 *
 * Cost, measured on Node 20, 2-core x86-64: 0.35 ms per change of backend, because tfjs rebinds every kernel; nothing
 * if the engine's backend is the current one.
 */
import * as tfjsCore from '@tensorflow/tfjs-core';
import * as tfjsLayers from '@tensorflow/tfjs-layers';
import {
  BackendUnavailableError,
  DisposedError,
  TddfaError,
  UnsupportedLayerError,
  WeightFormatError,
} from '../errors.ts';
import { inferShapes } from './compiler/infer-shapes.ts';
import { lowerGraph } from './compiler/lower.ts';
import { withoutWeights } from './compiler/pack-weights.ts';
import { parseLayersArtifact } from './compiler/parse.ts';
import type { Program } from './compiler/program.ts';
import type { BackendName, Engine, Network, NetworkOutput } from './engine.ts';
import { plainPictureKernel } from './image/picture-kernel.ts';
import { checkLayers } from './layer-budget.ts';
import type { LayersArtifact, WeightSpec } from './layers-artifact.ts';
import { firstLineOf, registerBackend, type TfjsBackendName, type TfjsEngineOptions } from './tfjs-backends.ts';
import { type BackendLoss, lossOf, type TfjsCore } from './tfjs-loss.ts';
import { forgoThreadsWhereForbidden } from './tfjs-threads.ts';

type TfjsLayers = typeof import('@tensorflow/tfjs-layers');
type LayersModel = tfjsLayers.LayersModel;

/**
 * Registers a tfjs backend with the program.
 * @param backendPackage - exports of the backend's own package; importing it has registered it with tfjs, if it can
 *   run.
 */
export function registerTfjsBackend(name: TfjsBackendName, backendPackage: object): void {
  registerBackend(name, {
    isRegistered: () => tfjsCore.findBackendFactory(name) !== null,
    hasGraphics: () => hasGraphics(tfjsCore, name),
    createEngine: (options, available) => createTfjsEngine(name, backendPackage, options, available),
  });
}

/**
 * Whether the graphics hardware that a backend needs is there. A browser may have the interface but no card, or a card
 * that it does not trust.
 */
async function hasGraphics(core: TfjsCore, name: TfjsBackendName): Promise<boolean> {
  if (name === 'webgl') return core.env().getNumber('WEBGL_VERSION') > 0;
  if (name !== 'webgpu') return true;
  const { navigator } = globalThis as { navigator?: { gpu?: { requestAdapter(): Promise<object | null> } } };
  const adapter = await navigator?.gpu?.requestAdapter().catch(() => null);
  return (adapter ?? null) !== null;
}

/** Further exports of the `wasm` package. */
interface WasmSettings {
  setWasmPaths(paths: string | Readonly<Record<string, string>>): void;
}

/**
 * Creates an engine that runs networks on a tfjs backend. Disposing of the engine frees its networks; the backend stays
 * available to others.
 * @param available - lists the alternatives, for the error.
 * @throws BackendUnavailableError if the backend cannot run here.
 */
async function createTfjsEngine(
  backend: TfjsBackendName,
  backendPackage: object,
  options: TfjsEngineOptions,
  available: () => Promise<readonly BackendName[]>,
): Promise<Engine> {
  const core = tfjsCore;
  if (!(await hasGraphics(core, backend))) {
    throw new BackendUnavailableError(backend, await available(), 'the browser has no graphics adapter for it');
  }
  try {
    if (options.wasmPaths !== undefined && 'setWasmPaths' in backendPackage && !isStarted(core, backend)) {
      (backendPackage as WasmSettings).setWasmPaths(options.wasmPaths);
    }
    if (backend === 'wasm') await forgoThreadsWhereForbidden();
    await startBackend(core, backend);
  } catch (cause) {
    const others = (await available()).filter((name) => name !== backend);
    const hint = backend === 'wasm' ? "; the option 'wasmPaths' sets where its binaries are" : '';
    throw new BackendUnavailableError(backend, others, `it did not start: ${firstLineOf(cause)}${hint}`, { cause });
  }
  return new TfjsEngine(backend, core, tfjsLayers, available);
}

/** Backends that are being started, so that two engines do not start the same one. */
const startingBackends = new Map<TfjsBackendName, Promise<void>>();

function startBackend(core: TfjsCore, name: TfjsBackendName): Promise<void> {
  const starting = startingBackends.get(name) ?? startBackendOnce(core, name);
  startingBackends.set(name, starting);
  return starting.finally(() => startingBackends.delete(name));
}

/** The original factory of each backend; the one registered afterwards only returns the finished backend. */
const factories = new Map<TfjsBackendName, ReturnType<TfjsCore['findBackendFactory']>>();

/** Starts a backend without making it the current one, which tfjs's own functions cannot. */
async function startBackendOnce(core: TfjsCore, name: TfjsBackendName): Promise<void> {
  // The application may be starting it: wait for that.
  if (core.getBackend() === name) await core.ready();
  const factory = factories.get(name) ?? core.findBackendFactory(name);
  factories.set(name, factory);
  if (isStarted(core, name) && lossOf(core, name).isLost) core.removeBackend(name);
  if (isStarted(core, name)) return;
  const removeProcessListeners = watchProcessListeners();
  const backend = await Promise.resolve(factory()).finally(removeProcessListeners);
  if (!isStarted(core, name)) {
    const priority = core.engine().registryFactory[name]?.priority;
    if (priority !== undefined) core.removeBackend(name);
    core.registerBackend(name, () => backend, priority);
    core.findBackend(name);
  }
  if (name === 'cpu') passOverGreeting(core);
}

function isStarted(core: TfjsCore, name: string): boolean {
  return name in core.engine().registry;
}

/** Except in production mode, the cpu backend prints advice to stderr, once, to install the native one. */
function passOverGreeting(core: TfjsCore): void {
  const productionMode = core.env().getBool('PROD');
  core.env().set('PROD', true);
  withBackend(core, 'cpu', () => core.scalar(0).dispose());
  core.env().set('PROD', productionMode);
}

/**
 * The wasm backend's loader intercepts every uncaught exception of a Node program, only to rethrow it. The returned
 * function removes the listeners that it has added to the process.
 */
function watchProcessListeners(): () => void {
  const { process } = globalThis;
  if (typeof process?.listeners !== 'function') return () => {};
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => new Set<unknown>(process.rawListeners(event)));
  return () => {
    events.forEach((event, i) => {
      for (const listener of process.rawListeners(event)) {
        const isNew = before[i]?.has(listener) === false;
        if (isNew && String(listener).includes('throw')) process.removeListener(event, listener as () => void);
      }
    });
  };
}

/** Runs a synchronous action with a started backend as the current one. */
function withBackend<T>(core: TfjsCore, name: string, action: () => T): T {
  const former = core.getBackend();
  if (former === name) return action();
  void core.setBackend(name);
  try {
    return action();
  } finally {
    if (former && isStarted(core, former)) void core.setBackend(former);
  }
}

/** Whether the application has chosen a backend that is still starting: until it has, it cannot be restored. */
function isCurrentStarting(core: TfjsCore): boolean {
  const current = core.getBackend();
  return Boolean(current) && !isStarted(core, current);
}

class TfjsEngine implements Engine {
  readonly backend: TfjsBackendName;
  readonly picture = plainPictureKernel;
  readonly #core: TfjsCore;
  readonly #layers: TfjsLayers;
  readonly #loss: BackendLoss;
  readonly #lostError: () => Promise<BackendUnavailableError>;
  readonly #networks = new Set<Network>();
  #disposed = false;

  constructor(
    backend: TfjsBackendName,
    core: TfjsCore,
    layers: TfjsLayers,
    available: () => Promise<readonly BackendName[]>,
  ) {
    this.backend = backend;
    this.#core = core;
    this.#layers = layers;
    this.#loss = lossOf(core, backend);
    this.#lostError = async () => {
      const advice = 'the browser has taken the graphics card away; create a new aligner';
      return new BackendUnavailableError(backend, await available(), advice);
    };
  }

  async loadNetwork(artifact: LayersArtifact): Promise<Network> {
    if (isCurrentStarting(this.#core)) await this.#core.ready();
    this.#checkNotDisposed();
    const guard = <T>(action: () => Promise<T>): Promise<T> => this.#loss.guard(action, this.#lostError);
    const built = await guard(() => buildModel(this.backend, this.#core, this.#layers, artifact));
    const network = new TfjsNetwork(this.backend, this.#core, built, guard, () => this.#networks.delete(network));
    if (this.#disposed) network.dispose();
    this.#checkNotDisposed();
    this.#networks.add(network);
    return network;
  }

  dispose(): void {
    this.#disposed = true;
    for (const network of this.#networks) network.dispose();
  }

  #checkNotDisposed(): void {
    if (this.#disposed) throw new DisposedError('the engine');
  }
}

/** A model of tfjs, and what the compiler reads from the same artifact. */
interface BuiltModel {
  readonly name: string;
  readonly model: LayersModel;
  /** Without weights; used for its shapes at each picture size. */
  readonly program: Program;
}

class TfjsNetwork implements Network {
  readonly #backend: TfjsBackendName;
  readonly #core: TfjsCore;
  readonly #name: string;
  readonly #program: Program;
  /** Picture size that was checked last. */
  #checkedSize = '';
  /** Rejects what a lost backend would never finish. */
  readonly #guard: <T>(action: () => Promise<T>) => Promise<T>;
  readonly #onDispose: () => void;
  #model: LayersModel | undefined;

  constructor(
    backend: TfjsBackendName,
    core: TfjsCore,
    { name, model, program }: BuiltModel,
    guard: <T>(action: () => Promise<T>) => Promise<T>,
    onDispose: () => void,
  ) {
    this.#name = name;
    this.#program = program;
    this.#guard = guard;
    this.#backend = backend;
    this.#core = core;
    this.#model = model;
    this.#onDispose = onDispose;
  }

  async run(input: Float32Array, shape: readonly [number, number, number, number]): Promise<NetworkOutput[]> {
    checkInput(input, shape, this.#loadedModel());
    this.#checkSize(shape);
    try {
      return await this.#guard(() => this.#run(input, shape));
    } catch (cause) {
      if (cause instanceof TddfaError) throw cause;
      throw new WeightFormatError(this.#name, `cannot be run: ${firstLineOf(cause)}`, { cause });
    }
  }

  /** tfjs's kernels do not survive values without a shape: the wasm one then takes down its whole backend. */
  #checkSize([, height, width, channels]: readonly [number, number, number, number]): void {
    const size = `${height} x ${width} x ${channels}`;
    if (size === this.#checkedSize) return;
    inferShapes(this.#program, [height, width, channels]);
    this.#checkedSize = size;
  }

  async #run(input: Float32Array, shape: readonly [number, number, number, number]): Promise<NetworkOutput[]> {
    const core = this.#core;
    if (isCurrentStarting(core)) await core.ready();
    const model = this.#loadedModel();
    const tensors = withBackend(core, this.#backend, () =>
      core.tidy(() => {
        const outputs = model.predictOnBatch(core.tensor4d(input, [...shape]));
        // Kept, as the caller may itself be inside a `tidy`.
        return [outputs].flat().map((output) => core.keep(output));
      }),
    );
    try {
      const data = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()));
      // The cpu backend passes its input array on if a layer changes nothing.
      return data.map((values, i) => ({
        data: values.buffer === input.buffer ? values.slice() : values,
        shape: tensors[i]?.shape.slice() ?? [],
      }));
    } finally {
      core.dispose(tensors);
    }
  }

  dispose(): void {
    this.#model?.dispose();
    this.#model = undefined;
    this.#onDispose();
  }

  #loadedModel(): LayersModel {
    if (this.#model === undefined) throw new DisposedError('the network');
    return this.#model;
  }
}

function checkInput(input: Float32Array, shape: readonly number[], model: LayersModel): void {
  const size = shape.reduce((product, n) => product * n, 1);
  if (!shape.every((n) => Number.isInteger(n) && n > 0) || input.length !== size) {
    throw new RangeError(`input: expected the ${size} numbers of a batch [${shape.join(', ')}], got ${input.length}`);
  }
  const wanted = model.inputs[0]?.shape ?? [];
  if (wanted.length !== shape.length || wanted.some((n, i) => n !== null && n !== shape[i])) {
    const sizes = wanted.map((n) => n ?? 'any').join(', ');
    throw new RangeError(`shape: expected [${sizes}], got [${shape.join(', ')}]`);
  }
}

/** Builds a model; if that fails, nothing of it remains. */
async function buildModel(
  backend: TfjsBackendName,
  core: TfjsCore,
  layers: TfjsLayers,
  artifact: LayersArtifact,
): Promise<BuiltModel> {
  const { modelTopology } = artifact;
  const { name, layers: serialized } = checkTopology(modelTopology, (type) =>
    Object.hasOwn(core.serialization.SerializationMap.getMap().classNameMap, type),
  );
  const program = readProgram(name, serialized, artifact);
  const variables = core.engine().registeredVariables;
  const before = new Set(Object.keys(variables));
  // All variables are created before the promise is returned. `loadLayersModel` would wait first, by when another
  // backend could be the current one.
  const building = withBackend(core, backend, () => {
    let promise: Promise<LayersModel> | undefined;
    core.tidy(() => {
      promise = layers.models.modelFromJSON({ modelTopology: { ...modelTopology } });
    });
    return promise;
  });
  const created = Object.keys(variables).filter((variable) => !before.has(variable));
  try {
    const model = await building;
    if (model === undefined) throw new WeightFormatError(name, 'holds no model');
    if (isCurrentStarting(core)) await core.ready();
    withBackend(core, backend, () => core.tidy(() => setWeights(core, model, artifact, name)));
    return { name, model, program };
  } catch (cause) {
    for (const variable of created) variables[variable]?.dispose();
    if (cause instanceof TddfaError) throw cause;
    throw new WeightFormatError(name, firstLineOf(cause), { cause });
  }
}

/**
 * Reads an artifact as the compiler does, so that all engines reject the same ones: tfjs accepts much that only fails
 * later, or allocates what a configuration requests before it checks the weights.
 */
function readProgram(name: string, layers: readonly SerializedLayer[], artifact: LayersArtifact): Program {
  const graph = parseLayersArtifact(artifact);
  const needed = new Set(graph.layers.map((layer) => layer.name));
  const idle = layers.find((layer) => !needed.has(layer.name));
  if (idle !== undefined) throw new WeightFormatError(name, `layer '${idle.name}' leads to no output`);
  return withoutWeights(lowerGraph(graph));
}

function setWeights(
  core: TfjsCore,
  model: LayersModel,
  { weightSpecs, weightData }: LayersArtifact,
  file: string,
): void {
  const unset = new Map(model.weights.map((weight) => [weight.originalName, weight]));
  let offset = 0;
  for (const { name: tensor, shape } of weightSpecs) {
    const weight = unset.get(tensor);
    if (weight === undefined) throw new WeightFormatError(file, 'no layer has such a weight', { tensor });
    const expected = `[${weight.shape.join(', ')}]`;
    const actual = `[${shape.join(', ')}]`;
    if (expected !== actual) throw new WeightFormatError(file, 'has the wrong shape', { tensor, expected, actual });
    const size = elementCount({ shape });
    if (offset + size * 4 > weightData.byteLength) {
      throw new WeightFormatError(file, 'the weights end inside it', {
        tensor,
        expected: `${offset + size * 4} bytes`,
        actual: String(weightData.byteLength),
      });
    }
    weight.write(core.tensor(new Float32Array(weightData.slice(offset, offset + size * 4)), [...shape]));
    unset.delete(tensor);
    offset += size * 4;
  }
  for (const [tensor, { shape }] of unset) {
    throw new WeightFormatError(file, 'is missing', { tensor, expected: `[${shape.join(', ')}]`, actual: 'nothing' });
  }
}

function elementCount({ shape }: Pick<WeightSpec, 'shape'>): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The parts of a topology that are checked before tfjs receives it. */
interface SerializedModel {
  readonly model_config?: SerializedModel | null;
  readonly config?: { readonly name?: unknown; readonly layers?: unknown };
}

interface SerializedLayer {
  readonly class_name: string;
  readonly name: string;
  /** Per use of the layer, the outputs that it consumes: `[layer, use, output, options]`. */
  readonly inbound_nodes: readonly (readonly (readonly [string, number, number, unknown?])[])[];
}

/**
 * Checks that there are layers, of types that tfjs has. `readProgram` checks that each gets its input; tfjs would wait
 * forever for a missing one.
 * @returns the name of the model, and its layers.
 */
function checkTopology(
  topology: object,
  isKnown: (type: string) => boolean,
): { readonly name: string; readonly layers: readonly SerializedLayer[] } {
  if (typeof topology !== 'object' || topology === null) {
    throw new WeightFormatError('network', 'the topology should be an object');
  }
  const { config } = (topology as SerializedModel).model_config ?? (topology as SerializedModel);
  const name = typeof config?.name === 'string' ? config.name : 'network';
  checkNesting(name, topology);
  const layers = config?.layers;
  if (!Array.isArray(layers)) throw new WeightFormatError(name, 'the topology has no layers');
  checkLayers(name, layers);
  for (const layer of layers) {
    if (!isSerializedLayer(layer)) {
      throw new WeightFormatError(name, `the topology has a malformed layer: ${JSON.stringify(layer)?.slice(0, 80)}`);
    }
    if (!isKnown(layer.class_name)) throw new UnsupportedLayerError(layer.name, layer.class_name);
  }
  return { name, layers };
}

/** Depth of nested lists and objects: far more than any network has, but too little to overflow tfjs's stack. */
const MAX_NESTING = 100;

function checkNesting(file: string, topology: object): void {
  let level: unknown[] = [topology];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_NESTING) throw new WeightFormatError(file, `is nested more than ${MAX_NESTING} times`);
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
}

function isSerializedLayer(layer: unknown): layer is SerializedLayer {
  if (typeof layer !== 'object' || layer === null) return false;
  const { class_name, name, inbound_nodes } = layer as Partial<SerializedLayer>;
  return (
    typeof class_name === 'string' &&
    typeof name === 'string' &&
    Array.isArray(inbound_nodes) &&
    inbound_nodes.every((node) => Array.isArray(node) && node.every(Array.isArray))
  );
}
