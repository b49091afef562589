/** What `@tensorflow/tfjs-node` needs to be a good guest: a Node that it can run in, and silence. */

type TfjsCore = typeof import('@tensorflow/tfjs-core');

const PACKAGE = '@tensorflow/tfjs-node';

interface NodeProcess {
  readonly version: string;
  readonly env: Record<string, string | undefined>;
  emitWarning(...warning: unknown[]): void;
  getBuiltinModule?(name: 'node:util'): object;
}

/** Why the package cannot run in this Node, if so: it calls functions of `node:util` that Node 23 no longer has. */
export function whyNodeIsTooNew(): string | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  const util = process?.getBuiltinModule?.('node:util');
  if (process === undefined || util === undefined || 'isNullOrUndefined' in util) return undefined;
  return `Node ${process.version} is too new for ${PACKAGE} 4.22.0, which runs in Node 20 and 22`;
}

/**
 * Imports the package, which starts its backend. Its library greets on stderr where `TF_CPP_MIN_LOG_LEVEL` says nothing else,
 * and in its first operation Node 22 warns of the old functions; neither shall stand between an application's lines.
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

/** @returns a function that puts back what it has changed. */
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
