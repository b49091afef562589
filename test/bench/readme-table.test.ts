import { describe, expect, test } from '@jest/globals';
import { writeReadmeTable } from '../../bench/readme-table.ts';
import type { Measurement } from '../../src/bench/measure.ts';
import { describeMachine } from '../../src/bench/report.ts';

const BENCHMARKS = [
  'mb05 120x120',
  'mb1 120x120',
  'resnet22 120x120',
  'faceboxes 1080x607',
  'photo: file to 68 landmarks',
];
const BACKENDS = ['compiled, fma', 'compiled, fma, 2 threads', 'wasm', 'cpu', 'tensorflow'];
const README = 'before\n<!-- written by npm run bench -->\nold\n<!-- end of the table -->\nafter\n';

/** Fastest samples of 1, 2, 3 … ms. */
const results = BENCHMARKS.flatMap((benchmark, i) =>
  BACKENDS.map(
    (backend, j): Measurement => ({
      benchmark,
      backend,
      samples: 9,
      medianMs: 99,
      p95Ms: 99,
      minMs: 5 * i + j + 1,
    }),
  ),
);
const machine = { ...describeMachine('0.0.0'), cpu: 'AMD EPYC', cores: 2, node: 'v20.1.0', flags: [] };

describe("README's table of times", () => {
  test('has the fastest samples of all backends, and nothing else of README is changed', () => {
    const written = writeReadmeTable(README, 'a-run', 'npm run bench', machine, results);
    expect(written).toMatch(/^before\n[\s\S]*\nafter\n$/);
    expect(written).not.toContain('old');
    expect(written).toContain('bench/results/a-run.csv) (`npm run bench`), ms, Node 20 on 2 cores of AMD EPYC;');
    expect(written).toContain('| MobileNet-V1 x1.0, 120x120 | 6 | 7 | 8 | 9 | 10 | 0.75 | 0.70 |');
    expect(written.split('\n').filter((line) => line.startsWith('| '))).toHaveLength(2 + BENCHMARKS.length);
    expect(writeReadmeTable(written, 'a-run', 'npm run bench', machine, results)).toBe(written);
  });

  test('is not written from a run that lacks one', () => {
    const lacking = results.filter(({ backend }) => backend !== 'tensorflow');
    expect(() => writeReadmeTable(README, 'a-run', '', machine, lacking)).toThrow('no time for mb05 120x120');
    const unthreaded = results.filter(({ backend }) => !backend.includes('threads'));
    expect(() => writeReadmeTable(README, 'a-run', '', machine, unthreaded)).toThrow('--threads 2');
    expect(() => writeReadmeTable('', 'a-run', '', machine, results)).toThrow('README.md has no place for the table');
  });
});
