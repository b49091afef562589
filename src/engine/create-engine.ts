import { BackendUnavailableError } from '../errors.ts';
import { detectSimdSupport } from '../wasm/simd-support.ts';
import { type CompiledEngineOptions, createCompiledEngine } from './compiled.ts';
import type { BackendName, Engine } from './engine.ts';
import { createTfjsEngine, type TfjsEngineOptions } from './tfjs.ts';
import { availableTfjsBackends, TFJS_BACKEND_NAMES, type TfjsBackendName } from './tfjs-packages.ts';

/** Options of `createEngine`. */
export interface EngineOptions extends TfjsEngineOptions, CompiledEngineOptions {}

/**
 * Makes an engine that runs networks on a backend. Nothing of tfjs is imported before.
 * @throws BackendUnavailableError where the backend is not installed, cannot run here, or is none that we know.
 */
export async function createEngine(backend: BackendName, options: EngineOptions = {}): Promise<Engine> {
  if (backend === 'compiled') return createCompiledEngine(options);
  if (isTfjsBackend(backend)) return createTfjsEngine(backend, options, availableBackends);
  throw new BackendUnavailableError(backend, await availableBackends(), 'there is no backend of this name');
}

/**
 * Names of the backends that can be used here, best first. A backend on the graphics card is listed where its package is
 * installed and the browser has the interface; whether there is a card shows when it is made.
 */
export async function availableBackends(): Promise<BackendName[]> {
  const others = await availableTfjsBackends();
  return detectSimdSupport().simd ? ['compiled', ...others] : others;
}

function isTfjsBackend(name: BackendName): name is TfjsBackendName {
  return TFJS_BACKEND_NAMES.some((known) => known === name);
}
