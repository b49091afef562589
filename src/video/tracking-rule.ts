import type { AlignedFace, RgbaImage } from '../types.ts';

/**
 * How a face was located in this frame: `detect` from a detector's box, `detect+refine` from a detector's box and then
 * once more from its landmarks, `track` from its landmarks in the previous frame.
 */
export type TrackingStep = 'detect' | 'detect+refine' | 'track';

/** A face in one frame as found by a tracking rule, before any smoothing. */
export interface FollowedFace {
  /** Constant for the same face from frame to frame; never reused. */
  readonly id: number;
  readonly how: TrackingStep;
  readonly face: AlignedFace;
  /** `[68 x 3]`, image px. */
  readonly landmarks: Float32Array;
}

/** Decides from frame to frame where the faces are and which is which. One call at a time. */
export interface TrackingRule {
  step(image: RgbaImage, timeMs: number): Promise<FollowedFace[]>;
  /** Forgets all faces. Ids continue. */
  reset(): void;
}
