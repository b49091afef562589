import { describe, expect, test } from '@jest/globals';
import { cameraCrookedness } from '../../src/video/plausibility.ts';

/** Parameters whose camera has these rows. */
function withRows(x: readonly number[], y: readonly number[], z: readonly number[]): Float32Array {
  const params = new Float32Array(62);
  params.set([...x, 60, ...y, 70, ...z, -60]);
  return params;
}

const SCALE = 5e-4;
const cos = Math.cos(0.7) * SCALE;
const sin = Math.sin(0.7) * SCALE;

describe('cameraCrookedness', () => {
  test('is 0 for a rotation times a scale', () => {
    expect(cameraCrookedness(withRows([cos, 0, sin], [0, SCALE, 0], [-sin, 0, cos]))).toBeLessThan(1e-6);
  });

  test('grows with rows of different lengths and with angles that are not right', () => {
    expect(cameraCrookedness(withRows([1.1 * SCALE, 0, 0], [0, SCALE, 0], [0, 0, SCALE]))).toBeCloseTo(0.1);
    expect(cameraCrookedness(withRows([SCALE, 0, 0], [0, SCALE, 0], [0, 0, 0.5 * SCALE]))).toBeCloseTo(0.5);
    expect(cameraCrookedness(withRows([SCALE, 0, 0], [sin, cos, 0], [0, 0, SCALE]))).toBeCloseTo(Math.sin(0.7));
    expect(cameraCrookedness(withRows([SCALE, 0, 0], [0, SCALE, 0], [sin, 0, cos]))).toBeCloseTo(Math.sin(0.7));
    expect(cameraCrookedness(withRows([SCALE, 0, 0], [0, cos, sin], [0, 0, SCALE]))).toBeCloseTo(Math.sin(0.7));
  });

  test('is not finite where there is no camera', () => {
    expect(cameraCrookedness(new Float32Array(62))).toBe(Infinity);
    expect(cameraCrookedness(new Float32Array(62).fill(Number.NaN))).toBeNaN();
    for (let i = 0; i < 13; i++) {
      const params = withRows([SCALE, 0, 0], [0, SCALE, 0], [0, 0, SCALE]);
      params[i] = Number.NaN;
      // The thirteenth is not of the camera.
      expect(Number.isNaN(cameraCrookedness(params))).toBe(i < 12);
    }
    for (const flat of [
      withRows([0, 0, 0], [0, SCALE, 0], [0, 0, SCALE]),
      withRows([SCALE, 0, 0], [0, 0, 0], [0, 0, SCALE]),
      withRows([SCALE, 0, 0], [0, SCALE, 0], [0, 0, 0]),
    ]) {
      expect(cameraCrookedness(flat)).toBe(Infinity);
    }
    expect(cameraCrookedness(withRows([Infinity, 0, 0], [0, 1, 0], [0, 0, 1]))).toBeNaN();
  });
});
