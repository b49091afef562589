/**
 * What the 68 landmarks are, in the numbering of iBUG 300-W, counted from 0. Right and left are the PERSON's: on a frontal
 * photo the person's right is on the left of the picture.
 */

/** Parts of the face that landmarks mark. */
export type LandmarkRegion =
  | 'jaw'
  | 'rightBrow'
  | 'leftBrow'
  | 'noseBridge'
  | 'noseBase'
  | 'rightEye'
  | 'leftEye'
  | 'outerLips'
  | 'innerLips';

/** How many landmarks there are. */
export const LANDMARK_COUNT = 68;

/** The landmarks of each region, in drawing order. Each of the 68 appears exactly once. */
export const LANDMARK_REGIONS: Readonly<Record<LandmarkRegion, readonly number[]>> = {
  /** From the person's right ear via the chin (8) to the left ear. */
  jaw: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  /** From its outer to its inner end. */
  rightBrow: [17, 18, 19, 20, 21],
  /** From its inner to its outer end. */
  leftBrow: [22, 23, 24, 25, 26],
  /** From between the eyes down to the tip (30). */
  noseBridge: [27, 28, 29, 30],
  /** From the right nostril via the middle (33) to the left one. */
  noseBase: [31, 32, 33, 34, 35],
  /** From the outer corner (36) along the upper lid to the inner corner (39), and back along the lower lid. */
  rightEye: [36, 37, 38, 39, 40, 41],
  /** From the inner corner (42) along the upper lid to the outer corner (45), and back along the lower lid. */
  leftEye: [42, 43, 44, 45, 46, 47],
  /** From the right corner (48) along the upper lip to the left corner (54), and back along the lower lip. */
  outerLips: [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59],
  /** From the right corner (60) along the upper lip to the left corner (64), and back along the lower lip. */
  innerLips: [60, 61, 62, 63, 64, 65, 66, 67],
};

/** A line through landmarks; a closed one returns from its last point to its first. */
export interface LandmarkOutline {
  readonly region: LandmarkRegion;
  readonly indices: readonly number[];
  readonly closed: boolean;
}

const CLOSED_REGIONS: ReadonlySet<LandmarkRegion> = new Set(['rightEye', 'leftEye', 'outerLips', 'innerLips']);

/** The lines that draw a face: one for each region; eyes and lips are rings. */
export const LANDMARK_OUTLINES: readonly LandmarkOutline[] = Object.entries(LANDMARK_REGIONS).map(
  ([region, indices]) => ({
    region: region as LandmarkRegion,
    indices,
    closed: CLOSED_REGIONS.has(region as LandmarkRegion),
  }),
);

/** For each landmark, the one in its place on the mirrored photo: landmark `i` there is landmark `MIRRORED_LANDMARKS[i]` here. */
export const MIRRORED_LANDMARKS: readonly number[] = [
  16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30, 35,
  34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64,
  63, 62, 61, 60, 67, 66, 65,
];
