import { describeValue } from '../check-arguments.ts';
import { LANDMARK_COUNT } from './landmark-regions.ts';

/**
 * The landmarks of a face, `[68 x 3]`: as `aligner.reconstruct(face)` returns them, or a face that has them, as tracked
 * faces do.
 */
export type FaceLandmarks = Float32Array | { readonly landmarks: Float32Array };

/**
 * Gets the landmarks from what a caller passes as a face.
 * @throws TypeError with advice on what to pass.
 */
export function landmarksOf(face: FaceLandmarks): Float32Array {
  const landmarks: unknown = typeof face === 'object' && face !== null && 'landmarks' in face ? face.landmarks : face;
  if (landmarks instanceof Float32Array && landmarks.length === LANDMARK_COUNT * 3) return landmarks;
  const isFace = typeof face === 'object' && face !== null && 'params' in face;
  const found = landmarks instanceof Float32Array ? `${landmarks.length} numbers` : describeValue(landmarks);
  const advice = isFace ? 'give aligner.reconstruct(face)' : 'aligner.reconstruct(face) gives them';
  throw new TypeError(`face: expected landmarks, a Float32Array of ${LANDMARK_COUNT} x 3, got ${found}; ${advice}`);
}

/** Mean of some landmarks: x, y, z. */
export function landmarkCentre(landmarks: Float32Array, indices: readonly number[]): [number, number, number] {
  const centre: [number, number, number] = [0, 0, 0];
  for (const index of indices) {
    for (let axis = 0; axis < 3; axis++) centre[axis] += landmarks[index * 3 + axis] / indices.length;
  }
  return centre;
}
