/** The wire box and the axes that show a head's pose. */
import { LANDMARK_COUNT } from './landmark-regions.ts';
import { cameraMatrix } from './pose.ts';

/** The box and axes of one head, px of the image, y down. */
export interface PoseBox {
  /** `[10 x 2]`: the rear square (4 corners and the first again), then the front square, corner by corner. */
  readonly corners: Float32Array;
  /** `[2]`: where the axes start: the mean of jaw and brows. */
  readonly origin: Float32Array;
  /** `[3 x 2]`: ends of the head's x (to the right of the picture at yaw 0), y (up) and z (towards the viewer) axes. */
  readonly axes: Float32Array;
}

/** Jaw line and brows: the first landmarks, whose mean is where the box is placed. */
const OUTLINE_COUNT = 27;

/**
 * Box and axes of a head. The rear square is a third of the landmarks' extent wide, the front one 4/3 of that; both are
 * turned like the head and placed at the mean of jaw and brows, without perspective.
 * @param params - 3DMM parameters; only the rotation in the first 12 is used.
 * @param landmarks - `[68 x 3]`, image px.
 * @throws RangeError for a wrong length or parameters without a rotation.
 * @see utils/pose.py `plot_pose_box` (3DDFA_V2 1b6c676), which then truncates the corners to whole px.
 */
export function poseBox(params: Float32Array, landmarks: Float32Array): PoseBox {
  if (landmarks.length !== LANDMARK_COUNT * 3)
    throw new RangeError(`landmarks: expected 68 x 3 coordinates, got ${landmarks.length}`);

  // The two rows that give x and y on the picture; the translation is not needed, see below.
  const matrix = cameraMatrix(params);
  const a = matrix[0];
  const b = matrix[1];
  const c = matrix[2];
  const d = matrix[4];
  const e = matrix[5];
  const f = matrix[6];

  let xMin = Number.POSITIVE_INFINITY;
  let yMin = Number.POSITIVE_INFINITY;
  let xMax = Number.NEGATIVE_INFINITY;
  let yMax = Number.NEGATIVE_INFINITY;
  let xSum = 0;
  let ySum = 0;
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const x = landmarks[i * 3];
    const y = landmarks[i * 3 + 1];
    xMin = Math.min(xMin, x);
    xMax = Math.max(xMax, x);
    yMin = Math.min(yMin, y);
    yMax = Math.max(yMax, y);
    if (i < OUTLINE_COUNT) {
      xSum += x;
      ySum += y;
    }
  }
  const originX = xSum / OUTLINE_COUNT;
  const originY = ySum / OUTLINE_COUNT;
  const rear = (Math.SQRT2 * Math.max(xMax - xMin, yMax - yMin)) / 3;
  const front = Math.trunc((4 / 3) * rear);

  // The rear square's mean is the model's origin, so neither translation nor mean needs to be subtracted.
  const corners = new Float32Array(20);
  for (let i = 0; i < 10; i++) {
    const corner = i % 5;
    const size = i < 5 ? rear : front;
    const x = corner === 2 || corner === 3 ? size : -size;
    const y = corner === 1 || corner === 2 ? size : -size;
    const z = i < 5 ? 0 : front;
    corners[i * 2] = a * x + b * y + c * z + originX;
    corners[i * 2 + 1] = -(d * x + e * y + f * z) + originY;
  }
  const axes = Float32Array.of(
    a * front + originX,
    -d * front + originY,
    b * front + originX,
    -e * front + originY,
    c * front + originX,
    -f * front + originY,
  );
  return { corners, origin: Float32Array.of(originX, originY), axes };
}
