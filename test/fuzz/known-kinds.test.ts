/** What once hung, exhausted memory or came out wrong, fed to its parser in a process that is watched. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { TARGETS } from '../../fuzz/targets.ts';
import { repositoryRoot } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const temporary = useTemporaryFolder();

/** How many inputs there are at least, so that none is lost unseen. */
const KNOWN: Readonly<Record<string, number>> = {
  'torch-zip': 7,
  npy: 3,
  mat: 2,
  'json-arrays': 2,
  png: 5,
  jpeg: 5,
  gif: 1,
  tiff: 7,
  bmp: 3,
  heic: 1,
  'layers-compiled': 12,
  'layers-cpu': 12,
  'layers-wasm': 12,
  pack: 2,
  'pack-layers': 4,
  'pack-tensors': 1,
  safetensors: 1,
};

test('the document has their number', () => {
  const count = Object.values(KNOWN).reduce((sum, one) => sum + one, 0);
  expect(readFileSync(join(repositoryRoot, 'docs/reliability.md'), 'utf8')).toContain(`${count} by code and from`);
});

test('every folder of the corpus is that of a parser whose inputs are fed', () => {
  const folders = readdirSync(join(repositoryRoot, 'fuzz/corpus'));
  expect(folders.filter((name) => !TARGETS.has(name) || KNOWN[name] === undefined)).toEqual([]);
});

test.each(Object.entries(KNOWN))('%s: %i inputs', async (target, count) => {
  const child = join(repositoryRoot, 'fuzz/child.ts');
  const args = ['--import', 'tsx', child, target, 'known', '', temporary(target)];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: repositoryRoot,
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 240_000,
  });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(lines).toEqual([{ fed: expect.any(Number) }]);
  expect((lines[0] as { fed: number }).fed).toBeGreaterThanOrEqual(count);
});
