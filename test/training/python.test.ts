/** Runs the tests of the Python side of training where PyTorch and OpenCV are there. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const at = useTemporaryFolder();

/** The first Python that can train. */
const python = [process.env.PYTHON, 'python3', '/usr/bin/python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import cv2, numpy, torch']).status === 0,
);

const testWithPython = python === undefined ? test.skip : test;

testWithPython('the Python modules of training pass their own tests', () => {
  const training = join(repositoryRoot, 'training');
  const result = spawnSync(
    python ?? '',
    ['-m', 'unittest', 'discover', '-s', join(training, 'tests'), '-t', training],
    {
      encoding: 'utf8',
      // One thread: other tests run beside it. The renderer is compiled into a folder that goes away.
      env: { ...process.env, OMP_NUM_THREADS: '1', TDDFA_TRAINING_CACHE: at('cache'), PYTHONDONTWRITEBYTECODE: '1' },
    },
  );
  expect(result.stderr).toMatch(/Ran [1-9]\d* tests/);
  expect(result).toMatchObject({ status: 0 });
});
