/** Of a frame, which these numbers are for. */
const FRAME_SECONDS = 0.04;

/** The numbers that a value is smoothed by. */
export interface Followed {
  /** Cutoff at rest. */
  readonly hz: number;
  /** A step after which half a new value is taken over at 30 frames/s, as a part of the face's size. */
  readonly step: number;
  /** The same for the mean offset, and how fast that is taken. */
  readonly drift: number;
  readonly driftHz: number;
}

/** How much of a change is taken over in a frame, at a cutoff. */
export function shareAt(hz: number): number {
  return 1 - 1 / (1 + 2 * Math.PI * hz * FRAME_SECONDS);
}

/** How much of a jump is taken over. After a first value, the mean offset is the share of its own cutoff. */
export function shareOfJump({ hz, step, drift, driftHz }: Followed, jump: number): number {
  return shareAt(hz + 5 * ((jump / step) ** 2 + ((shareAt(driftHz) * jump) / drift) ** 4));
}
