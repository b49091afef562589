/** Makes `@tensorflow/tfjs-node` a good guest: checks that it can run in this Node, and keeps it quiet. */

type TfjsCore = typeof import('@tensorflow/tfjs-core');

const PACKAGE = '@tensorflow/tfjs-node';

interface NodeProcess {
  readonly version: string;
  readonly env: Record<string, string | undefined>;
  emitWarning(...warning: unknown[]): void;
  getBuiltinModule?(name: 'node:util'): object;
}

/** Why the package cannot run in this Node, if it cannot: it calls `node:util` functions that Node 23 no longer has. */
export function whyNodeIsTooNew(): string | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  const util = process?.getBuiltinModule?.('node:util');
  if (process === undefined || util === undefined || 'isNullOrUndefined' in util) return undefined;
  return `Node ${process.version} is too new for ${PACKAGE} 4.22.0, which runs in Node 20 and 22`;
}

/**
 * Imports the package, which starts its backend. Its library prints a greeting to stderr unless `TF_CPP_MIN_LOG_LEVEL`
 * is set, and on its first operation Node 22 warns of the old functions; neither belongs in an application's output.
 */
export async function importNativeBackend(core: TfjsCore): Promise<unknown> {
  const { process } = globalThis as { process?: NodeProcess };
  const name = PACKAGE;
  const whyNot = whyNodeIsTooNew();
  if (whyNot !== undefined) throw new RangeError(whyNot);
  const former = core.getBackend();
  const restore = process === undefined ? () => {} : silence(process);
  try {
    const imported: unknown = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
    if (core.getBackend() === 'tensorflow') runFirstOperation(core);
    return imported;
  } finally {
    restore();
    // It has made itself the current backend.
    if (former && core.getBackend() !== former && former in core.engine().registry) void core.setBackend(former);
  }
}

/** @returns a function that restores what it has changed. */
function silence(process: NodeProcess): () => void {
  const { emitWarning } = process;
  const isQuiet = process.env.TF_CPP_MIN_LOG_LEVEL !== undefined;
  process.emitWarning = (...warning) => {
    if (warning[1] !== 'DeprecationWarning') emitWarning.apply(process, warning);
  };
  if (!isQuiet) process.env.TF_CPP_MIN_LOG_LEVEL = '2';
  return () => {
    if (!isQuiet) delete process.env.TF_CPP_MIN_LOG_LEVEL;
    process.emitWarning = emitWarning;
  };
}

function runFirstOperation(core: TfjsCore): void {
  core.tidy(() => void core.concat([core.ones([1]), core.ones([1])]));
}
