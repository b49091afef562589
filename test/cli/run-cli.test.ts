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
