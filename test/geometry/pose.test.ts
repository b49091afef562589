import { beforeAll, describe, expect, test } from '@jest/globals';
import { Matrix4, OrthographicCamera, Quaternion, Vector3 } from 'three';
import { readReference, referenceNames } from '../../development/reference.ts';
import { type PackedModel, packLandmarks, reconstruct } from '../../src/geometry/morphable-model.ts';
import { cameraMatrix, poseFromParams, poseMatrix, surfaceMatrix } from '../../src/geometry/pose.ts';
import { anglesFromRotation, rotationFromAngles, rotationFromQuaternion } from '../../src/geometry/rotation.ts';
import { cropToImage } from '../../src/geometry/similarity-transform.ts';
import { expectClose } from '../support/expect-close.ts';
import fc from '../support/property.ts';
import { describeWithShared } from '../support/shared.ts';
import { readUpstreamModel } from '../support/upstream-model.ts';

/** Degrees; 1.6e-6 measured. */
const ANGLE_BOUND = 5e-6;
/** Entries of magnitude up to 1, px for the translation; 6e-8 measured. */
const CAMERA_BOUND = 2e-7;
/** Degrees; 0.35 measured. */
const SKEW_BOUND = 1;
const FLOAT32_BOUND = 3e-7;

const roiBox = { xMin: 100, yMin: 50, xMax: 340, yMax: 290 };

/** Parameters of a head turned by these angles. */
function paramsOf(yawDegrees: number, pitchDegrees: number, rollDegrees: number, scale = 5e-4): Float32Array {
  const r = rotationFromAngles({ yawDegrees, pitchDegrees, rollDegrees }).map((value) => value * scale);
  const params = new Float32Array(62);
  for (let row = 0; row < 3; row++) params.set([...r.subarray(3 * row, 3 * row + 3), 60 + row], 4 * row);
  return params;
}

describe('poseFromParams', () => {
  test('gives angles, scale and translation back', () => {
    const angle = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true });
    fc.assert(
      fc.property(angle(86), angle(170), angle(170), fc.double({ min: 1e-4, max: 1e-3, noNaN: true }), (...head) => {
        const [yaw, pitch, roll, scale] = head;
        const pose = poseFromParams(paramsOf(yaw, pitch, roll, scale));
        expectClose([pose.yawDegrees, pose.pitchDegrees, pose.rollDegrees], [yaw, pitch, roll], { maxAbs: 3e-4 });
        expectClose([pose.scale / scale], [1], { maxAbs: FLOAT32_BOUND });
        expectClose(pose.translation, [60, 61, 62], { maxAbs: 0 });
        expectClose(rotationFromQuaternion(pose.quaternion), pose.rotation, { maxAbs: 2 * FLOAT32_BOUND });
      }),
    );
  });

  test('makes a true rotation of rows that are not at right angles, shared fairly', () => {
    const skewed = new Float32Array(62);
    skewed.set([2e-4, 1e-5, 3e-5, 1, 0, 4e-4, -2e-5, 2, 9, 9, 9, 3]);
    const { rotation, scale } = poseFromParams(skewed);
    const row = (i: number) => [...rotation.subarray(3 * i, 3 * i + 3)] as [number, number, number];
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i], 0);
    for (const i of [0, 1, 2]) {
      for (const j of [0, 1, 2]) expectClose([dot(row(i), row(j))], [i === j ? 1 : 0], { maxAbs: FLOAT32_BOUND });
    }
    const length = (v: readonly number[]) => Math.hypot(...v);
    const [x, y] = [skewed.subarray(0, 3), skewed.subarray(4, 7)].map((v) => [...v].map((n) => n / length([...v])));
    expectClose([dot(row(0), x)], [dot(row(1), y)], { maxAbs: FLOAT32_BOUND });
    expect(scale).toBeCloseTo((Math.hypot(2e-4, 1e-5, 3e-5) + Math.hypot(4e-4, 2e-5)) / 2, 10);
  });

  test('refuses parameters without a rotation', () => {
    expect(() => poseFromParams(new Float32Array(11))).toThrow(
      new RangeError('params: expected at least 12 parameters, got 11'),
    );
    const nan = paramsOf(1, 2, 3);
    nan[5] = Number.NaN;
    const parallel = paramsOf(1, 2, 3);
    parallel.copyWithin(4, 0, 3);
    for (const bad of [new Float32Array(62), nan, parallel]) {
      expect(() => poseFromParams(bad)).toThrow('params: expected a rotation in the first 12 parameters');
    }
  });
});

describe('poseMatrix', () => {
  test('puts model points where the vertices are, with y turned up', () => {
    const params = paramsOf(20, -10, 5);
    const matrix = new Matrix4().fromArray(poseMatrix(poseFromParams(params), roiBox));
    const model = {
      vertexCount: 3,
      shapeCount: 40,
      expressionCount: 10,
      blocks: new Float32Array(0),
      meanShape: Float32Array.of(1e4, 2e4, 3e4, -5e4, 6e4, -1e4, 0, 0, 0),
      shapeBasis: new Float32Array(9 * 40),
      expressionBasis: new Float32Array(9 * 10),
      keypointIndices: Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8),
    };
    const crop = reconstruct(packLandmarks(model), params);
    const image = cropToImage(crop, roiBox);
    const points = [0, 1, 2].map((i) => new Vector3().fromArray(model.meanShape, 3 * i).applyMatrix4(matrix));
    const zMin = Math.min(...points.map(({ z }) => z));
    points.forEach(({ x, y, z }, i) => {
      expectClose([x, -y, z - zMin], image.subarray(3 * i, 3 * i + 3), { maxAbs: 1e-4 });
    });
  });

  test('is what three.js takes apart, and shows at the right pixel', () => {
    const pose = poseFromParams(paramsOf(20, -10, 5));
    const dst = new Float32Array(16);
    expect(poseMatrix(pose, roiBox, dst)).toBe(dst);
    const [position, quaternion, scale] = [new Vector3(), new Quaternion(), new Vector3()];
    new Matrix4().fromArray(dst).decompose(position, quaternion, scale);
    expectClose(quaternion.toArray(), pose.quaternion, { maxAbs: 1e-6 });
    for (const value of scale.toArray()) expect(value / (2 * pose.scale)).toBeCloseTo(1, 5);

    const [width, height] = [640, 480];
    const camera = new OrthographicCamera(0, width, 0, -height, -1e4, 1e4);
    camera.updateProjectionMatrix();
    camera.updateMatrixWorld();
    const device = position.clone().project(camera);
    const pixel = [((device.x + 1) / 2) * width, ((1 - device.y) / 2) * height];
    expectClose(pixel, [(60 - 1) * 2 + 100, (120 - 61) * 2 + 50], { maxAbs: 1e-3 });
  });
});

describe('matrices of a crop whose pixels are two of the photo wide and three high', () => {
  const crop = { xMin: 100, yMin: 50, xMax: 340, yMax: 410 };
  /** Rows of different lengths, which are not at right angles. */
  const params = new Float32Array(62);
  params.set([5e-4, 1e-4, -2e-4, 61, -3e-5, 4e-4, 2e-5, 70, 1e-4, 3e-5, 6e-4, -20]);
  /** What was in it is written over. */
  const dirty = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

  test('the surface matrix puts each point of the model where vertices are', () => {
    const matrix = surfaceMatrix({ params, roiBox: crop }, dirty(16));
    expect(surfaceMatrix({ params, roiBox: crop })).toEqual(matrix);
    const place = new Matrix4().fromArray(matrix);
    for (const point of [new Vector3(0, 0, 0), new Vector3(1e4, -3e4, 2e4), new Vector3(-5e4, 6e4, 1e4)]) {
      const [x, y, z] = [0, 4, 8].map(
        (row) => params[row] * point.x + params[row + 1] * point.y + params[row + 2] * point.z + params[row + 3],
      );
      // Crops count from 1 and have y up, and so has the frame; depths are in the mean of both sizes.
      const expected = [(x - 1) * 2 + 100, (y - 120) * 3 - 50, (z - 1) * 2.5];
      expectClose(point.clone().applyMatrix4(place).toArray(), expected, { maxAbs: 1e-3 });
    }
    expect([3, 7, 11, 15].map((i) => matrix[i])).toEqual([0, 0, 0, 1]);
    expect(() => surfaceMatrix({ params: params.subarray(0, 11), roiBox: crop })).toThrow('at least 12');
    expect(() => surfaceMatrix({ params: params.subarray(0, 12), roiBox: crop })).not.toThrow();
  });

  test('the pose matrix has the true rotation, and its rows in the pixels of the photo', () => {
    const pose = poseFromParams(params);
    const matrix = poseMatrix(pose, crop, dirty(16));
    expect(poseMatrix(pose, crop)).toEqual(matrix);
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 3; column++) {
        const expected = pose.rotation[3 * row + column] * pose.scale * [2, 3, 2.5][row];
        expect(matrix[4 * column + row] - expected).toBeCloseTo(0, 9);
      }
    }
    const rest = [3, 7, 11, 12, 13, 14, 15].map((i) => matrix[i]);
    expectClose(rest, [0, 0, 0, 60 * 2 + 100, -50 * 3 - 50, -21 * 2.5, 1], { maxAbs: 1e-4 });
  });

  test('the camera matrix has the regressed rows at length 1, what is at right angles to both, and the translation', () => {
    const matrix = cameraMatrix(params, dirty(12));
    expect(cameraMatrix(params)).toEqual(matrix);
    const unit = (vector: Vector3): Vector3 => vector.normalize();
    const x = unit(new Vector3(5e-4, 1e-4, -2e-4));
    const y = unit(new Vector3(-3e-5, 4e-4, 2e-5));
    const z = x.clone().cross(y);
    expectClose(matrix, [...x.toArray(), 61, ...y.toArray(), 70, ...z.toArray(), -20], { maxAbs: 1e-6 });
  });
});

describeWithShared('poses of the reference', () => {
  let landmarks: PackedModel;

  beforeAll(async () => {
    landmarks = packLandmarks(await readUpstreamModel());
  });

  test.each(referenceNames)('%s: angles and camera matrix', (name) => {
    const { faces } = readReference(name);
    expect(faces.length).toBeGreaterThan(0);
    for (const face of faces) {
      const params = Float32Array.from(face.params);
      const pose = poseFromParams(params);
      const { yaw, pitch, roll } = face.pose;
      expectClose([pose.yawDegrees, pose.pitchDegrees, pose.rollDegrees], [yaw, pitch, roll], { maxAbs: ANGLE_BOUND });
      expectClose(cameraMatrix(params), face.cameraMatrix.flat(), { maxAbs: CAMERA_BOUND });
      const dst = new Float32Array(12);
      expect(cameraMatrix(params, dst)).toBe(dst);
      expectClose(dst, cameraMatrix(params), { maxAbs: 0 });
    }
  });

  test('signs, on the landmarks of the turned mean face', () => {
    const place = (...head: [number, number, number]) =>
      cropToImage(reconstruct(landmarks, paramsOf(...head)), { xMin: 0, yMin: 0, xMax: 120, yMax: 120 });
    const at = (points: Float32Array, index: number) => ({
      x: points[3 * index],
      y: points[3 * index + 1],
      z: points[3 * index + 2],
    });
    const [noseTip, chin, noseTop, rightEye, leftEye] = [30, 8, 27, 36, 45];
    const front = place(0, 0, 0);
    // Frontal: the person's right eye is left on the picture, the chin low, the nose nearest to the viewer.
    expect(at(front, rightEye).x).toBeLessThan(at(front, leftEye).x);
    expect(at(front, chin).y).toBeGreaterThan(at(front, noseTop).y);
    expect(at(front, noseTip).z).toBeGreaterThan(at(front, rightEye).z);

    const middle = (points: Float32Array) => (at(points, rightEye).x + at(points, leftEye).x) / 2;
    const yawed = place(20, 0, 0);
    expect(at(yawed, noseTip).x - middle(yawed)).toBeLessThan(at(front, noseTip).x - middle(front) - 5);
    // The person's left side comes nearer to the viewer.
    expect(at(yawed, leftEye).z - at(yawed, rightEye).z).toBeGreaterThan(5);

    const pitched = place(0, 20, 0);
    const noseBelowEyes = (points: Float32Array) => at(points, noseTip).y - at(points, rightEye).y;
    expect(noseBelowEyes(pitched)).toBeGreaterThan(noseBelowEyes(front) + 2);
    expect(at(pitched, noseTop).z - at(pitched, chin).z).toBeGreaterThan(at(front, noseTop).z - at(front, chin).z + 5);

    const rolled = place(0, 0, 20);
    // Counter-clockwise: the person's left eye rises, the right one sinks, the chin swings to the right of the picture.
    expect(at(rolled, leftEye).y).toBeLessThan(at(rolled, rightEye).y - 5);
    expect(at(rolled, chin).x - at(rolled, noseTop).x).toBeGreaterThan(5);
  });

  test('the true rotation differs little from the regressed one', () => {
    for (const name of referenceNames) {
      for (const face of readReference(name).faces) {
        const pose = poseFromParams(Float32Array.from(face.params));
        const angles = anglesFromRotation(pose.rotation);
        expectClose(Object.values(angles), [pose.yawDegrees, pose.pitchDegrees, pose.rollDegrees], {
          maxAbs: SKEW_BOUND,
        });
      }
    }
  });
});
