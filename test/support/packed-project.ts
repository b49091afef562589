/** Projects of the package's users: folders outside this repository that contain only what npm put there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';

/** Limit for an install, a build or a program: anything slower hangs. */
export const COMMAND_TIMEOUT_MS = 240_000;

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with the packed package installed. */
export interface PackedProject {
  /** Path of a file in it. */
  at(...names: string[]): string;
  /** Writes a file. */
  write(name: string, text: string): Promise<void>;
  /** Runs a command in it until it exits. */
  run(command: string, ...args: readonly string[]): Promise<CommandResult>;
  /** Starts a server in it; `isReady` checks what it has printed so far. */
  serve(isReady: (printed: string) => boolean, command: string, ...args: readonly string[]): Promise<void>;
}

export interface PackedProjectOptions {
  /** Packages besides ours, as arguments of `npm install`. */
  readonly packages?: readonly string[];
  /** Files by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further flags of `npm install`. */
  readonly flags?: readonly string[];
}

/** A user's normal environment, without anything that npm and Jest set for this run. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG } = process.env;
  return { PATH, HOME, LANG, CI: 'true', NEXT_TELEMETRY_DISABLED: '1', PARCEL_WORKERS: '0' };
}

/** Makes a project for the tests of a file, and removes it after them. Call inside `describe`. */
export function usePackedProject(options: PackedProjectOptions = {}): PackedProject {
  let folder = '';
  const servers: ChildProcess[] = [];
  const at = (...names: string[]): string => join(folder, ...names);

  const start = (command: string, args: readonly string[]): ChildProcess =>
    spawn(command, args, { cwd: folder, env: plainEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true });

  const project: PackedProject = {
    at,
    async write(name, text) {
      await mkdir(dirname(at(name)), { recursive: true });
      await writeFile(at(name), text);
    },
    run: (command, ...args) =>
      new Promise((resolve, reject) => {
        const child = start(command, args);
        const printed = { stdout: '', stderr: '' };
        const timer = setTimeout(() => stop(child), COMMAND_TIMEOUT_MS);
        child.stdout?.on('data', (chunk) => (printed.stdout += chunk));
        child.stderr?.on('data', (chunk) => (printed.stderr += chunk));
        child.on('error', reject);
        child.on('close', (status) => {
          clearTimeout(timer);
          resolve({ status, ...printed });
        });
      }),
    serve: (isReady, command, ...args) =>
      new Promise((resolve, reject) => {
        const child = start(command, args);
        servers.push(child);
        let printed = '';
        const hear = (chunk: unknown): void => {
          printed += chunk;
          if (isReady(printed)) resolve();
        };
        child.stdout?.on('data', hear);
        child.stderr?.on('data', hear);
        child.on('error', reject);
        child.on('close', () => reject(new Error(`${command} exited: ${printed}`)));
      }),
  };

  beforeAll(async () => {
    const archive = process.env.TDDFA_ARCHIVE;
    if (archive === undefined) throw new Error('run these tests with `npm run test:packed`, which packs the package');
    folder = await mkdtemp(join(tmpdir(), 'tddfa-user-'));
    await project.write('package.json', '{ "private": true, "type": "module" }');
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...(options.flags ?? [])];
    const installed = await project.run('npm', 'install', ...flags, archive, ...(options.packages ?? []));
    if (installed.status !== 0) throw new Error(`npm install failed: ${installed.stderr}`);
    for (const [name, text] of Object.entries(options.files ?? {})) await project.write(name, text);
  }, COMMAND_TIMEOUT_MS);

  afterAll(async () => {
    for (const server of servers) stop(server);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return project;
}

/** Ends a command and its child processes. */
function stop(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just exited by itself.
  }
}

/** Puts the open pack and the portrait where pages can load them. */
export async function copyPageFiles(project: PackedProject, folder: string): Promise<void> {
  await cp(project.at('node_modules', 'tddfa', 'weights', 'open'), project.at(folder, 'weights', 'open'), {
    recursive: true,
  });
  await cp(join(repositoryRoot, 'examples', 'astronaut.png'), project.at(folder, 'portrait.png'));
}
