import { describe, expect, test } from '@jest/globals';
import { compileModule, compileNetwork } from '../../../src/engine/compiler/compile.ts';
import type { LayersArtifact } from '../../../src/engine/layers-artifact.ts';
import { LayersModelBuilder } from '../../../src/engine/layers-model-builder.ts';
import { UnsupportedLayerError } from '../../../src/errors.ts';

/** The sum of two convolutions of a picture of any size; with a stride of 2, one of them is half as large. */
function sumOfConvolutions(strides: readonly [number, number], filters: readonly [number, number]): LayersArtifact {
  const model = new LayersModelBuilder('sum');
  const input = model.input('input', [null, null, 3]);
  const [first, second] = strides.map((stride, i) =>
    model.conv2d(`conv${i}`, input, { filters: filters[i], kernelSize: 1, stride }),
  );
  const topology = model.build([model.add('sum', [first, second])]);
  const count = topology.weightSpecs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { ...topology, weightData: new Float32Array(count).buffer };
}

describe('shapes that cannot be added are refused', () => {
  // Apart, and as a convolution that adds its shortcut.
  test.each([false, true])('optimised: %s', (optimize) => {
    const compile = (artifact: LayersArtifact, size: number): unknown =>
      compileModule(compileNetwork(artifact, { optimize }), [size, size, 3], { fusedMultiplyAdd: false });
    const uneven = sumOfConvolutions([1, 2], [4, 4]);
    const kinds = compileNetwork(uneven, { optimize }).program.operations.map(({ kind }) => kind);
    expect(kinds.includes('add')).toBe(!optimize);
    expect(() => compile(uneven, 8)).toThrow(UnsupportedLayerError);
    expect(() => compile(uneven, 8)).toThrow(/cannot add shapes \[[48],[48],4\] and \[[48],[48],4\]/);
    // Of one pixel, both are.
    expect(() => compile(uneven, 1)).not.toThrow();
    expect(() => compile(sumOfConvolutions([2, 2], [4, 4]), 8)).not.toThrow();
  });
});
