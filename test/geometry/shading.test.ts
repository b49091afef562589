import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../development/random.ts';
import { type LightOptions, shadeVertices } from '../../src/geometry/shading.ts';

type Vector = readonly number[];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const unit = (a: Vector): Vector => a.map((value) => value / Math.hypot(...a));
const clamp = (value: number): number => Math.min(Math.max(value, 0), 1);

const random = randomNumbers(23);
const COUNT = 60;
const OFFSETS = [300, -50, 7];
/** As wide as 80 px, as high as 120, as deep as 30. */
const EXTENTS = [80, 120, 30];
const vertices = new Float32Array(3 * COUNT);
const normals = new Float32Array(3 * COUNT);
for (let i = 0; i < COUNT; i++) {
  for (let axis = 0; axis < 3; axis++) {
    // The first two are the corners, so that the extents are known.
    const share = i === 0 ? 0 : i === 1 ? 1 : random();
    vertices[3 * i + axis] = OFFSETS[axis] + share * EXTENTS[axis];
  }
  normals.set(unit([0, 1, 2].map(() => random() - 0.5)), 3 * i);
}

/** Ambient, diffuse and Phong's highlight of one vertex, in a frame where the largest extent is 2 and the middle is 0. */
function lightOf(i: number, options: Required<LightOptions>): number {
  const place = [0, 1, 2].map((axis) => ((vertices[3 * i + axis] - OFFSETS[axis] - EXTENTS[axis] / 2) / 120) * 2);
  const normal = [...normals.subarray(3 * i, 3 * i + 3)];
  const toLight = unit(options.lightPosition.map((value, axis) => value - place[axis]));
  const toEye = unit(options.viewPosition.map((value, axis) => value - place[axis]));
  const cosine = dot(normal, toLight);
  const mirrored = normal.map((value, axis) => 2 * cosine * value - toLight[axis]);
  const isUpstream = options.compatibility === 'upstream';
  const shine = isUpstream
    ? mirrored.reduce((sum, value, axis) => sum + (value * toEye[axis]) ** options.specularExponent, 0)
    : cosine > 0
      ? Math.max(0, dot(mirrored, toEye)) ** options.specularExponent
      : 0;
  return clamp(options.ambient + options.directional * clamp(cosine) + options.specular * clamp(shine));
}

const DEFAULTS: Required<LightOptions> = {
  ambient: 0.3,
  directional: 0.6,
  specular: 0.1,
  specularExponent: 5,
  lightPosition: [0, 0, 5],
  viewPosition: [0, 0, 5],
  compatibility: 'none',
};

describe.each([
  ['by default', {}],
  ['by the original', { compatibility: 'upstream' }],
  ['a light from the side', { lightPosition: [-3, 1, 2], specular: 0.5 }],
  ['an eye elsewhere than the light', { viewPosition: [2, -2, 3], specular: 0.8, ambient: 0 }],
  ['an eye beside the light, in each axis', { viewPosition: [0, 1, 5], specular: 0.8, ambient: 0 }],
  ['and in depth', { viewPosition: [0, 0, 2], specular: 0.8, ambient: 0 }],
  ['an eye elsewhere, by the original', { viewPosition: [2, -2, 3], specular: 0.8, compatibility: 'upstream' }],
  ['a narrower highlight', { specular: 0.9, specularExponent: 12 }],
  ['a wider one by the original', { specular: 0.9, specularExponent: 2, compatibility: 'upstream' }],
  ['no highlight', { specular: 0 }],
  ['more light than there is room for', { ambient: 0.9, directional: 0.9 }],
  ['less than none', { ambient: -0.5 }],
] as [string, LightOptions][])('light of %s', (_name, options) => {
  test('is that of its formula', () => {
    const lights = shadeVertices(vertices, normals, options);
    expect(lights).toHaveLength(COUNT);
    for (let i = 0; i < COUNT; i++) expect(lights[i]).toBeCloseTo(lightOf(i, { ...DEFAULTS, ...options }), 4);
  });
});

test('a face of one point is lit, and normals are as many as vertices', () => {
  const [light] = shadeVertices(Float32Array.of(4, 5, 6), Float32Array.of(0, 0, 1));
  expect(light).toBeCloseTo(1, 6);
  expect(() => shadeVertices(vertices, normals.subarray(3))).toThrow('normals: expected 60 x 3 coordinates, got 177');
  const dst = new Float32Array(COUNT);
  expect(shadeVertices(vertices, normals, {}, dst)).toBe(dst);
});
