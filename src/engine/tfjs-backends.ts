/**
 * Which backends of tfjs a program has. Nothing here names a package of tfjs: each backend has an entry of this package,
 * `tddfa/backends/wasm` and so on, that imports its packages and registers itself here. So a bundler finds tfjs only in programs
 * that import such an entry. Node by itself, without a bundler, imports them when a backend is asked for.
 */
import { BackendUnavailableError } from '../errors.ts';
import type { BackendName, Engine } from './engine.ts';

/** Backends that are tfjs's. */
export type TfjsBackendName = Exclude<BackendName, 'compiled'>;

/** Options of the backends of tfjs. */
export interface TfjsEngineOptions {
  /**
   * Where the `wasm` backend's three binaries are: the URL of their folder (ending in `/`), or the URL of each by file
   * name. Needed in a browser whose bundler does not put them beside the script; Node finds them in the package. Counts
   * for the first engine on `wasm`, which starts the backend.
   */
  readonly wasmPaths?: string | Readonly<Record<string, string>>;
}

/** A backend whose packages are in the program. */
export interface TfjsBackend {
  /** Whether it says that it can run here. */
  isRegistered(): boolean;
  /** Whether there is a graphics card that it can use, where it needs one. */
  hasGraphics(): Promise<boolean>;
  /** @param available - says what else there is, for the error. */
  createEngine(options: TfjsEngineOptions, available: () => Promise<readonly BackendName[]>): Promise<Engine>;
}

/** All packages of tfjs must be of one version: they share their internals. */
const TFJS_VERSION = '4.22.0';
const packageNames = (name: TfjsBackendName): readonly string[] =>
  name === 'tensorflow' ? ['node'] : ['core', 'layers', `backend-${name}`];

interface BackendFacts {
  /** What it needs where it runs, for messages. */
  readonly needs: string;
  /** What to do where the packages cannot be installed. */
  readonly otherwise?: string;
}

const FACTS: Readonly<Record<TfjsBackendName, BackendFacts>> = {
  tensorflow: {
    needs: 'Node and its native library',
    otherwise: ', or, where its library does not download, node node_modules/tddfa/dist/scripts/install-tensorflow.js',
  },
  webgpu: { needs: 'a browser with WebGPU' },
  webgl: { needs: 'a browser with WebGL' },
  wasm: { needs: 'WebAssembly' },
  cpu: { needs: 'nothing' },
};

/** Fastest first where all are there. */
const TFJS_BACKEND_NAMES = Object.keys(FACTS) as readonly TfjsBackendName[];

/**
 * The backends of this program, by name. A bundler can put this file into a program more than once, as when the script of a
 * worker or a backend's entry comes from another file than the rest: they share one list.
 */
function registry(): Map<TfjsBackendName, TfjsBackend> {
  const key = Symbol.for('tddfa.backends');
  const holder = globalThis as { [key]?: Map<TfjsBackendName, TfjsBackend> };
  holder[key] ??= new Map();
  return holder[key];
}

/** Makes a backend known. Its entry calls this. */
export function registerBackend(name: TfjsBackendName, backend: TfjsBackend): void {
  registry().set(name, backend);
}

/** The command that installs what a backend needs. */
export function tfjsInstallCommand(name: TfjsBackendName): string {
  return `npm install ${packageNames(name)
    .map((part) => `@tensorflow/tfjs-${part}@${TFJS_VERSION}`)
    .join(' ')}`;
}

/**
 * The backend of a name.
 * @param available - asked for the error message only.
 * @throws BackendUnavailableError where its entry is not imported, its packages are not installed, it cannot run here, or there
 *   is none of this name.
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
      // Its entry says that it cannot run here at all.
      if (error instanceof RangeError) throw new BackendUnavailableError(name, await available(), error.message);
    }
  }
  const found = registry().get(name);
  if (found === undefined) {
    const install = `${tfjsInstallCommand(name)}${otherwise}`;
    // Node says by a code that a package is not there; else it is there and broken.
    const isMissing = cause === undefined || (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
    const reason = isMissing ? '' : ` (${firstLineOf(cause)})`;
    const advice = `it needs ${needs} and packages of tfjs; install them with: ${install}; a program for browsers or from a bundler then imports 'tddfa/backends/${name}', in the script of its worker where it has one${reason}`;
    throw new BackendUnavailableError(name, await available(), advice, { cause });
  }
  if (!found.isRegistered()) throw new BackendUnavailableError(name, await available(), `it needs ${needs}`);
  return found;
}

/** Names of the tfjs backends that are imported, or can be, and say that they can run here. */
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

/** Imports a backend's entry from beside this file, in Node alone: a bundled program does not have it there. */
async function importEntry(name: TfjsBackendName): Promise<void> {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith('file:') !== true) return;
  const entry = `../backends/${name}${url.slice(-'.js'.length)}`;
  await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ entry);
}

/** What an error says, in one line. Not everything that tfjs throws is an `Error`. */
export function firstLineOf(cause: unknown): string {
  const { message } = (cause ?? {}) as { message?: unknown };
  return (typeof message === 'string' ? message : String(cause)).trim().split('\n', 1)[0] ?? '';
}
