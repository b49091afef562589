/** Trade-off between steadiness and lag. */
export interface OffsetFilterOptions {
  /** Cutoff at rest, Hz: a lower one jitters less. */
  readonly minCutoffHz: number;
  /** Size of a jump from the smoothed value that is followed at once; smaller lags less. Infinity: never. */
  readonly stepSize: number;
  /**
   * How far values may stay to one side of the smoothed ones before these catch up; smaller lags less. Infinity: never.
   */
  readonly driftSize: number;
  /** Cutoff of the mean offset compared with `driftSize`, Hz: lower separates noise from motion better, but later. */
  readonly driftCutoffHz: number;
}

/** Rise of the cutoff at an offset of one `stepSize` or `driftSize`, Hz: half of each new value at 30 frames/s. */
const RISE_HZ = 5;
/** A shorter frame interval counts as this long for jumps: cameras deliver frames late and in bunches. */
const STEP_SECONDS = 1 / 30;
/** Cutoff for measuring noise, Hz. */
const NOISE_CUTOFF_HZ = 0.3;
/** Weight of the noise variance next to the square of `stepSize`: a jump exceeds five and a half deviations. */
const STEP_NOISE = 30;
/** The same next to the square of `driftSize`, where noise has already averaged out. */
const DRIFT_NOISE = 1;

/** From this squared offset on, in steps, it is motion and not noise. */
const CLEAR_STEP = 8;

/** Length of an offset, in the unit of the sizes: `offset[i]` is the distance of element i from its smoothed value. */
export type OffsetLength = (offset: Float64Array) => number;

/**
 * A low-pass filter for a vector; its cutoff rises with the offset of the values from the smoothed ones:
 *
 *   cutoff = minCutoffHz + 5 Hz * (step * max(1, 1/30 s / time) + (meanOffset^2 / (driftSize^2 + noise^2))^2)
 *   step = offset^2 / (stepSize^2 + 30 noise^2)
 *   noise^2 follows (offset - meanOffset)^2 at 0.3 Hz, while step < 8
 *
 * The offset itself responds to a jump at once. Its mean over time responds to slow motion: noise falls on both sides
 * of the smoothed value and averages out, while a lagging filter is behind on one side. So a still face does not
 * jitter, and a moving one does not lag, however slowly it moves. The noise is measured, as the deviation of offsets
 * from their mean, so that one setting suits both large sharp faces and small grainy ones. A clear jump is motion, not
 * noise.
 *
 * All elements of a vector share one cutoff: parameters of a face that move together stay together.
 *
 * Tried on portraits that stand still, move, turn, nod and come nearer, with noise of 3 and 8 levels, two regressors,
 * 30 frames/s: the maximum remaining jitter, and lag in frames at 1, 2 and 10 px per frame of a face 60 to 230 px wide,
 * at 2 px also the maximum while it starts.
 *
 *   One-Euro filter, 0.5 Hz, speed coefficient 1    still 0.09   lag 4.9, 3.6, 1.05   start 4.0
 *   offset alone, no noise                          still 0.34   lag 1.3, 0.7, 0.07   start 1.1
 *   offset and mean offset, no noise                still 0.13   lag 0.4, 0.1, 0.00   start 1.4
 *   offset and mean offset by noise                 still 0.13   lag 0.6, 0.4, 0.12   start 0.8
 *
 * Without the noise term, values that scatter by 6 % of the face keep 0.61 of their jitter, with it 0.12.
 *
 * Then jumps were excluded from the noise. A portrait that slides by 8 px per frame and turns back every 20 frames,
 * open pack: distance of the landmarks' mean from the unsmoothed one, px, mean and maximum, with every frame and with 1
 * to 3 of them, and the remaining jitter of a still one; of a synthetic face (formulas) with 2 % of noise, from its
 * first frame on.
 *
 *   every jump is noise                              2.6 at most
 *   half of it from 11 steps on, by the 4th power    0.79, 2.0    0.74, 5.6    still 0.115, formulas below 0.20
 *   the same from 5 steps on                         0.44, 1.1    0.17, 0.9    still 0.117, formulas 0.24
 *   the same, but for the first ten frames           1.23, 3.1    2.05, 8.2    still 0.115
 *   none from 8 steps on                             0.30, 0.8    0.16, 0.9    still 0.115, formulas below 0.20   <- this file
 *
 * Noise estimated from second differences of the values leaves 0.25 to 0.3 of the jitter: the noise of crops is not
 * white.
 */
export class OffsetFilter {
  readonly #options: OffsetFilterOptions;
  readonly #lengthOf: OffsetLength;
  readonly #smooth: Float64Array;
  readonly #offset: Float64Array;
  /** The offset remaining after a step, and its mean. */
  readonly #rest: Float64Array;
  readonly #meanRest: Float64Array;
  #noiseSquared = 0;
  #cutoffHz = 0;
  #timeMs = Number.NaN;

  /**
   * @param length - of the vectors.
   * @param lengthOf - length of an offset; by default the root of the sum of squares.
   */
  constructor(length: number, options: OffsetFilterOptions, lengthOf: OffsetLength = euclideanLength) {
    this.#options = options;
    this.#lengthOf = lengthOf;
    this.#smooth = new Float64Array(length);
    this.#offset = new Float64Array(length);
    this.#rest = new Float64Array(length);
    this.#meanRest = new Float64Array(length);
  }

  /**
   * Filters the next value. The first passes unchanged.
   * @param values - `[length]`, finite.
   * @param timeMs - greater than the previous one.
   * @param unit - unit of lengths: with a unit of 100, an offset of 50 has length 0.5.
   * @returns the smoothed vector; the filter's own array, which the next call overwrites.
   */
  next(values: Float64Array, timeMs: number, unit: number): Float64Array {
    const smooth = this.#smooth;
    const offset = this.#offset;
    const rest = this.#rest;
    const meanRest = this.#meanRest;
    const seconds = (timeMs - this.#timeMs) / 1000;
    this.#timeMs = timeMs;
    if (Number.isNaN(seconds)) {
      smooth.set(values);
      return smooth;
    }
    const { minCutoffHz, stepSize, driftSize, driftCutoffHz } = this.#options;
    const meanShare = shareOfNew(driftCutoffHz, seconds);
    const lastShare = shareOfNew(this.#cutoffHz, seconds);
    for (let i = 0; i < smooth.length; i++) {
      offset[i] = values[i] - smooth[i];
      // The remainder at the last step's cutoff: the lag itself, whatever the frame rate, and however late this frame
      // is.
      rest[i] = (1 - lastShare) * offset[i];
      meanRest[i] += meanShare * (rest[i] - meanRest[i]);
    }
    const step = (this.#lengthOf(offset) / unit) ** 2 / (stepSize ** 2 + STEP_NOISE * this.#noiseSquared);
    const drift = (this.#lengthOf(meanRest) / unit) ** 2 / (driftSize ** 2 + DRIFT_NOISE * this.#noiseSquared);
    for (let i = 0; i < smooth.length; i++) rest[i] -= meanRest[i];
    const noise = this.#lengthOf(rest) / unit;
    // Counted as noise, a clear jump would mask the next one, and a face that turns back repeatedly would lag more and
    // more.
    if (step < CLEAR_STEP)
      this.#noiseSquared += shareOfNew(NOISE_CUTOFF_HZ, seconds) * (noise ** 2 - this.#noiseSquared);
    this.#cutoffHz = minCutoffHz + RISE_HZ * (step * Math.max(1, STEP_SECONDS / seconds) + drift ** 2);
    const share = shareOfNew(this.#cutoffHz, seconds);
    for (let i = 0; i < smooth.length; i++) smooth[i] += share * offset[i];
    return smooth;
  }
}

/** Share of a new value that a first-order low-pass filter takes after some time, 0..1. */
function shareOfNew(cutoffHz: number, seconds: number): number {
  const angle = 2 * Math.PI * cutoffHz * seconds;
  return angle / (1 + angle);
}

function euclideanLength(offset: Float64Array): number {
  return Math.sqrt(offset.reduce((sum, value) => sum + value * value, 0));
}
