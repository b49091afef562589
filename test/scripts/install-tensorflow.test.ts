/** How the installer of the backend `tensorflow` ends where it cannot do its work: one line, and nothing left behind. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import { repositoryRoot } from '../../development/paths.ts';
import { type Installation, installTensorflow } from '../../scripts/install-tensorflow.ts';
import { TddfaError } from '../../src/errors.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** The beginning of a shared library of Linux for a processor. */
function library(machine: number): Uint8Array {
  const elf = new Uint8Array(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf[18] = machine;
  return elf;
}

const X86_64 = 62;
const AARCH64 = 183;

function wheel(version: string, machine = X86_64, name = 'libtensorflow_cc.so.2'): Uint8Array {
  return zipSync({
    [`tensorflow_cpu-${version}.dist-info/METADATA`]: new TextEncoder().encode(`Version: ${version}\n`),
    [`tensorflow/${name}`]: library(machine),
    'tensorflow/libtensorflow_framework.so.2': library(machine),
    'tensorflow/include/tensorflow/c/c_api.h': new Uint8Array(),
  });
}

describe('the installer of the backend tensorflow', () => {
  const { CXX } = process.env;
  const temporary = useTemporaryFolder();
  let folder: string;
  beforeEach(() => {
    folder = temporary(randomUUID());
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    mkdirSync(join(folder, 'node_modules'));
    // Nothing here is compiled: a compiler that only has a version would be found out later.
    process.env.CXX = 'true';
  });
  afterEach(() => {
    if (CXX === undefined) delete process.env.CXX;
    else process.env.CXX = CXX;
  });

  async function failureOf(
    content: Uint8Array,
    { signal = new AbortController().signal, ...options }: Partial<Installation> = {},
  ): Promise<Error> {
    writeFileSync(join(folder, 'given.whl'), content);
    const given = { folder, wheel: join(folder, 'given.whl'), save: true, signal, print: () => {}, ...options };
    const error = await installTensorflow(given).then(
      () => new Error('none'),
      (reason: Error) => reason,
    );
    expect(error.message).not.toContain('\n');
    expect(readdirSync(join(folder, 'node_modules'))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['given.whl', 'node_modules', 'package.json']);
    return error;
  }

  test.each([
    ['no archive', new Uint8Array(100), /given\.whl: .*zip/],
    [
      'an archive that is no wheel of TensorFlow',
      zipSync({ a: new Uint8Array() }),
      /given\.whl is not a wheel of tensorflow/,
    ],
    ['a wheel of another version', wheel('1.15.0'), /given\.whl is TensorFlow 1\.15\.0; .* 2\.15\.1$/],
    ['a wheel for another processor', wheel('2.15.1', AARCH64), /its library is for another processor, .*\(x64\)$/],
    [
      'a wheel for another system',
      wheel('2.15.1', X86_64, 'tensorflow.dll'),
      /has no libtensorflow_cc\.so\.2: .*Linux$/,
    ],
  ])('refuses %s', async (_what, content, message) => {
    const error = await failureOf(content);
    expect(error).toBeInstanceOf(TddfaError);
    expect(error.message).toMatch(message);
  });

  test('asks for a compiler', async () => {
    process.env.CXX = 'no-such-compiler';
    const error = await failureOf(wheel('2.15.1'));
    expect(error).toEqual(
      new TddfaError("there is no C++ compiler 'no-such-compiler': install one (apt install g++), or set CXX"),
    );
  });

  test('ends when it is aborted', async () => {
    const aborting = new AbortController();
    const failing = failureOf(wheel('2.15.1'), { signal: aborting.signal });
    aborting.abort();
    expect((await failing).name).toBe('AbortError');
  });

  test('removes what a killed installation left, and nothing that is at work', async () => {
    const abandoned = join(folder, 'node_modules', '.tddfa-tensorflow-4194304-AbCdEf');
    mkdirSync(abandoned);
    await failureOf(wheel('1.15.0'));
  });

  test('wants room on the disk before it begins', async () => {
    const error = await failureOf(wheel('2.15.1'), { neededBytes: 2 ** 60 });
    expect(error).toBeInstanceOf(TddfaError);
    expect(error.message).toMatch(/node_modules: \d+\.\d GB are free, and the installation needs 1073741824 GB$/);
  });

  test('killed while it compiles, it leaves its folder alone behind, which the next run removes', async () => {
    const compiler = join(folder, 'compiler');
    // Asked for its version it answers; else it never ends.
    writeFileSync(compiler, '#!/bin/sh\n[ "$1" = --version ] || exec sleep 600\n', { mode: 0o755 });
    writeFileSync(join(folder, 'given.whl'), wheel('2.15.1'));
    // Its sources need no registry: nothing is compiled.
    const npm = join(folder, 'npm');
    writeFileSync(npm, '#!/bin/sh\nexec sleep 20\n', { mode: 0o755 });
    const installer = spawn(
      process.execPath,
      [
        '--import',
        import.meta.resolve('tsx'),
        join(repositoryRoot, 'scripts/install-tensorflow.ts'),
        '--wheel',
        'given.whl',
      ],
      { cwd: folder, env: { ...process.env, CXX: compiler, PATH: `${folder}:${process.env.PATH}`, NODE_OPTIONS: '' } },
    );
    installer.stdout.setEncoding('utf8');
    for await (const line of installer.stdout) if (String(line).includes('Compiling')) break;
    installer.kill('SIGKILL');
    await once(installer, 'close');
    const left = readdirSync(join(folder, 'node_modules'));
    expect(left).toEqual([expect.stringMatching(/^\.tddfa-tensorflow-\d+-/)]);
    for (const path of [compiler, npm]) rmSync(path);
    await failureOf(wheel('1.15.0'));
  });

  test('wants a project', async () => {
    const empty = temporary('empty');
    mkdirSync(empty);
    const installing = installTensorflow({
      folder: empty,
      save: true,
      signal: AbortSignal.timeout(60_000),
      print: () => {},
    });
    await expect(installing).rejects.toThrow(`${empty} has no package.json: run this in the folder of your project`);
    expect(readdirSync(empty)).toEqual([]);
  });
});
