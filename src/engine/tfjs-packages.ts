import { BackendUnavailableError } from '../errors.ts';
import type { BackendName } from './engine.ts';

/** Backends that are tfjs's. */
export type TfjsBackendName = Exclude<BackendName, 'compiled'>;

export type TfjsCore = typeof import('@tensorflow/tfjs-core');
export type TfjsLayers = typeof import('@tensorflow/tfjs-layers');
export type TfjsWasm = typeof import('@tensorflow/tfjs-backend-wasm');

/** All tfjs packages must be of one version: they share their internals. */
const TFJS_VERSION = '4.22.0';

interface TfjsPackage {
  readonly name: string;
  /** What it needs where it runs, for the message where that is missing. */
  readonly needs: string;
  readonly import: () => Promise<unknown>;
}

/**
 * The package of each backend, imported when it is asked for. The specifiers are written out, so that bundlers see them;
 * but for `@tensorflow/tfjs-node`, which no bundler shall look for.
 */
const PACKAGES: Readonly<Record<TfjsBackendName, TfjsPackage>> = {
  wasm: {
    name: '@tensorflow/tfjs-backend-wasm',
    needs: 'WebAssembly',
    import: () => import('@tensorflow/tfjs-backend-wasm'),
  },
  cpu: {
    name: '@tensorflow/tfjs-backend-cpu',
    needs: 'nothing',
    import: () => import('@tensorflow/tfjs-backend-cpu'),
  },
  webgl: {
    name: '@tensorflow/tfjs-backend-webgl',
    needs: 'a browser with WebGL',
    import: () => import('@tensorflow/tfjs-backend-webgl'),
  },
  webgpu: {
    name: '@tensorflow/tfjs-backend-webgpu',
    needs: 'a browser with WebGPU',
    import: () => import('@tensorflow/tfjs-backend-webgpu'),
  },
  tensorflow: {
    name: '@tensorflow/tfjs-node',
    needs: 'Node and its native library',
    import: () => {
      const name = '@tensorflow/tfjs-node';
      return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
    },
  },
};

/** Names of the backends that tfjs can have, fastest first where all are there. */
export const TFJS_BACKEND_NAMES: readonly TfjsBackendName[] = ['tensorflow', 'webgpu', 'webgl', 'wasm', 'cpu'];

/** A backend's package, once imported. */
export interface TfjsBackendPackage {
  readonly core: TfjsCore;
  /** Exports of the backend's own package. */
  readonly backend: unknown;
}

/**
 * Imports tfjs's core and the package of one backend, which thereby registers itself where it can run.
 * @param available - asked for the error message only.
 * @throws BackendUnavailableError where the package is not installed or cannot run here.
 */
export async function importTfjsBackend(
  name: TfjsBackendName,
  available: () => Promise<readonly string[]>,
): Promise<TfjsBackendPackage> {
  let imported: TfjsBackendPackage;
  try {
    imported = { core: await import('@tensorflow/tfjs-core'), backend: await PACKAGES[name].import() };
  } catch (cause) {
    const { name: packageName, needs } = PACKAGES[name];
    const install = `install it with: npm install ${packageName}@${TFJS_VERSION}`;
    // Node says by a code that a package is not there; else it is there and broken, or a browser could not fetch it.
    const isMissing = (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
    const reason = isMissing ? '' : ` (${firstLineOf(cause)})`;
    const advice = `it needs ${needs} and the package ${packageName}; ${install}${reason}`;
    throw new BackendUnavailableError(name, await available(), advice, { cause });
  }
  if (!imported.core.findBackendFactory(name)) {
    throw new BackendUnavailableError(name, await available(), `it needs ${PACKAGES[name].needs}`);
  }
  return imported;
}

/** Names of the tfjs backends whose packages are installed and that say they can run here; tries each. */
export async function availableTfjsBackends(): Promise<TfjsBackendName[]> {
  const available: TfjsBackendName[] = [];
  for (const name of TFJS_BACKEND_NAMES) {
    try {
      await importTfjsBackend(name, async () => []);
      available.push(name);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
    }
  }
  return available;
}

/** What an error says, in one line. Not everything that tfjs throws is an `Error`. */
export function firstLineOf(cause: unknown): string {
  const { message } = (cause ?? {}) as { message?: unknown };
  return (typeof message === 'string' ? message : String(cause)).trim().split('\n', 1)[0] ?? '';
}
