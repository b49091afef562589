/**
 * Which tfjs backends a program has. Nothing here names a tfjs package: each backend has an entry in this package,
 * `tddfa/backends/wasm` and so on, which imports its packages and registers itself here. A bundler therefore finds tfjs
 * only in programs that import such an entry. Node without a bundler imports the entry when a backend is requested.
 */
import { BackendUnavailableError } from '../errors.ts';
import type { BackendName, Engine } from './engine.ts';

/** Names of the tfjs backends. */
export type TfjsBackendName = Exclude<BackendName, 'compiled'>;

/** Options of the tfjs backends. */
export interface TfjsEngineOptions {
  /**
   * Location of the `wasm` backend's three binaries: the URL of their folder (ending in `/`), or the URL of each by
   * file name. Needed in a browser if the bundler does not put them beside the script; Node finds them in the package.
   * Only takes effect for the first engine on `wasm`, which starts the backend.
   */
  readonly wasmPaths?: string | Readonly<Record<string, string>>;
}

/** A backend whose packages are in the program. */
export interface TfjsBackend {
  /** Whether it reports that it can run here. */
  isRegistered(): boolean;
  /** Whether there is a graphics card that it can use, if it needs one. */
  hasGraphics(): Promise<boolean>;
  /** @param available - lists the alternatives, for the error. */
  createEngine(options: TfjsEngineOptions, available: () => Promise<readonly BackendName[]>): Promise<Engine>;
}

/** All tfjs packages must have the same version: they share internals. */
const TFJS_VERSION = '4.22.0';
const packageNames = (name: TfjsBackendName): readonly string[] =>
  name === 'tensorflow' ? ['node'] : ['core', 'layers', `backend-${name}`];

interface BackendFacts {
  /** What it needs to run, for messages. */
  readonly needs: string;
  /** What to do if the packages cannot be installed. */
  readonly otherwise?: string;
}

const FACTS: Readonly<Record<TfjsBackendName, BackendFacts>> = {
  tensorflow: {
    needs: 'Node and its native library',
    otherwise: ', or, if its library does not download, node node_modules/tddfa/dist/scripts/install-tensorflow.js',
  },
  webgpu: { needs: 'a browser with WebGPU' },
  webgl: { needs: 'a browser with WebGL' },
  wasm: { needs: 'WebAssembly' },
  cpu: { needs: 'nothing' },
};

/** Fastest first, if all are present. */
const TFJS_BACKEND_NAMES = Object.keys(FACTS) as readonly TfjsBackendName[];

/**
 * The backends of this program, by name. A bundler can include this file in a program more than once, for example if a
 * worker's script or a backend's entry comes from a different file than the rest: all copies share one list.
 */
function registry(): Map<TfjsBackendName, TfjsBackend> {
  const key = Symbol.for('tddfa.backends');
  const holder = globalThis as { [key]?: Map<TfjsBackendName, TfjsBackend> };
  holder[key] ??= new Map();
  return holder[key];
}

/** Registers a backend. Called by its entry. */
export function registerBackend(name: TfjsBackendName, backend: TfjsBackend): void {
  registry().set(name, backend);
}

/** The command that installs a backend's packages. */
export function tfjsInstallCommand(name: TfjsBackendName): string {
  return `npm install ${packageNames(name)
    .map((part) => `@tensorflow/tfjs-${part}@${TFJS_VERSION}`)
    .join(' ')}`;
}

/**
 * Finds a backend by name.
 * @param available - called for the error message only.
 * @throws BackendUnavailableError if its entry is not imported, its packages are not installed, it cannot run here, or
 *   there is no backend of this name.
 */
export async function findBackend(
  name: TfjsBackendName,
  available: () => Promise<readonly string[]>,
): Promise<TfjsBackend> {
  if (!TFJS_BACKEND_NAMES.includes(name)) {
    throw new BackendUnavailableError(name, await available(), 'there is no backend of this name');
  }
  const { needs, otherwise = '' } = FACTS[name];
  let cause: unknown;
  if (!registry().has(name)) {
    try {
      await importEntry(name);
    } catch (error) {
      cause = error;
      // Its entry reports that it cannot run here at all.
      if (error instanceof RangeError) throw new BackendUnavailableError(name, await available(), error.message);
    }
  }
  const found = registry().get(name);
  if (found === undefined) {
    const install = `${tfjsInstallCommand(name)}${otherwise}`;
    // Node has an error code for a missing package; with any other error it is there, but broken.
    const isMissing = cause === undefined || (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
    const reason = isMissing ? '' : ` (${firstLineOf(cause)})`;
    const advice = `it needs ${needs} and tfjs packages; install them with: ${install}; a program for browsers or from a bundler then imports 'tddfa/backends/${name}', in the script of its worker if it has one${reason}`;
    throw new BackendUnavailableError(name, await available(), advice, { cause });
  }
  if (!found.isRegistered()) throw new BackendUnavailableError(name, await available(), `it needs ${needs}`);
  return found;
}

/** Names of the tfjs backends that are imported, or can be, and report that they can run here. */
export async function availableTfjsBackends(): Promise<TfjsBackendName[]> {
  const available: TfjsBackendName[] = [];
  for (const name of TFJS_BACKEND_NAMES) {
    try {
      const backend = await findBackend(name, async () => []);
      if (await backend.hasGraphics()) available.push(name);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
    }
  }
  return available;
}

/** Imports a backend's entry from beside this file, in Node only: a bundled program does not have it there. */
async function importEntry(name: TfjsBackendName): Promise<void> {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith('file:') !== true) return;
  const entry = `../backends/${name}${url.slice(-'.js'.length)}`;
  await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ entry);
}

/** First line of an error's message. Not everything that tfjs throws is an `Error`. */
export function firstLineOf(cause: unknown): string {
  const { message } = (cause ?? {}) as { message?: unknown };
  return (typeof message === 'string' ? message : String(cause)).trim().split('\n', 1)[0] ?? '';
}
