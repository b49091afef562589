/** Timers take no more: what is to take longer ends at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * A time as timers and Redis take it: whole ms, at least one, and of what is longer than 24.8 days just as much.
 * @param ms - a number above or equal to 0; Infinity is one.
 */
export function timerDelay(ms: number): number {
  return Math.max(1, Math.min(Math.ceil(ms), MAX_DELAY_MS));
}
