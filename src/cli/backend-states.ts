import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';
import { createEngine } from '../engine/create-engine.ts';
import type { BackendName } from '../engine/engine.ts';
import { LayersModelBuilder } from '../engine/layers-model-builder.ts';
import { firstLineOf, tfjsInstallCommand } from '../engine/tfjs-backends.ts';
import { whyNodeIsTooNew } from '../engine/tfjs-native.ts';
import { packageRoot } from '../package-files.ts';
import { BACKENDS } from './aligner-flags.ts';

/** Whether a backend works here. */
export interface BackendState {
  readonly backend: BackendName;
  /** Why it does not; absent if it does. */
  readonly reason?: string;
  /** The command that makes it work, if there is one. */
  readonly command?: string;
}

/** Runs a small network on each backend, and finds out what to do if it does not run. */
export async function backendStates(): Promise<BackendState[]> {
  const states: BackendState[] = [];
  for (const backend of BACKENDS) {
    const failure = await tryBackend(backend);
    states.push(failure === undefined ? { backend } : { backend, ...explain(backend, failure.cause) });
  }
  return states;
}

const KERNEL = 3;

/** Convolves ones with ones. @returns what went wrong, if anything. */
async function tryBackend(backend: BackendName): Promise<{ readonly cause: unknown } | undefined> {
  try {
    const model = new LayersModelBuilder('trial');
    const options = { filters: 1, kernelSize: KERNEL, bias: false };
    const topology = model.build([model.conv2d('conv', model.input('input', [null, null, 1]), options)]);
    const weightData = new Float32Array(KERNEL * KERNEL).fill(1).buffer;
    const engine = await createEngine(backend);
    try {
      const network = await engine.loadNetwork({ ...topology, weightData });
      const [output] = await network.run(new Float32Array(16).fill(1), [1, 4, 4, 1]);
      const [sum] = output?.data ?? [];
      return sum === KERNEL * KERNEL ? undefined : { cause: new Error(`it computes wrong results: ${sum}`) };
    } finally {
      engine.dispose();
    }
  } catch (error) {
    const { cause } = error as Error;
    return { cause: cause ?? error };
  }
}

function explain(backend: BackendName, cause: unknown): Omit<BackendState, 'backend'> {
  if (backend === 'compiled') return { reason: firstLineOf(cause) };
  if (backend === 'webgl' || backend === 'webgpu') {
    return {
      reason: 'it runs only in browsers, and the page needs its packages',
      command: tfjsInstallCommand(backend),
    };
  }
  const { code } = cause as { code?: unknown };
  const isMissing = typeof code === 'string' && code.endsWith('MODULE_NOT_FOUND');
  const reason = isMissing ? 'its packages are not installed' : firstLineOf(cause);
  if (backend !== 'tensorflow') return { reason, command: tfjsInstallCommand(backend) };
  const tooNew = whyNodeIsTooNew();
  return { reason: tooNew ?? reason, command: tensorflowCommand(tooNew !== undefined) };
}

/** What makes `tensorflow` work: the installer that comes with this package, in a Node that can run it. */
function tensorflowCommand(isNodeTooNew: boolean): string {
  const root = packageRoot();
  const isClone = !root.split(sep).includes('node_modules');
  const node = isNodeTooNew ? 'npx -y node@22' : 'node';
  const built = (file: string): string => `${node} ${relative(process.cwd(), join(root, 'dist', file))}`;
  if (isNodeTooNew && hasPackage(root)) return `${built('src/cli/main.js')} info`;
  if (process.platform !== 'linux' || process.arch !== 'x64') return tfjsInstallCommand('tensorflow');
  return isClone && !isNodeTooNew ? 'npm run backend:tensorflow' : built('scripts/install-tensorflow.js');
}

function hasPackage(root: string): boolean {
  try {
    return existsSync(createRequire(join(root, 'package.json')).resolve('@tensorflow/tfjs-node/package.json'));
  } catch {
    return false;
  }
}
