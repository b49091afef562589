import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageIsBuilt } from './package-is-built.ts';
import { repositoryRoot } from './paths.ts';

/** How to run the command. */
export interface TddfaProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As in {@link tddfaCommand}. */
  readonly isBuilt?: boolean;
}

/** What a command printed, and how it exited. */
export interface TddfaOutput {
  /** Exit status; `null` after a signal. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command in its own process. */
export interface TddfaProcess {
  readonly child: ChildProcess;
  /** What it has printed on stderr so far. */
  stderr(): string;
  readonly ended: Promise<TddfaOutput>;
}

/**
 * The words that a `tddfa` command line starts with.
 * @param isBuilt - from `dist/`, as installed, rather than from `src/`, which takes a second longer to start; by default if `dist/`
 * is newer.
 */
export function tddfaCommand(isBuilt = packageIsBuilt()): [program: string, ...words: string[]] {
  if (isBuilt) return [process.execPath, join(repositoryRoot, 'dist', 'src', 'cli', 'main.js')];
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return [process.execPath, '--import', tsx, join(repositoryRoot, 'src', 'cli', 'main.ts')];
}

/** Starts `tddfa` with some arguments. */
export function startTddfa(args: readonly string[], options: TddfaProcessOptions = {}): TddfaProcess {
  const { cwd = repositoryRoot, env = {}, isBuilt } = options;
  const [program, ...words] = tddfaCommand(isBuilt);
  const child = spawn(program, [...words, ...args], {
    cwd,
    // Jest's settings are not meant for the command.
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([status]) => ({ status, stdout, stderr }));
  return { child, stderr: () => stderr, ended };
}

/** Runs `tddfa` until it exits. */
export function runTddfa(args: readonly string[], options?: TddfaProcessOptions): Promise<TddfaOutput> {
  return startTddfa(args, options).ended;
}
