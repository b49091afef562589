import { BackendUnavailableError } from '../errors.ts';
import type { BackendName } from './engine.ts';
import { importNativeBackend, whyNodeIsTooNew } from './tfjs-native.ts';

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
  readonly import: (core: TfjsCore) => Promise<unknown>;
  /** What to do where the package cannot be installed. */
  readonly otherwise?: string;
  /** Why it cannot run here at all, if so. */
  readonly whyNot?: () => string | undefined;
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
    import: importNativeBackend,
    otherwise: 'or, where its library does not download, node node_modules/tddfa/dist/scripts/install-tensorflow.js',
    whyNot: whyNodeIsTooNew,
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
  const { name: packageName, needs, otherwise, whyNot } = PACKAGES[name];
  const reason = whyNot?.();
  if (reason !== undefined) throw new BackendUnavailableError(name, await available(), reason);
  let imported: TfjsBackendPackage;
  try {
    const core = await import('@tensorflow/tfjs-core');
    imported = { core, backend: await PACKAGES[name].import(core) };
  } catch (cause) {
    const commands = [`npm install ${packageName}@${TFJS_VERSION}`, otherwise ?? []].flat().join(', ');
    const install = `install it with: ${commands}`;
    // Node says by a code that a package is not there; else it is there and broken, or a browser could not fetch it.
    const isMissing = (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
    const reason = isMissing ? '' : ` (${firstLineOf(cause)})`;
    const advice = `it needs ${needs} and the package ${packageName}; ${install}${reason}`;
    throw new BackendUnavailableError(name, await available(), advice, { cause });
  }
  if (!imported.core.findBackendFactory(name)) {
    throw new BackendUnavailableError(name, await available(), `it needs ${needs}`);
  }
  return imported;
}

/**
 * Whether there is what a backend on the graphics card runs on. A browser may have the interface and no card, or a card
 * that it does not trust.
 * @param core - tfjs, with the backend's package imported.
 */
export async function hasGraphics(core: TfjsCore, name: TfjsBackendName): Promise<boolean> {
  if (name === 'webgl') return core.env().getNumber('WEBGL_VERSION') > 0;
  if (name !== 'webgpu') return true;
  const { navigator } = globalThis as { navigator?: { gpu?: { requestAdapter(): Promise<object | null> } } };
  const adapter = await navigator?.gpu?.requestAdapter().catch(() => null);
  return (adapter ?? null) !== null;
}

/** Names of the tfjs backends whose packages are installed and that can run here; tries each. */
export async function availableTfjsBackends(): Promise<TfjsBackendName[]> {
  const available: TfjsBackendName[] = [];
  for (const name of TFJS_BACKEND_NAMES) {
    try {
      const { core } = await importTfjsBackend(name, async () => []);
      if (await hasGraphics(core, name)) available.push(name);
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
