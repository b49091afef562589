/** How far eyes and mouth are open, from the landmarks: distances in 3D space, so turning the head changes little. */
import { type FaceLandmarks, landmarksOf } from './face-landmarks.ts';

/** Outer corner, inner corner, and pairs of upper and lower lid; right and left are the person's. */
const EYES = {
  right: {
    corners: [36, 39],
    lids: [
      [37, 41],
      [38, 40],
    ],
  },
  left: {
    corners: [45, 42],
    lids: [
      [44, 46],
      [43, 47],
    ],
  },
} as const;

/** Corners of the inner lips, and pairs of upper and lower lip. */
const MOUTH = {
  corners: [60, 64],
  lips: [
    [61, 67],
    [62, 66],
    [63, 65],
  ],
} as const;

/** Right and left are the person's. */
export interface EyeOpenness {
  readonly right: number;
  readonly left: number;
}

/**
 * How far the eyes are open: the mean distance between the lids over the width of the eye. About 0.25 to 0.35 is open,
 * below 0.15 closed; the values that a network gives for closed eyes depend on its training.
 * @see Soukupová and Čech, "Real-Time Eye Blink Detection using Facial Landmarks", 2016: the eye aspect ratio
 * @throws TypeError for anything other than landmarks.
 */
export function eyeOpenness(face: FaceLandmarks): EyeOpenness {
  const landmarks = landmarksOf(face);
  return {
    right: meanDistance(landmarks, EYES.right.lids) / distance(landmarks, EYES.right.corners),
    left: meanDistance(landmarks, EYES.left.lids) / distance(landmarks, EYES.left.corners),
  };
}

/**
 * How far the mouth is open: the mean distance between the inner lips over the mouth's inner width. 0 is shut, 0.5 or
 * more wide open.
 * @throws TypeError for anything other than landmarks.
 */
export function mouthOpenness(face: FaceLandmarks): number {
  const landmarks = landmarksOf(face);
  return meanDistance(landmarks, MOUTH.lips) / distance(landmarks, MOUTH.corners);
}

function distance(landmarks: Float32Array, [a, b]: readonly [number, number]): number {
  return Math.hypot(...[0, 1, 2].map((axis) => landmarks[a * 3 + axis] - landmarks[b * 3 + axis]));
}

function meanDistance(landmarks: Float32Array, pairs: readonly (readonly [number, number])[]): number {
  return pairs.reduce((sum, pair) => sum + distance(landmarks, pair) / pairs.length, 0);
}
