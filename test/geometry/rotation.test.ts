import { describe, expect, test } from '@jest/globals';
import { Euler, MathUtils, Matrix3, Matrix4 } from 'three';
import {
  anglesFromRotation,
  quaternionFromRotation,
  rotationFromAngles,
  rotationFromQuaternion,
} from '../../src/geometry/rotation.ts';
import { expectClose } from '../support/expect-close.ts';
import fc from '../support/property.ts';

/** Float32 entries of magnitude up to 1. */
const ENTRY_BOUND = 3e-7;
/** Degrees; float32 entries near the end of the sine's range. */
const ANGLE_BOUND = 2e-4;

const degrees = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true });
const angles = (yawLimit: number) =>
  fc.record({ yawDegrees: degrees(yawLimit), pitchDegrees: degrees(179.9), rollDegrees: degrees(179.9) });

function product(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  return Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    let sum = 0;
    for (let k = 0; k < 3; k++) sum += a[3 * row + k] * b[3 * k + column];
    return sum;
  });
}

const transpose = (m: ArrayLike<number>) => [0, 3, 6, 1, 4, 7, 2, 5, 8].map((i) => m[i]);

function determinant(m: ArrayLike<number>): number {
  const [a, b, c, d, e, f, g, h, i] = Array.from(m) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

type Triple = [number, number, number];

const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];

describe('rotationFromAngles', () => {
  test('is a rotation', () => {
    fc.assert(
      fc.property(angles(90), (head) => {
        const rotation = rotationFromAngles(head);
        expectClose(product(rotation, transpose(rotation)), identity, { maxAbs: ENTRY_BOUND });
        expectClose([determinant(rotation)], [1], { maxAbs: ENTRY_BOUND });
      }),
    );
  });

  test('is Rz(roll) Ry(-yaw) Rx(pitch)', () => {
    fc.assert(
      fc.property(angles(90), (head) => {
        const [s, c] = [(x: number) => Math.sin((x * Math.PI) / 180), (x: number) => Math.cos((x * Math.PI) / 180)];
        const { yawDegrees: yaw, pitchDegrees: pitch, rollDegrees: roll } = head;
        const rz = [c(roll), -s(roll), 0, s(roll), c(roll), 0, 0, 0, 1];
        const ry = [c(-yaw), 0, s(-yaw), 0, 1, 0, -s(-yaw), 0, c(-yaw)];
        const rx = [1, 0, 0, 0, c(pitch), -s(pitch), 0, s(pitch), c(pitch)];
        expectClose(rotationFromAngles(head), product(rz, product(ry, rx)), { maxAbs: ENTRY_BOUND });
      }),
    );
  });

  test('signs: the nose goes left with yaw and down with pitch, the crown goes left with roll', () => {
    const none = { yawDegrees: 0, pitchDegrees: 0, rollDegrees: 0 };
    const nose = (r: Float32Array) => [r[2], r[5], r[8]] as [number, number, number];
    const crown = (r: Float32Array) => [r[1], r[4], r[7]] as [number, number, number];
    expect([...rotationFromAngles(none)].map((v) => v + 0)).toEqual(identity);
    const [yawed] = nose(rotationFromAngles({ ...none, yawDegrees: 30 }));
    expect(yawed).toBeCloseTo(-0.5, 6);
    const [, pitched] = nose(rotationFromAngles({ ...none, pitchDegrees: 30 }));
    expect(pitched).toBeCloseTo(-0.5, 6);
    const [rolled] = crown(rotationFromAngles({ ...none, rollDegrees: 30 }));
    expect(rolled).toBeCloseTo(-0.5, 6);
  });

  test("is three.js's Euler of (pitch, -yaw, roll) in the order ZYX", () => {
    fc.assert(
      fc.property(angles(90), ({ yawDegrees, pitchDegrees, rollDegrees }) => {
        const [yaw, pitch, roll] = [yawDegrees, pitchDegrees, rollDegrees].map(MathUtils.degToRad) as Triple;
        const matrix = new Matrix4().makeRotationFromEuler(new Euler(pitch, -yaw, roll, 'ZYX'));
        const rotation = rotationFromAngles({ yawDegrees, pitchDegrees, rollDegrees });
        expectClose(new Matrix3().setFromMatrix4(matrix).transpose().toArray(), rotation, { maxAbs: ENTRY_BOUND });
      }),
    );
  });

  test('on a mirrored picture yaw and roll change their signs', () => {
    fc.assert(
      fc.property(angles(85), (head) => {
        const mirrored = rotationFromAngles(head).map((value, i) => ([1, 2, 3, 6].includes(i) ? -value : value));
        const { yawDegrees, pitchDegrees, rollDegrees } = anglesFromRotation(mirrored);
        const expected = [-head.yawDegrees, head.pitchDegrees, -head.rollDegrees];
        expectClose([yawDegrees, pitchDegrees, rollDegrees], expected, { maxAbs: ANGLE_BOUND });
      }),
    );
  });

  test('with dst', () => {
    const head = { yawDegrees: 10, pitchDegrees: 20, rollDegrees: 30 };
    const dst = new Float32Array(9);
    expect(rotationFromAngles(head, dst)).toBe(dst);
    expect(dst).toEqual(rotationFromAngles(head));
  });
});

describe('anglesFromRotation', () => {
  test('gives the angles back', () => {
    fc.assert(
      fc.property(angles(86), (head) => {
        const back = anglesFromRotation(rotationFromAngles(head));
        expectClose(Object.values(back), Object.values(head), { maxAbs: ANGLE_BOUND });
      }),
    );
  });

  test.each([87, 90, -87, -90])('calls a yaw of %i a right angle and keeps the turn about the line of sight', (yaw) => {
    const head = { yawDegrees: Math.sign(yaw) * 90, pitchDegrees: 25, rollDegrees: 10 };
    const { yawDegrees, pitchDegrees, rollDegrees } = anglesFromRotation(
      rotationFromAngles({ ...head, yawDegrees: yaw }),
    );
    expect(yawDegrees).toBe(Math.sign(yaw) * 90);
    expect(rollDegrees).toBe(0);
    // Only the sum (or difference) of pitch and roll can be told there.
    expect(Math.abs(pitchDegrees - (yaw > 0 ? 35 : 15))).toBeLessThan(0.05);
  });
});

describe('quaternions', () => {
  test('survive the way to a rotation and back', () => {
    const component = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(component, component, component, component), (q) => {
        const length = Math.hypot(...q);
        fc.pre(length > 1e-3);
        const rotation = rotationFromQuaternion(q);
        expectClose(product(rotation, transpose(rotation)), identity, { maxAbs: ENTRY_BOUND });
        const back = quaternionFromRotation(rotation);
        expectClose([Math.hypot(...back)], [1], { maxAbs: ENTRY_BOUND });
        expect(back[3]).toBeGreaterThanOrEqual(0);
        // q and -q are the same rotation.
        const dot = q.reduce((sum, value, i) => sum + (value / length) * back[i], 0);
        expectClose([Math.abs(dot)], [1], { maxAbs: ENTRY_BOUND });
        expectClose(rotationFromQuaternion(back), rotation, { maxAbs: 2 * ENTRY_BOUND });
      }),
    );
  });

  test('of half turns about each axis, where w is 0', () => {
    for (const axis of [0, 1, 2]) {
      const rotation = identity.map((value, i) => (i === 4 * axis ? value : -value) + 0);
      const expected = [0, 0, 0, 0].map((_, i) => (i === axis ? 1 : 0));
      expectClose(quaternionFromRotation(rotation), expected, { maxAbs: 0 });
    }
  });

  test('with dst, and bad input', () => {
    const [rotation, quaternion] = [new Float32Array(9), new Float32Array(4)];
    expect(rotationFromQuaternion([0, 0, 0, 2], rotation)).toBe(rotation);
    expect([...rotation]).toEqual(identity);
    expect(quaternionFromRotation(rotation, quaternion)).toBe(quaternion);
    expect([...quaternion]).toEqual([0, 0, 0, 1]);
    for (const bad of [
      [0, 0, 0, 0],
      [Number.NaN, 0, 0, 1],
      [Number.POSITIVE_INFINITY, 0, 0, 1],
    ]) {
      expect(() => rotationFromQuaternion(bad)).toThrow('quaternion: expected 4 finite numbers');
    }
  });
});
