/** Duration of a frame that these numbers are for. */
const FRAME_SECONDS = 0.04;

/** The parameters that smooth a value. */
export interface Followed {
  /** Cutoff at rest. */
  readonly hz: number;
  /** A step at which half of a new value is adopted at 30 frames/s, as a fraction of the face's size. */
  readonly step: number;
  /** The same for the mean offset, and the speed at which it is averaged. */
  readonly drift: number;
  readonly driftHz: number;
}

/** How much of a change is adopted in a frame, at a cutoff. */
export function shareAt(hz: number): number {
  return 1 - 1 / (1 + 2 * Math.PI * hz * FRAME_SECONDS);
}

/** How much of a jump is adopted. After a first value, the mean offset is the share of its own cutoff. */
export function shareOfJump({ hz, step, drift, driftHz }: Followed, jump: number): number {
  return shareAt(hz + 5 * ((jump / step) ** 2 + ((shareAt(driftHz) * jump) / drift) ** 4));
}
