import { beforeAll, describe, expect, test } from '@jest/globals';
import { referenceFaces } from '../../development/reference-faces.ts';
import {
  frontalFace,
  type MeshRegion,
  meshRegions,
  neutralFace,
  transferExpression,
  withExpression,
} from '../../src/geometry/face-tools.ts';
import { splitParams } from '../../src/geometry/params.ts';
import { poseFromParams } from '../../src/geometry/pose.ts';
import { anglesFromRotation } from '../../src/geometry/rotation.ts';
import type { AlignedFace, MorphableModel } from '../../src/types.ts';
import { describeWithShared } from '../support/shared.ts';
import { readUpstreamModel } from '../support/upstream-model.ts';

function madeUpFace(seed: number): AlignedFace {
  const params = Float32Array.from({ length: 62 }, (_, i) => Math.sin(seed * 7 + i));
  params.set([3e-4, 1e-4, -1e-4, 60, -1e-4, 3e-4, 5e-5, 70, 1e-4, -5e-5, 3e-4, -60]);
  return { params, roiBox: { xMin: 1, yMin: 2, xMax: 121, yMax: 122 } };
}

describe('expressions', () => {
  const [face, other] = [madeUpFace(1), madeUpFace(2)];

  test('are put on, taken off and handed over, and nothing else changes', () => {
    const before = [face.params.slice(), other.params.slice()];
    const transferred = transferExpression(face, other);
    expect(splitParams(transferred.params).expression).toEqual(splitParams(other.params).expression);
    expect(transferred.params.subarray(0, 52)).toEqual(face.params.subarray(0, 52));
    expect(splitParams(neutralFace(face).params).expression.every((value) => value === 0)).toBe(true);
    const own = withExpression(neutralFace(face), splitParams(face.params).expression);
    expect(own).toEqual(face);
    expect([face.params, other.params]).toEqual(before);
  });

  test('must have as many coefficients as the model', () => {
    expect(() => withExpression(face, [1, 2])).toThrow('expression: expected 10 coefficients, got 2');
    expect(() => neutralFace({ ...face, params: new Float32Array(20) })).toThrow(RangeError);
  });
});

test('a frontal face looks straight ahead, in its place and at its size', () => {
  const face = madeUpFace(3);
  const frontal = frontalFace(face);
  const pose = poseFromParams(frontal.params);
  expect([pose.yawDegrees, pose.pitchDegrees, pose.rollDegrees].map((angle) => Math.abs(angle))).toEqual([0, 0, 0]);
  expect(pose.scale).toBeCloseTo(poseFromParams(face.params).scale, 8);
  expect(pose.translation).toEqual(poseFromParams(face.params).translation);
  expect(frontal.params.subarray(12)).toEqual(face.params.subarray(12));
  expect(Object.values(anglesFromRotation(pose.rotation)).every((angle) => Math.abs(angle as number) < 1e-9)).toBe(
    true,
  );
});

describeWithShared("regions of the original's mesh", () => {
  let model: MorphableModel;
  let regions: Record<MeshRegion, Uint32Array>;
  beforeAll(async () => {
    model = await readUpstreamModel();
    regions = meshRegions(model);
  });

  test.each([
    ['rightEye', [36, 39], [30, 57, 42]],
    ['leftEye', [42, 45], [30, 57, 39]],
    ['rightBrow', [17, 21], [36, 57]],
    ['leftBrow', [22, 26], [45, 57]],
    ['nose', [27, 30, 33], [36, 57, 8]],
    ['mouth', [48, 54, 57, 62], [33, 8]],
    ['jaw', [8, 6, 10], [51, 30, 36]],
  ] as const)('%s holds its landmarks and not those of others', (name, inside, outside) => {
    const vertices = new Set(regions[name]);
    const vertexOf = (landmark: number) => model.keypointIndices[landmark * 3] / 3;
    for (const landmark of inside) expect(vertices.has(vertexOf(landmark))).toBe(true);
    for (const landmark of outside) expect(vertices.has(vertexOf(landmark))).toBe(false);
    expect(vertices.size).toBeGreaterThan(100);
    expect(vertices.size).toBeLessThan(model.vertexCount / 3);
  });

  test('both eyes are about as large', () => {
    expect(referenceFaces('astronaut')).toHaveLength(1);
    const ratio = regions.rightEye.length / regions.leftEye.length;
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.25);
  });
});
