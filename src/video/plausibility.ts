/** Whether a regressor's result can be a face. */
import { CAMERA_PARAM_COUNT } from '../geometry/params.ts';

/**
 * How far the regressed camera is from one that only rotates, scales and translates: 0 for a perfect one, unbounded for
 * a bad one, NaN if a parameter is not finite.
 *
 * The regressor outputs nine free numbers for the matrix and has learnt that they form a rotation times a scale. On
 * faces they do: at most 0.01 on a talking head, 0.05 on portraits up to profile. On walls, clothes or black they do
 * not: 0.1 to 1.
 */
export function cameraCrookedness(params: Float32Array): number {
  const [x, y, z] = [0, 4, 8].map((start) => params.subarray(start, start + 3)) as [Row, Row, Row];
  const xLength = Math.hypot(...x);
  const yLength = Math.hypot(...y);
  const zLength = Math.hypot(...z);
  for (let i = 0; i < CAMERA_PARAM_COUNT; i++) if (!Number.isFinite(params[i])) return Number.NaN;
  if (!(xLength > 0 && yLength > 0 && zLength > 0)) return Infinity;
  return Math.max(
    Math.abs(xLength / yLength - 1),
    Math.abs(zLength / yLength - 1),
    Math.abs(dot(x, y)) / (xLength * yLength),
    Math.abs(dot(x, z)) / (xLength * zLength),
    Math.abs(dot(y, z)) / (yLength * zLength),
  );
}

type Row = Float32Array;

function dot(a: Row, b: Row): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
