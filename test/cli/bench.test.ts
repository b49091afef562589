import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { buildPackage } from '../support/build-package.ts';
import { formulaPack, formulaPackWithoutModel } from '../support/formula-pack.ts';
import { runCli } from '../support/run-cli.ts';
import { describeWithShared } from '../support/shared.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** Largest difference from tfjs's plain JavaScript, of the largest output. */
const MAX_ERROR = 2e-5;
/** The same of bytes, on noise: a wrong scale or channel gives 1 and more. */
const MAX_INT8_ERROR = 0.2;

interface Run {
  readonly machine: Readonly<Record<string, unknown>>;
  readonly sizes: readonly { readonly pack: string; readonly model: string; readonly bytes: number }[];
  readonly results: readonly {
    readonly benchmark: string;
    readonly backend: string;
    readonly samples: number;
    readonly medianMs: number;
    readonly minMs: number;
    readonly p95Ms: number;
    readonly error?: number;
  }[];
}

describe('tddfa bench', () => {
  const temporary = useTemporaryFolder();

  test('times the networks of a pack on several backends and writes JSON, CSV and a chart', async () => {
    const [json = '', csv = '', plot = ''] = ['run.json', 'run.csv', 'run.svg'].map((name) => temporary('new', name));
    const pack = await formulaPack();
    const flags = ['--only', 'mb025 120x120', '--backends', 'compiled,wasm', '--threads', '2', '--precision', 'int8'];
    const outs = ['--json', json, '--csv', csv, '--plot', plot];
    const { status, stdout, stderr } = await runCli(['bench', '--weights', pack, ...flags, ...outs]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^mb025 120x120$/m);
    expect(stdout).toMatch(/^mb025 120x120, batch of 4$/m);
    expect(stdout).toMatch(
      /compiled, (fma|plain), 2 threads +median +[\d.]+ .* error \d\.\de-\d+ \(largest output\)$/m,
    );

    const { machine, sizes, results }: Run = JSON.parse(readFileSync(json, 'utf8'));
    expect(machine).toMatchObject({ node: process.version, cores: expect.any(Number) });
    const [network] = sizes.filter(({ model }) => model === 'mb025');
    const files = readdirSync(join(pack, 'mb025')).map((file) => statSync(join(pack, 'mb025', file)).size);
    expect(network).toEqual({ pack: 'whole', model: 'mb025', bytes: files.reduce((sum, bytes) => sum + bytes, 0) });
    expect(new Set(results.map(({ benchmark }) => benchmark))).toEqual(
      new Set(['mb025 120x120', 'mb025 120x120, batch of 4']),
    );
    expect(results.some(({ backend }) => backend === 'wasm')).toBe(true);
    expect(results.filter(({ backend }) => /^compiled int8, (fma|plain)$/.test(backend)).length).toBeGreaterThanOrEqual(
      2,
    );
    for (const { backend, samples, minMs, medianMs, p95Ms, error } of results) {
      expect(samples).toBeGreaterThanOrEqual(10);
      expect(minMs).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThanOrEqual(minMs);
      expect(p95Ms).toBeGreaterThanOrEqual(medianMs);
      expect(error).toBeLessThan(backend.includes('int8') ? MAX_INT8_ERROR : MAX_ERROR);
    }
    expect(readFileSync(csv, 'utf8').split('\n')).toHaveLength(results.length + 2);
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg /);
  });

  test('says so where the photo is not there', async () => {
    const args = ['bench', '--weights', await formulaPack(), '--backends', 'compiled', '--only', 'photo'];
    const { status, stderr } = await runCli([...args, '--photo', join(repositoryRoot, 'no-such.jpg')]);
    expect(stderr).toMatch(/^tddfa: .*no-such\.jpg: no such file\n$/);
    expect(status).toBe(1);
  });

  test.each([
    [['--backends', 'compiled,opengl'], 2, /--backends.* expected one or more of compiled, .*got 'opengl'/],
    [['--backends', 'webgl'], 1, /webgl/],
    [['--only', 'no such'], 1, /no benchmark has 'no such' in its name; available: 'mb025 120x120', /],
    [['--threads', '0'], 2, /expected a whole number of at least 1, got '0'/],
    [['--threads', 'two'], 2, /got 'two'/],
    [['--weights', '/no/such/pack'], 1, /no pack in \/no\/such\/pack/],
  ])('%j: one clear line', async (args, expectedStatus, message) => {
    const { status, stderr } = await runCli(['bench', '--weights', await formulaPackWithoutModel(), ...args]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(status).toBe(expectedStatus);
  });

  test('built, it starts cold in processes of their own', async () => {
    const built = join(repositoryRoot, 'dist', 'src', 'cli', 'main.js');
    await buildPackage();
    const args = ['bench', '--weights', await formulaPack(), '--backends', 'compiled', '--only', 'cold'];
    const stdout = execFileSync(process.execPath, [built, ...args], { encoding: 'utf8' });
    expect(stdout).toMatch(/^cold start: mb025\n {2}compiled, (?:fma|plain) +median +[\d.]+ .* ms {3}peak \d+ MB$/m);
    expect(stdout).toMatch(/^cold start: faceboxes$/m);
    expect(stdout).toMatch(/compiled, (?:fma|plain), second size +median/);
    expect(stdout).toMatch(
      /^cold compile: faceboxes 1080x607\n {2}compiled, (?:fma|plain), network .*\n {2}compiled, (?:fma|plain), module /m,
    );
  });
});

describeWithShared('tddfa bench with the original weights', () => {
  test('times the stages of a photo', async () => {
    const args = ['--weights', await upstreamPack(), '--photo', join(repositoryRoot, 'examples', 'astronaut.png')];
    const { status, stdout } = await runCli(['bench', ...args, '--backends', 'compiled', '--only', 'align one face']);
    expect(stdout).toMatch(/^photo stage: align one face\n {2}compiled, .* \(px from the last backend\)$/m);
    expect(status).toBe(0);
  });
});
