import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeError } from '../../src/cli/describe-error.ts';
import { WeightLoadError } from '../../src/errors.ts';
import { runCli } from '../support/run-cli.ts';
import { repositoryRoot } from '../support/shared.ts';

describe('runCli', () => {
  test('prints its help on stdout', async () => {
    const { status, stdout, stderr } = await runCli(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: tddfa /);
  });

  test('prints the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string };
    expect(await runCli(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([[['--no-such-option']], [['no-such-command']], [['convert', 'x', '--out', 'y', '--no-such-option']]])(
    'answers %j with one line and status 2',
    async (args) => {
      const { status, stdout, stderr } = await runCli(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^tddfa: .*no-such.*\n$/);
    },
  );
});

describe('a command that is not there', () => {
  test.each([
    [['detect', '--help'], "unknown command 'detect'"],
    [['--debug', 'allign', 'x.png'], "unknown command 'allign', did you mean 'align'?"],
    [['weights', 'fetch', '--help'], "unknown command 'fetch'"],
    [['weights', 'verfy'], "unknown command 'verfy', did you mean 'verify'?"],
    [['help', 'detect'], "unknown command 'detect'"],
  ])('%j is one line and status 2', async (args, message) => {
    const { status, stdout, stderr } = await runCli(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.split('\n').slice(0, 1)).toEqual([`tddfa: ${message} (see tddfa --help)`]);
  });

  test.each([[['help', 'weights']], [['weights', 'pull', '--help']], [['align', '--help']]])(
    '%j is the help of one that is',
    async (args) => {
      expect(await runCli(args)).toMatchObject({ status: 0, stderr: '' });
    },
  );
});

describe('flags that are wrong are named', () => {
  test.each([
    [['align', 'x.png', '--min-score', 'x'], '--min-score'],
    [['align', 'x.png', '--subdivisions', '9'], '--subdivisions'],
    [['align', 'x.png', '--texture-size', '0', '--draw', 'uv-texture'], '--texture-size'],
    [['align', 'x.png', '--interocular', '-1'], '--interocular'],
    [['video', 'x.mp4', '--max-faces', '0'], '--max-faces'],
    [['video', 'x.mp4', '--detect-every', 'x'], '--detect-every'],
    [['video', 'x.mp4', '--start', '1.5'], '--start'],
    [['video', 'x.mp4', '--frame-rate', '0'], '--frame-rate'],
    [['video', 'x.mp4', '--frames-before', '-1'], '--frames-before'],
    [['eval', '--data', 'x', '--annotations', 'y', '--min-overlap', '2'], '--min-overlap'],
    [['bench', '--threads', '0'], '--threads'],
    [['convert', 'x', '--out', 'y', '--shape-count', '0'], '--shape-count'],
    [['align', 'x.png', '--json', 'x.csv'], '--json'],
    [['video', 'x.mp4', '--json', 'x.tsv'], '--json'],
    [['eval', '--data', 'x', '--annotations', 'y', '--json', 'x.xlsx'], '--json'],
  ])('%j', async (args, flag) => {
    const { status, stdout, stderr } = await runCli(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^tddfa: [^\n]+\n$/);
    expect(stderr).toContain(flag);
  });
});

describe('runCli without a command', () => {
  test.each([[[]], [['weights']]])('prints help on stderr for %j and fails', async (args) => {
    const { status, stdout, stderr } = await runCli(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: tddfa /);
  });
});

describe('describeError', () => {
  test('says a system error in words', () => {
    const error = Object.assign(new Error('ENOENT: no such file or directory, open x'), { code: 'ENOENT', path: 'x' });
    expect(describeError(error)).toBe('x: no such file or folder');
  });

  test('is one line for anything', () => {
    expect(describeError(new WeightLoadError('pack.json', 'line 1\nline 2'))).toBe(
      'cannot load pack.json: line 1 line 2',
    );
    expect(describeError('text')).toBe('text');
    expect(describeError(Object.assign(new Error(), { name: 'AbortError' }))).toBe('interrupted');
  });
});
