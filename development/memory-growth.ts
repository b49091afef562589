/**
 * Whether repeated work leaves memory behind.
 *
 * One reading before and one after are not enough: a background thread sweeps array buffers long after the collector has
 * returned (20 MB too much were seen on a busy machine), code that V8 compiles counts too, and memory used during set-up is
 * released late. So each reading waits until it no longer falls, and the work is split into windows: a leak grows in all of
 * them, everything else in few.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Measured windows. */
const WINDOWS = 7;
/** A reading counts once this many in a row have not been lower by more than `SETTLED_BYTES`. */
const SETTLED_READINGS = 4;
const SETTLED_BYTES = 4096;
/** Pause between two readings; lets background threads run. */
const PAUSE_MS = 25;
/** After this many readings, the lowest counts. */
const MAX_READINGS = 80;

/** Work whose steps must leave nothing behind. */
export interface RepeatedWork {
  /** Steps in each window; one further window is for warming up. */
  readonly stepsPerWindow: number;
  /** Does the steps from index `start` on. */
  readonly run: (start: number, count: number) => Promise<void>;
  /** Collects garbage and returns the bytes in use; by default those of this process's heap and array buffers. */
  readonly collectAndRead?: () => number | Promise<number>;
}

/** Repeats the work. @returns what a step leaves behind in the median window, bytes. */
export async function growthPerStep({
  stepsPerWindow,
  run,
  collectAndRead = usedByProcess(),
}: RepeatedWork): Promise<number> {
  await run(0, stepsPerWindow);
  const growths: number[] = [];
  let before = await settled(collectAndRead);
  for (let window = 1; window <= WINDOWS; window++) {
    await run(window * stepsPerWindow, stepsPerWindow);
    const after = await settled(collectAndRead);
    growths.push((after - before) / stepsPerWindow);
    before = after;
  }
  growths.sort((a, b) => a - b);
  return growths[WINDOWS >> 1];
}

async function settled(collectAndRead: () => number | Promise<number>): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  let quiet = 0;
  for (let i = 0; i < MAX_READINGS && quiet < SETTLED_READINGS; i++) {
    const now = await collectAndRead();
    quiet = now < lowest - SETTLED_BYTES ? 0 : quiet + 1;
    lowest = Math.min(lowest, now);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return lowest;
}

function usedByProcess(): () => number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  return () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
}
