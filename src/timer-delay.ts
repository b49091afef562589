/** The longest delay of a timer; anything longer would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * A time as accepted by timers and Redis: whole ms, at least 1 and at most 24.8 days.
 * @param ms - a number >= 0, including Infinity.
 */
export function timerDelay(ms: number): number {
  return Math.max(1, Math.min(Math.ceil(ms), MAX_DELAY_MS));
}
