import type { OptionNames } from '../check-arguments.ts';
import { detectSimdSupport } from '../wasm/simd-support.ts';
import { type CompiledEngineOptions, createCompiledEngine } from './compiled.ts';
import type { BackendName, Engine } from './engine.ts';
import type { TfjsEngineOptions } from './tfjs-backends.ts';

/** Options of `createEngine`. */
export interface EngineOptions extends TfjsEngineOptions, Omit<CompiledEngineOptions, 'validate'> {}

/** For checks of names. */
export const ENGINE_OPTION_NAMES: OptionNames<EngineOptions> = {
  simd: true,
  optimize: true,
  cachedSizes: true,
  threads: true,
  precision: true,
  wasmPaths: true,
};

/**
 * Makes an engine that runs networks on a backend. Nothing of tfjs is imported before.
 * @throws BackendUnavailableError where the backend is not in the program, cannot run here, or is unknown.
 */
export async function createEngine(backend: BackendName, options: EngineOptions = {}): Promise<Engine> {
  if (backend === 'compiled') return createCompiledEngine(options);
  if (options.precision === 'int8') {
    throw new RangeError(`precision: int8 is of the backend compiled, not of ${backend}`);
  }
  // Loaded only where another one is asked for.
  const { findBackend } = await import('./tfjs-backends.ts');
  return (await findBackend(backend, availableBackends)).createEngine(options, availableBackends);
}

/**
 * Names of the backends that can be used here, best first. A backend of tfjs is listed where its entry is imported, in
 * Node also where its packages are installed; one on the graphics card where the browser has the interface: whether there is a
 * card shows when it is made.
 */
export async function availableBackends(): Promise<BackendName[]> {
  const { availableTfjsBackends } = await import('./tfjs-backends.ts');
  const others = await availableTfjsBackends();
  return detectSimdSupport().simd ? ['compiled', ...others] : others;
}
