/**
 * The One-Euro filter for a vector: a low pass whose cutoff rises with the vector's speed, so that what stands still does not
 * tremble and what moves does not lag.
 *
 * All numbers of a vector share one speed and so one cutoff: parameters of a face that move together stay together, and
 * the noise of many numbers averages out of the speed.
 * @see G. Casiez, N. Roussel, D. Vogel: 1€ Filter, CHI 2012
 */
export interface OneEuroOptions {
  /** Cutoff at rest, Hz: lower trembles less. */
  readonly minCutoffHz: number;
  /** How much the cutoff rises, Hz per unit of speed: higher lags less. */
  readonly speedCoefficient: number;
  /** Cutoff of the speed itself, Hz. */
  readonly speedCutoffHz: number;
}

/** State of one filter. */
export class OneEuroFilter {
  readonly #options: OneEuroOptions;
  readonly #raw: Float64Array;
  readonly #smooth: Float64Array;
  readonly #velocity: Float64Array;
  #timeMs = Number.NaN;

  /** @param length - of the vectors. */
  constructor(length: number, options: OneEuroOptions) {
    this.#options = options;
    this.#raw = new Float64Array(length);
    this.#smooth = new Float64Array(length);
    this.#velocity = new Float64Array(length);
  }

  /**
   * Takes the next value. The first passes unchanged.
   * @param values - `[length]`, finite.
   * @param timeMs - greater than the one before.
   * @param size - what the speed is measured in: a size of 100 makes a speed of 50 numbers per second 0.5.
   * @returns the smoothed vector; the filter's own array, which the next call overwrites.
   */
  next(values: Float64Array, timeMs: number, size: number): Float64Array {
    const raw = this.#raw;
    const smooth = this.#smooth;
    const velocity = this.#velocity;
    const seconds = (timeMs - this.#timeMs) / 1000;
    this.#timeMs = timeMs;
    if (Number.isNaN(seconds)) {
      raw.set(values);
      smooth.set(values);
      return smooth;
    }
    const { minCutoffHz, speedCoefficient, speedCutoffHz } = this.#options;
    const speedShare = shareOfNew(speedCutoffHz, seconds);
    let squares = 0;
    for (let i = 0; i < raw.length; i++) {
      const rate = (values[i] - raw[i]) / seconds;
      const smoothRate = velocity[i] + speedShare * (rate - velocity[i]);
      velocity[i] = smoothRate;
      squares += smoothRate * smoothRate;
    }
    const speed = Math.sqrt(squares) / size;
    const share = shareOfNew(minCutoffHz + speedCoefficient * speed, seconds);
    for (let i = 0; i < raw.length; i++) {
      smooth[i] = smooth[i] + share * (values[i] - smooth[i]);
    }
    raw.set(values);
    return smooth;
  }
}

/** What a first-order low pass takes of a new value after some time, 0..1. */
function shareOfNew(cutoffHz: number, seconds: number): number {
  const angle = 2 * Math.PI * cutoffHz * seconds;
  return angle / (1 + angle);
}
