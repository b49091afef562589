import { describe, expect, test } from '@jest/globals';
import { readReference } from '../../development/reference.ts';
import {
  LANDMARK_COUNT,
  LANDMARK_OUTLINES,
  LANDMARK_REGIONS,
  type LandmarkRegion,
  MIRRORED_LANDMARKS,
} from '../../src/geometry/landmark-regions.ts';
import { describeWithShared } from '../support/shared.ts';

const all = Array.from({ length: LANDMARK_COUNT }, (_, i) => i);

describe('landmark regions', () => {
  test('hold each of the 68 landmarks once', () => {
    expect(Object.values(LANDMARK_REGIONS).flat()).toEqual(all);
    expect(LANDMARK_OUTLINES.map(({ indices }) => indices)).toEqual(Object.values(LANDMARK_REGIONS));
    expect(LANDMARK_OUTLINES.filter(({ closed }) => closed).map(({ region }) => region)).toEqual([
      'rightEye',
      'leftEye',
      'outerLips',
      'innerLips',
    ]);
  });

  test('mirror into each other', () => {
    const mirror = (i: number) => MIRRORED_LANDMARKS[i];
    expect(MIRRORED_LANDMARKS.map(mirror)).toEqual(all);
    const pairs: [LandmarkRegion, LandmarkRegion][] = [
      ['jaw', 'jaw'],
      ['rightBrow', 'leftBrow'],
      ['noseBridge', 'noseBridge'],
      ['noseBase', 'noseBase'],
      ['rightEye', 'leftEye'],
      ['outerLips', 'outerLips'],
      ['innerLips', 'innerLips'],
    ];
    for (const [region, other] of pairs) {
      const mirrored = LANDMARK_REGIONS[region].map(mirror);
      expect(new Set(mirrored)).toEqual(new Set(LANDMARK_REGIONS[other]));
    }
  });
});

describeWithShared('landmarks of a frontal face', () => {
  test('lie where their names say', () => {
    const { landmarks } = readReference('astronaut').faces[0] as { landmarks: number[][] };
    const [xs, ys] = landmarks as [number[], number[], number[]];
    const middle = (axis: number[], region: LandmarkRegion) => {
      const indices = LANDMARK_REGIONS[region];
      return indices.reduce((sum, i) => sum + axis[i], 0) / indices.length;
    };
    expect(middle(xs, 'rightEye')).toBeLessThan(middle(xs, 'leftEye'));
    expect(middle(xs, 'rightBrow')).toBeLessThan(middle(xs, 'leftBrow'));
    for (const [upper, lower] of [
      ['rightBrow', 'rightEye'],
      ['leftBrow', 'leftEye'],
      ['noseBridge', 'noseBase'],
      ['noseBase', 'outerLips'],
      ['innerLips', 'jaw'],
    ] as [LandmarkRegion, LandmarkRegion][]) {
      if (lower === 'jaw') expect(middle(ys, upper)).toBeLessThan(ys[8]);
      else expect(middle(ys, upper)).toBeLessThan(middle(ys, lower));
    }
    // Mirrored partners face each other across the nose.
    const centre = xs[27];
    for (let i = 0; i < LANDMARK_COUNT; i++) {
      const partner = MIRRORED_LANDMARKS[i];
      if (partner > i) expect(Math.sign(xs[i] - centre)).toBe(-Math.sign(xs[partner] - centre));
    }
  });
});
