import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../../converters/networks/convert-network.ts';
import {
  astronautCropInput,
  formulaFaceboxes,
  formulaRegressor,
  formulaRegressorNames,
} from '../../../development/formula.ts';
import { type CompiledEngine, type CompiledEngineOptions, createCompiledEngine } from '../../../src/engine/compiled.ts';
import { OPTIMIZATIONS } from '../../../src/engine/compiler/optimize.ts';
import { validateProgram } from '../../../src/engine/compiler/validate.ts';
import { createEngine } from '../../../src/engine/create-engine.ts';
import type { Engine, NetworkOutput } from '../../../src/engine/engine.ts';
import type { LayersArtifact } from '../../../src/engine/layers-artifact.ts';
import { detectSimdSupport } from '../../../src/wasm/simd-support.ts';
import { expectOutputsClose } from '../../support/expect-relatively-close.ts';

/** Sizes that no stride, tile or vector divides. */
const FACEBOXES_SIZES = [
  [1, 1],
  [1, 37],
  [33, 1],
  [31, 33],
  [64, 65],
  [97, 61],
  [131, 257],
  [257, 131],
] as const;

const VARIANTS: [string, CompiledEngineOptions][] = [
  ['plain SIMD', { simd: 'plain', validate: validateProgram }],
  ['no optimisations', { simd: 'plain', validate: validateProgram, optimize: false }],
];
if (detectSimdSupport().fusedMultiplyAdd)
  VARIANTS.push(['fused multiply-add', { simd: 'fma', validate: validateProgram }]);

type Shape = readonly [number, number, number, number];

/** Numbers between -1 and 1, the same in every run. */
function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

async function runOn(
  engine: Engine,
  artifact: LayersArtifact,
  input: Float32Array,
  shape: Shape,
): Promise<NetworkOutput[]> {
  const network = await engine.loadNetwork(artifact);
  try {
    return await network.run(input, shape);
  } finally {
    network.dispose();
  }
}

describe('compiled networks give what tfjs gives', () => {
  let reference: Engine;
  const engines = new Map<string, CompiledEngine>();
  beforeAll(async () => {
    // Its plain JavaScript would take twenty times as long.
    reference = await createEngine('wasm');
    for (const [name, options] of VARIANTS) engines.set(name, await createCompiledEngine(options));
  });
  afterAll(() => {
    for (const engine of [reference, ...engines.values()]) engine.dispose();
  });

  test.each(formulaRegressorNames)('%s', async (name) => {
    const { artifact } = convertNetwork(formulaRegressor(name).stateDict, { file: name });
    const input = astronautCropInput();
    const expected = await runOn(reference, artifact, input, [1, 120, 120, 3]);
    for (const engine of engines.values()) {
      expectOutputsClose(await runOn(engine, artifact, input, [1, 120, 120, 3]), expected);
    }
  });

  test.each(FACEBOXES_SIZES)('faceboxes at %i x %i', async (height, width) => {
    const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' });
    const input = noise(height * width * 3).map((value) => value * 127);
    const expected = await runOn(reference, artifact, input, [1, height, width, 3]);
    for (const engine of engines.values()) {
      expectOutputsClose(await runOn(engine, artifact, input, [1, height, width, 3]), expected);
    }
  });

  test('every batch size of 1 to 9 gives each image what it gets alone', async () => {
    const { artifact } = convertNetwork(formulaRegressor('mobilenet_v1_x0.25').stateDict, { file: 'x0.25' });
    for (const engine of engines.values()) {
      const network = await engine.loadNetwork(artifact);
      const size = 120 * 120 * 3;
      const input = noise(9 * size);
      const alone: Float32Array[] = [];
      for (let i = 0; i < 9; i++) {
        const [output] = await network.run(input.subarray(i * size, (i + 1) * size), [1, 120, 120, 3]);
        alone.push(output?.data ?? new Float32Array());
      }
      for (let images = 1; images <= 9; images++) {
        const [output] = await network.run(input.subarray(0, images * size), [images, 120, 120, 3]);
        expect(output?.shape).toEqual([images, 62]);
        for (let i = 0; i < images; i++) expect(output?.data.subarray(i * 62, (i + 1) * 62)).toEqual(alone[i]);
      }
      network.dispose();
    }
  });

  test.each(OPTIMIZATIONS)("faceboxes without '%s'", async (name) => {
    const { artifact } = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' });
    const input = noise(2 * 70 * 41 * 3).map((value) => value * 127);
    const shape: Shape = [2, 70, 41, 3];
    const expected = await runOn(engines.get('plain SIMD') as Engine, artifact, input, shape);
    const engine = await createCompiledEngine({
      simd: 'plain',
      validate: validateProgram,
      optimize: { except: [name] },
    });
    expectOutputsClose(await runOn(engine, artifact, input, shape), expected);
    engine.dispose();
  });
});
