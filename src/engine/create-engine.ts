import type { OptionNames } from '../check-arguments.ts';
import { detectSimdSupport } from '../wasm/simd-support.ts';
import { type CompiledEngineOptions, createCompiledEngine } from './compiled.ts';
import type { BackendName, Engine } from './engine.ts';
import type { TfjsEngineOptions } from './tfjs-backends.ts';

/** Options of `createEngine`. */
export interface EngineOptions extends TfjsEngineOptions, Omit<CompiledEngineOptions, 'validate'> {}

/** For checking option names. */
export const ENGINE_OPTION_NAMES: OptionNames<EngineOptions> = {
  simd: true,
  optimize: true,
  cachedSizes: true,
  threads: true,
  precision: true,
  wasmPaths: true,
};

/**
 * Creates an engine that runs networks on a backend. tfjs is not imported before this call.
 * @throws BackendUnavailableError if the backend is not in the program, cannot run here, or is unknown.
 */
export async function createEngine(backend: BackendName, options: EngineOptions = {}): Promise<Engine> {
  if (backend === 'compiled') return createCompiledEngine(options);
  if (options.precision === 'int8') {
    throw new RangeError(`precision: int8 needs the backend compiled, not ${backend}`);
  }
  // Loaded only if another backend is requested.
  const { findBackend } = await import('./tfjs-backends.ts');
  return (await findBackend(backend, availableBackends)).createEngine(options, availableBackends);
}

/**
 * Names of the backends available here, best first. A tfjs backend is listed if its entry is imported or, in Node, its
 * packages are installed; a graphics backend if the browser has the interface: whether there is a graphics card is only
 * known once the engine is created.
 */
export async function availableBackends(): Promise<BackendName[]> {
  const { availableTfjsBackends } = await import('./tfjs-backends.ts');
  const others = await availableTfjsBackends();
  return detectSimdSupport().simd ? ['compiled', ...others] : others;
}
