import { describe, expect, test } from '@jest/globals';
import { gazeRotation, lookOf } from '../../src/geometry/acting.ts';
import { contourVertices } from '../../src/geometry/contour.ts';
import { expressionTargets } from '../../src/geometry/expression-targets.ts';
import { createSurfaceReconstructor } from '../../src/geometry/face-surface.ts';
import { gaze } from '../../src/geometry/gaze.ts';
import { packLandmarks, packModel, reconstruct, reconstructFaces } from '../../src/geometry/morphable-model.ts';
import { paramLayout, splitParams } from '../../src/geometry/params.ts';
import { createIdentityLock } from '../../src/video/identity-lock.ts';
import { expectClose } from '../support/expect-close.ts';
import {
  ARKIT_NAMES,
  eyeVerticesOf,
  formulaActingModel,
  formulaActingParams,
} from '../support/formula-acting-model.ts';

/** Of a crop of 120 px: rounding of float32 sums of a hundred numbers of up to 60. */
const MAX_ROUNDING_PX = 1e-3;
const ROI_BOX = { xMin: 10, yMin: 20, xMax: 250, yMax: 260 };

const model = formulaActingModel();
const upright = (): Float32Array => {
  const params = formulaActingParams();
  params.set([5e-4, 0, 0, 60, 0, 5e-4, 0, 70, 0, 0, 5e-4, -60]);
  return params;
};
const column = (name: string): number => 52 + (ARKIT_NAMES as readonly string[]).indexOf(name);
const with_ = (params: Float32Array, values: Readonly<Record<string, number>>): Float32Array => {
  const changed = params.slice();
  for (const [name, value] of Object.entries(values)) changed[column(name)] = value;
  return changed;
};
const point = (vertices: Float32Array, vertex: number): number[] => [...vertices.subarray(3 * vertex, 3 * vertex + 3)];

describe('a model that acts', () => {
  test('has 108 parameters: 12 camera, 40 shape, 52 expression, 4 gaze', () => {
    expect(paramLayout(108)).toEqual({ shapeCount: 40, expressionCount: 52, gazeCount: 4 });
    expect(paramLayout(104)).toEqual({ shapeCount: 40, expressionCount: 52 });
    const { expression, gaze: turns } = splitParams(formulaActingParams());
    expect(expression).toHaveLength(52);
    expect([...turns]).toEqual([20, -10, 15, 12]);
    expect(splitParams(new Float32Array(62)).gaze).toHaveLength(0);
    expect(() => reconstruct(packModel(model), new Float32Array(104))).toThrow(
      'params: expected 108 parameters (12 camera, 40 shape, 52 expression, 4 gaze), got 104',
    );
  });

  test.each([
    ['at rest', {}],
    ['with wide eyes', { eyeWideLeft: 1, eyeWideRight: 1 }],
    ['with much else', { jawOpen: 1, mouthSmileLeft: 1, cheekSquintRight: 0.8 }],
  ])('shuts its lids at 1 and half at 0.5, %s', (_, others) => {
    const gapOf = (blink: number, upper: number, lower: number): number => {
      const params = with_(upright(), { ...others, eyeBlinkLeft: blink, eyeBlinkRight: blink });
      const landmarks = reconstruct(packLandmarks(model), params);
      return point(landmarks, upper)[1] - point(landmarks, lower)[1];
    };
    for (const [upper, lower] of [
      [43, 47],
      [37, 41],
    ]) {
      expect(gapOf(0, upper, lower)).toBeGreaterThan(1);
      expect(Math.abs(gapOf(1, upper, lower))).toBeLessThan(MAX_ROUNDING_PX);
      expect(gapOf(0.5, upper, lower)).toBeCloseTo(gapOf(0, upper, lower) / 2, 3);
    }
  });

  test('opens one eye alone', () => {
    const wink = reconstruct(packLandmarks(model), with_(upright(), { eyeBlinkLeft: 1, eyeBlinkRight: 0 }));
    expect(Math.abs(point(wink, 43)[1] - point(wink, 47)[1])).toBeLessThan(MAX_ROUNDING_PX);
    expect(point(wink, 37)[1] - point(wink, 41)[1]).toBeGreaterThan(1);
  });

  test('turns eyeballs about their centres: to the left of the person and up where positive', () => {
    const [left, right] = eyeVerticesOf();
    const still = upright();
    still.fill(0, 104);
    const turned = still.slice();
    turned.set([30, 0, 0, 20], 104);
    const [before, after] = [still, turned].map((params) => reconstruct(packModel(model), params));
    // Radius 12,000 at 5e-4 px a unit.
    const [x, y, z] = point(after, left[0]).map((value, k) => value - point(before, left[0])[k]);
    expect([x, y, z]).toEqual([
      expect.closeTo(6 * Math.sin(Math.PI / 6), 3),
      expect.closeTo(0, 3),
      expect.closeTo(6 * (Math.cos(Math.PI / 6) - 1), 3),
    ]);
    expect(point(after, right[0])[1] - point(before, right[0])[1]).toBeCloseTo(6 * Math.sin(Math.PI / 9), 3);
    // Nothing else moves.
    expect(after.subarray(0, 3 * left[0])).toEqual(before.subarray(0, 3 * left[0]));
    const rotation = gazeRotation(25, -15);
    for (const row of [0, 1, 2]) expect(Math.hypot(...rotation.slice(3 * row, 3 * row + 3))).toBeCloseTo(1);
  });

  test('turns them in any camera as it does before the camera', () => {
    const params = formulaActingParams();
    const bare = params.slice();
    bare.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    const inModel = reconstruct(packModel(model), bare);
    const placed = new Float32Array(inModel.length);
    for (let i = 0; i < placed.length; i += 3) {
      for (let row = 0; row < 3; row++) {
        const [a, b, c, t] = params.subarray(4 * row, 4 * row + 4);
        placed[i + row] = a * inModel[i] + b * inModel[i + 1] + c * inModel[i + 2] + t;
      }
    }
    expectClose(reconstruct(packModel(model), params), placed, { maxAbs: MAX_ROUNDING_PX });
  });

  test('gives the same one by one, in pairs and with its shape fixed', () => {
    const packed = packModel(model);
    const faces = [formulaActingParams(), upright(), with_(upright(), { eyeBlinkLeft: 1 })];
    for (const [i, vertices] of reconstructFaces(packed, faces).entries()) {
      expectClose(vertices, reconstruct(packed, faces[i]), { maxAbs: 0 });
    }
    const lock = createIdentityLock(model);
    let face = { roiBox: ROI_BOX, params: formulaActingParams() };
    for (let frame = 0; frame < 50; frame++) face = lock.next({ roiBox: ROI_BOX, params: formulaActingParams() });
    const locked = lock.reconstructDense(face);
    const surface = createSurfaceReconstructor('test', model);
    expectClose(locked ?? new Float32Array(0), surface(face, { dense: true }), { maxAbs: 5e-3 });
  });

  test('tells its gaze in the signs of the pose', () => {
    expect(gaze({ params: formulaActingParams() }, model)).toEqual({
      left: { yawDegrees: -20, pitchDegrees: 10 },
      right: { yawDegrees: -15, pitchDegrees: -12 },
    });
    expect(gaze({ params: new Float32Array(62) }, { shapeCount: 40, expressionCount: 10 })).toBeUndefined();
  });

  test('has morph targets that shut the eyes, turn the balls and add up to the face', () => {
    const params = with_(upright(), { eyeBlinkLeft: 0, eyeBlinkRight: 0 });
    params.fill(0, 104);
    for (const [i, name] of ARKIT_NAMES.entries()) if (name.startsWith('eyeLook')) params[52 + i] = 0;
    const face = { roiBox: { xMin: 0, yMin: 0, xMax: 120, yMax: 120 }, params };
    const positions = reconstruct(packModel(model), params);
    const { neutralPositions, displacements, weights, names } = expressionTargets(positions, face, model);
    expect(names).toEqual(ARKIT_NAMES);
    const sum = neutralPositions.map((value, i) =>
      displacements.reduce((total, displacement, k) => total + weights[k] * displacement[i], value),
    );
    expectClose(sum, positions, { maxAbs: MAX_ROUNDING_PX });
    // The blink's target alone, on the face at rest.
    const shut = displacements[ARKIT_NAMES.indexOf('eyeBlinkLeft')];
    const y = (vertex: number): number => neutralPositions[3 * vertex + 1] + shut[3 * vertex + 1];
    expect(Math.abs(y(43) - y(47))).toBeLessThan(MAX_ROUNDING_PX);
    const [left] = eyeVerticesOf();
    expect(displacements[ARKIT_NAMES.indexOf('eyeLookOutLeft')][3 * left[0]]).toBeCloseTo(
      6 * Math.sin((35 * Math.PI) / 180),
      3,
    );
    expect(displacements[ARKIT_NAMES.indexOf('eyeLookDownLeft')][3 * left[0] + 1]).toBeCloseTo(-3, 3);
  });

  test('has neutral positions and movements in the frame of its positions, whatever the camera, the crop and the unit', () => {
    const roiBox = { xMin: 10, yMin: 20, xMax: 250, yMax: 380 };
    const scale = 0.25;
    /** In a frame with y up, whose unit is four pixels of the photo: x is twice, y three times, z two and a half times the crop's. */
    const placed = (params: Float32Array): Float32Array =>
      reconstruct(packModel(model), params).map((value, i) => value * [2, 3, 2.5][i % 3] * scale);
    const params = formulaActingParams();
    const neutral = params.slice().fill(0, 52);
    const targets = expressionTargets(placed(params), { roiBox, params }, model, scale);
    expectClose(targets.neutralPositions, placed(neutral), { maxAbs: 2e-3 });
    for (const name of ['jawOpen', 'tongueOut', 'eyeBlinkLeft', 'eyeBlinkRight', 'eyeLookInLeft', 'eyeLookUpRight']) {
      const one = with_(neutral, { [name]: 1 });
      // Who looks somewhere turns that eye: in by 35 degrees, up by 25.
      if (name === 'eyeLookInLeft') one[104] = -35;
      if (name === 'eyeLookUpRight') one[107] = 25;
      const moved = placed(one).map((value, i) => value - targets.neutralPositions[i]);
      expectClose(targets.displacements[column(name) - 52], moved, { maxAbs: 4e-3 });
    }
  });

  test('has a look for each direction and eye', () => {
    const looks = ARKIT_NAMES.filter((name) => name.startsWith('eyeLook')).map((name) => lookOf(name));
    // Down, in, out and up; of the person's left eye, which is turned out to the left.
    expect(looks).toEqual([
      { eye: 0, yawDegrees: 0, pitchDegrees: -30 },
      { eye: 0, yawDegrees: -35, pitchDegrees: 0 },
      { eye: 0, yawDegrees: 35, pitchDegrees: 0 },
      { eye: 0, yawDegrees: 0, pitchDegrees: 25 },
      { eye: 1, yawDegrees: 0, pitchDegrees: -30 },
      { eye: 1, yawDegrees: 35, pitchDegrees: 0 },
      { eye: 1, yawDegrees: -35, pitchDegrees: 0 },
      { eye: 1, yawDegrees: 0, pitchDegrees: 25 },
    ]);
  });

  test('has neutral positions whose eyes look ahead, wherever each of them looked', () => {
    const [ahead, aside] = [upright(), upright()];
    ahead.set([0, 0, 0, 0], 104);
    aside.set([20, -10, 15, 12], 104);
    const roiBox = { xMin: 0, yMin: 0, xMax: 120, yMax: 120 };
    const neutral = [ahead, aside].map(
      (params) => expressionTargets(reconstruct(packModel(model), params), { roiBox, params }, model).neutralPositions,
    );
    for (const vertex of eyeVerticesOf().flatMap((vertices) => [...vertices])) {
      for (let axis = 0; axis < 3; axis++)
        expect(neutral[1][3 * vertex + axis]).toBeCloseTo(neutral[0][3 * vertex + axis], 2);
    }
  });

  test('has targets whose weights follow the gaze', () => {
    const params = upright();
    params.set([17.5, 10, -35, -60], 104);
    const face = { roiBox: ROI_BOX, params };
    const { weights } = expressionTargets(new Float32Array(3 * model.vertexCount), face, model);
    const weightOf = (name: string): number => weights[(ARKIT_NAMES as readonly string[]).indexOf(name)];
    expect(weightOf('eyeLookOutLeft')).toBeCloseTo(0.5);
    expect(weightOf('eyeLookInLeft')).toBe(0);
    expect(weightOf('eyeLookUpLeft')).toBeCloseTo(0.4);
    expect(weightOf('eyeLookOutRight')).toBe(1);
    expect(weightOf('eyeLookDownRight')).toBe(1);
    expect(lookOf('eyeBlinkLeft')).toBeUndefined();
  });

  test('knows its visible outline', () => {
    const params = upright();
    const surface = createSurfaceReconstructor('test', model);
    const face = { roiBox: ROI_BOX, params };
    const fixed = surface(face);
    const outline = surface(face, { landmarks: 'contour' });
    // The zero of z may differ.
    const flat = (points: Float32Array): Float32Array => points.filter((_, i) => i % 3 < 2);
    expect(flat(outline).subarray(34)).toEqual(flat(fixed).subarray(34));
    const dense = reconstruct(packModel(model), params);
    const vertices = contourVertices(dense, face, model) ?? [];
    const { contour } = model;
    for (const [i, vertex] of vertices.entries()) {
      const [nx, ny] = contour?.outward.subarray(2 * i, 2 * i + 2) ?? [];
      const reach = (v: number): number => dense[3 * v] * nx + dense[3 * v + 1] * ny;
      expect(reach(vertex)).toBeGreaterThanOrEqual(reach(i));
    }
    expect(() => surface(face, { landmarks: '2d' as '3d' })).toThrow(
      new TypeError("landmarks: expected 3d or contour, got '2d'"),
    );
    const { contour: _, ...without } = model;
    expect(createSurfaceReconstructor('test', without)(face, { landmarks: 'contour' })).toEqual(fixed);
  });
});
