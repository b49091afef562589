/**
 * Head rotations: angles, 3x3 matrices and quaternions. What the signs mean is in docs/coordinates.md, with a picture.
 *
 * A matrix turns the model into the view: `[3 x 3]`, row-major, column vectors, x to the right of the picture, y up, z
 * towards the viewer (right-handed). It is the product
 *
 *   R = Rz(roll) · Ry(-yaw) · Rx(pitch)
 *
 * so pitch acts first and roll last; three.js calls this order 'ZYX'.
 */
import type { HeadAngles } from '../types.ts';

const DEGREES = 180 / Math.PI;

/**
 * Beyond this sine of the yaw the original takes it for 90 degrees and assigns the whole turn about the line of sight
 * to pitch.
 */
const GIMBAL_LOCK_SINE = 0.998;

/**
 * Reads yaw, pitch and roll from a rotation.
 *
 * Beyond 86.4 degrees of yaw the result is exactly 90, with roll 0, as in the original; a quaternion has no such gap.
 * @param rotation - `[3 x 3]`, row-major; its rows need not be quite orthogonal.
 * @see utils/pose.py `matrix2angle` (3DDFA_V2 1b6c676)
 */
export function anglesFromRotation(rotation: ArrayLike<number>): HeadAngles {
  const r00 = rotation[0];
  const r01 = rotation[1];
  const r02 = rotation[2];
  const r10 = rotation[3];
  const r20 = rotation[6];
  const r21 = rotation[7];
  const r22 = rotation[8];
  if (r20 > GIMBAL_LOCK_SINE) {
    return { yawDegrees: 90, pitchDegrees: Math.atan2(-r01, -r02) * DEGREES, rollDegrees: 0 };
  }
  if (r20 < -GIMBAL_LOCK_SINE) {
    return { yawDegrees: -90, pitchDegrees: Math.atan2(r01, r02) * DEGREES, rollDegrees: 0 };
  }
  return {
    yawDegrees: Math.asin(r20) * DEGREES,
    pitchDegrees: Math.atan2(r21, r22) * DEGREES,
    rollDegrees: Math.atan2(r10, r00) * DEGREES,
  };
}

/**
 * Builds the rotation that has these angles.
 * @param dst - `[3 x 3]`; a new array if absent.
 * @returns `dst`, row-major, orthonormal, determinant 1.
 */
export function rotationFromAngles(angles: HeadAngles, dst: Float32Array = new Float32Array(9)): Float32Array {
  const sinYaw = Math.sin(angles.yawDegrees / DEGREES);
  const cosYaw = Math.cos(angles.yawDegrees / DEGREES);
  const sinPitch = Math.sin(angles.pitchDegrees / DEGREES);
  const cosPitch = Math.cos(angles.pitchDegrees / DEGREES);
  const sinRoll = Math.sin(angles.rollDegrees / DEGREES);
  const cosRoll = Math.cos(angles.rollDegrees / DEGREES);
  dst[0] = cosRoll * cosYaw;
  dst[1] = -cosRoll * sinYaw * sinPitch - sinRoll * cosPitch;
  dst[2] = -cosRoll * sinYaw * cosPitch + sinRoll * sinPitch;
  dst[3] = sinRoll * cosYaw;
  dst[4] = -sinRoll * sinYaw * sinPitch + cosRoll * cosPitch;
  dst[5] = -sinRoll * sinYaw * cosPitch - cosRoll * sinPitch;
  dst[6] = sinYaw;
  dst[7] = cosYaw * sinPitch;
  dst[8] = cosYaw * cosPitch;
  return dst;
}

/**
 * Turns a rotation into the unit quaternion with w >= 0.
 * @param rotation - `[3 x 3]`, row-major, orthonormal, determinant 1.
 * @param dst - `[4]`; a new array if absent.
 * @returns `dst`: x, y, z, w, as in three.js and glTF.
 */
export function quaternionFromRotation(
  rotation: ArrayLike<number>,
  dst: Float32Array = new Float32Array(4),
): Float32Array {
  const [r00, r01, r02] = [rotation[0], rotation[1], rotation[2]];
  const [r10, r11, r12] = [rotation[3], rotation[4], rotation[5]];
  const [r20, r21, r22] = [rotation[6], rotation[7], rotation[8]];
  // Four times the square of each component; dividing by the largest preserves precision.
  const xx = 1 + r00 - r11 - r22;
  const yy = 1 - r00 + r11 - r22;
  const zz = 1 - r00 - r11 + r22;
  const ww = 1 + r00 + r11 + r22;
  const largest = Math.max(xx, yy, zz, ww);
  let x = r21 - r12;
  let y = r02 - r20;
  let z = r10 - r01;
  let w = ww;
  if (largest === ww) {
    // As set above.
  } else if (largest === xx) {
    w = x;
    x = xx;
    y = r01 + r10;
    z = r02 + r20;
  } else if (largest === yy) {
    w = y;
    x = r01 + r10;
    y = yy;
    z = r12 + r21;
  } else {
    w = z;
    x = r02 + r20;
    y = r12 + r21;
    z = zz;
  }
  const scale = (w < 0 ? -1 : 1) / Math.hypot(x, y, z, w);
  dst[0] = x * scale;
  dst[1] = y * scale;
  dst[2] = z * scale;
  dst[3] = w * scale;
  return dst;
}

/**
 * Turns a quaternion into a rotation.
 * @param quaternion - x, y, z, w; need not be of length 1.
 * @param dst - `[3 x 3]`; a new array if absent.
 * @returns `dst`, row-major, orthonormal, determinant 1.
 * @throws RangeError for a quaternion of length 0, or one that is not finite.
 */
export function rotationFromQuaternion(
  quaternion: ArrayLike<number>,
  dst: Float32Array = new Float32Array(9),
): Float32Array {
  const length = Math.hypot(quaternion[0], quaternion[1], quaternion[2], quaternion[3]);
  if (!(length > 0 && length < Infinity)) {
    throw new RangeError(`quaternion: expected 4 finite numbers that are not all 0, got [${Array.from(quaternion)}]`);
  }
  const x = quaternion[0] / length;
  const y = quaternion[1] / length;
  const z = quaternion[2] / length;
  const w = quaternion[3] / length;
  dst[0] = 1 - 2 * (y * y + z * z);
  dst[1] = 2 * (x * y - z * w);
  dst[2] = 2 * (x * z + y * w);
  dst[3] = 2 * (x * y + z * w);
  dst[4] = 1 - 2 * (x * x + z * z);
  dst[5] = 2 * (y * z - x * w);
  dst[6] = 2 * (x * z - y * w);
  dst[7] = 2 * (y * z + x * w);
  dst[8] = 1 - 2 * (x * x + y * y);
  return dst;
}
