/** Light on vertices. */
import { checkOptionNames } from '../check-arguments.ts';
import type { Compatibility } from './picture.ts';

/** Lights, in a frame where the face is centred and about 2 across, x right, y down, z towards the viewer. */
export interface LightOptions {
  /** Default 0.3. */
  readonly ambient?: number;
  /** Default 0.6. */
  readonly directional?: number;
  /** Default 0.1. */
  readonly specular?: number;
  /** Default 5. */
  readonly specularExponent?: number;
  /** Default `[0, 0, 5]`: in front of the face. */
  readonly lightPosition?: readonly [x: number, y: number, z: number];
  /** Default `[0, 0, 5]`. */
  readonly viewPosition?: readonly [x: number, y: number, z: number];
  /**
   * `upstream`: the original's highlight, which raises each axis' product to the power before it sums them. Default: Phong's,
   * which sums first.
   */
  readonly compatibility?: Compatibility;
}

export const LIGHT_DEFAULTS: Required<LightOptions> = {
  ambient: 0.3,
  directional: 0.6,
  specular: 0.1,
  specularExponent: 5,
  lightPosition: [0, 0, 5],
  viewPosition: [0, 0, 5],
  compatibility: 'none',
};

/**
 * Lightness of each vertex under one white light.
 * @param vertices - `[n x 3]`, image px.
 * @param normals - `[n x 3]`, unit, of the same frame.
 * @param dst - `[n]`; a new array if absent.
 * @returns `dst`: 0..1.
 * @see Sim3DR/lighting.py `RenderPipeline` (3DDFA_V2 1b6c676), whose float32 steps `upstream` repeats
 */
export function shadeVertices(
  vertices: Float32Array,
  normals: Float32Array,
  options: LightOptions = {},
  dst: Float32Array = new Float32Array(vertices.length / 3),
): Float32Array {
  checkOptionNames(options, LIGHT_DEFAULTS);
  if (normals.length !== vertices.length) {
    throw new RangeError(`normals: expected ${vertices.length / 3} x 3 coordinates, got ${normals.length}`);
  }
  const { fround } = Math;
  const { lightPosition, viewPosition, specularExponent, compatibility, ...strengths } = {
    ...LIGHT_DEFAULTS,
    ...options,
  };
  const ambient = fround(strengths.ambient);
  const directional = fround(strengths.directional);
  const specular = fround(strengths.specular);
  const [lightX, lightY, lightZ] = lightPosition;
  const [viewX, viewY, viewZ] = viewPosition;
  const isOneEye = lightX === viewX && lightY === viewY && lightZ === viewZ;
  const isUpstream = compatibility === 'upstream';

  // Centred and scaled as the original does: from the minimum corner, by the largest extent, to 0..2, less half the
  // largest.
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  boundsOf(vertices, low, high);
  const [xLow, yLow, zLow] = low;
  const extents = [0, 1, 2].map((axis) => fround(high[axis] - low[axis]));
  const extent = Math.max(...extents) || 1;
  const [xHalf, yHalf, zHalf] = extents.map((value) => fround(fround(fround(value / extent) * 2) / 2));

  for (let i = 0, j = 0; j < vertices.length; i++, j += 3) {
    const x = fround(fround(fround(fround(vertices[j] - xLow) / extent) * 2) - xHalf);
    const y = fround(fround(fround(fround(vertices[j + 1] - yLow) / extent) * 2) - yHalf);
    const z = fround(fround(fround(fround(vertices[j + 2] - zLow) / extent) * 2) - zHalf);
    let dx = fround(lightX - x);
    let dy = fround(lightY - y);
    let dz = fround(lightZ - z);
    let length = fround(Math.sqrt(fround(fround(fround(dx * dx) + fround(dy * dy)) + fround(dz * dz))));
    dx = fround(dx / length);
    dy = fround(dy / length);
    dz = fround(dz / length);
    const nx = normals[j];
    const ny = normals[j + 1];
    const nz = normals[j + 2];
    const cosine = fround(fround(fround(nx * dx) + fround(ny * dy)) + fround(nz * dz));
    let light = ambient;
    if (cosine > 0) light = fround(light + fround(directional * Math.min(cosine, 1)));
    if (specular > 0 && cosine !== 0) {
      let vx = dx;
      let vy = dy;
      let vz = dz;
      if (!isOneEye) {
        vx = fround(viewX - x);
        vy = fround(viewY - y);
        vz = fround(viewZ - z);
        length = fround(Math.sqrt(fround(fround(fround(vx * vx) + fround(vy * vy)) + fround(vz * vz))));
        vx = fround(vx / length);
        vy = fround(vy / length);
        vz = fround(vz / length);
      }
      const twice = fround(2 * cosine);
      const px = fround(vx * fround(fround(twice * nx) - dx));
      const py = fround(vy * fround(fround(twice * ny) - dy));
      const pz = fround(vz * fround(fround(twice * nz) - dz));
      let shine: number;
      if (isUpstream) {
        shine = fround(fround(power(px, specularExponent) + power(py, specularExponent)) + power(pz, specularExponent));
      } else {
        const sum = px + py + pz;
        shine = cosine > 0 && sum > 0 ? power(sum, specularExponent) : 0;
      }
      if (shine > 0) light = fround(light + fround(specular * Math.min(shine, 1)));
    }
    dst[i] = Math.min(Math.max(light, 0), 1);
  }
  return dst;
}

/** `base ** exponent` in float32; the usual 5 avoids the slow general power. */
function power(base: number, exponent: number): number {
  const square = base * base;
  return Math.fround(exponent === 5 ? square * square * base : base ** exponent);
}

/** Lowers `low` and raises `high`, `[3]` each, to the bounds of `[n x 3]` coordinates. */
function boundsOf(vertices: Float32Array, low: number[], high: number[]): void {
  for (let axis = 0; axis < 3; axis++) {
    let min = low[axis];
    let max = high[axis];
    for (let i = axis; i < vertices.length; i += 3) {
      const value = vertices[i];
      if (value < min) min = value;
      if (value > max) max = value;
    }
    low[axis] = min;
    high[axis] = max;
  }
}
