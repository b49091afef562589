import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';
import { denseFaceBenchmarks } from '../../src/bench/kernels.ts';
import { fileWeights } from '../../src/engine/weights/file-source.ts';
import { openPack } from '../../src/engine/weights/open-pack.ts';
import { loadFacePack } from '../../src/models/face-pack.ts';

describe('denseFaceBenchmarks', () => {
  test("compares kernels with the plain reconstruction, of the package's own model too, whose eyes turn", async () => {
    const { morphableModel } = await loadFacePack(await openPack(fileWeights(join(repositoryRoot, 'weights', 'open'))));
    if (morphableModel === undefined) throw new Error('weights/open holds no morphable model');
    expect(morphableModel.gazeCount).toBe(4);
    const benchmarks = denseFaceBenchmarks(
      [{ name: 'compiled', backend: 'compiled', options: { simd: 'plain' } }],
      morphableModel,
    );
    for (const { name, make } of benchmarks) {
      const { cases, dispose } = await make();
      expect([name, cases.map(({ backend }) => backend)]).toEqual([
        name,
        ['reading the basis', 'plain JavaScript', 'compiled, plain, float32', 'compiled, plain, int16'],
      ]);
      for (const { run, error } of cases) {
        await run();
        expect(error?.value ?? 0).toBeLessThan(0.001);
      }
      dispose();
    }
  });
});
