import { describe, expect, test } from '@jest/globals';
import { convertNetwork } from '../../../converters/networks/convert-network.ts';
import { formulaFaceboxes, formulaRegressor } from '../../../development/formula.ts';
import { compileModule, compileNetwork } from '../../../src/engine/compiler/compile.ts';
import type { Operation } from '../../../src/engine/compiler/program.ts';
import { validateProgram } from '../../../src/engine/compiler/validate.ts';

const faceboxes = convertNetwork(formulaFaceboxes().stateDict, { file: 'faceboxes' }).artifact;
const mobilenet = convertNetwork(formulaRegressor('mobilenet_v1_x0.5').stateDict, { file: 'mb05' }).artifact;
const mobilenetV3 = convertNetwork(formulaRegressor('mobilenet_v3_small_x1.0').stateDict, { file: 'v3' }).artifact;

function kinds(operations: readonly Operation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of operations) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe('the passes', () => {
  test('leave of FaceBoxes what has to be computed', () => {
    const { program } = compileNetwork(faceboxes, { validate: validateProgram });
    // 2 CReLU, 3 Inceptions of 4, 4 in the tail, 3 pairs of heads; and the averages of the Inceptions.
    expect(kinds(program.operations)).toEqual({
      convolution: 2 + 3 * 4 + 4 + 3,
      depthwise: 3,
      maxPool: 2,
      reshape: 6,
      concatenate: 5,
      softmax: 1,
    });
  });

  test('leave of MobileNet its convolutions and the mean', () => {
    const { program } = compileNetwork(mobilenet, { validate: validateProgram });
    expect(kinds(program.operations)).toEqual({ convolution: 15, depthwise: 13, globalAverage: 1 });
  });

  test('leave of MobileNet-V3 its convolutions, means, gates and sums', () => {
    const { program } = compileNetwork(mobilenetV3, { validate: validateProgram });
    // 11 blocks: 2 convolutions and a depthwise one each; 9 of them with a gate, of two small layers; 6 with a shortcut.
    const operations = kinds(program.operations);
    expect(operations).toEqual({
      convolution: 1 + 2 * 11 + 2 * 9 + 3,
      depthwise: 11,
      globalAverage: 9 + 1,
      multiply: 9,
      reshape: 9 + 2,
    });
    const unfused = compileNetwork(mobilenetV3, { optimize: { except: ['fuse-hard-swish'] } });
    // The first layer, two in each of 8 blocks, and the last two.
    expect(kinds(unfused.program.operations).multiply).toBe(9 + 1 + 2 * 8 + 2);
  });

  test('need no copies for FaceBoxes', () => {
    const network = compileNetwork(faceboxes);
    const { stored } = compileModule(network, [163, 217, 3], { fusedMultiplyAdd: false });
    const operations = stored.steps.flatMap((step) => (step.kind === 'compute' ? [step.operation] : []));
    expect(kinds(operations)).toEqual({ convolution: 21, depthwise: 3, maxPool: 2, softmax: 1 });
  });

  test('reuse memory: no more than the two largest neighbours, the input and the first features', () => {
    const sparing = compileModule(compileNetwork(faceboxes), [607, 1080, 3], { fusedMultiplyAdd: false });
    const wasteful = compileNetwork(faceboxes, { optimize: { except: ['reuse-memory'] } });
    const all = compileModule(wasteful, [607, 1080, 3], { fusedMultiplyAdd: false });
    // Measured 16.0 and 23.3 MB; the two take all of the 16.0.
    expect(sparing.arenaBytes).toBeLessThan(16.1e6);
    expect(all.arenaBytes).toBeGreaterThan(23e6);
  });

  test('give one module for all batch sizes, and the same bytes for the same network', () => {
    const bytes = [0, 1].map(
      () => compileModule(compileNetwork(mobilenet), [120, 120, 3], { fusedMultiplyAdd: true }).bytes,
    );
    expect(bytes[0]).toEqual(bytes[1]);
  });
});
