/**
 * Interrupts a piece of work at each of its steps: before every continuation after an `await`. A step that an interruption does
 * not reach, or reaches at the wrong moment, is where listeners, files and promises are left over.
 */
import { createHook } from 'node:async_hooks';

/** A piece of work that has not begun. */
export interface InterruptedWork {
  run(): Promise<unknown>;
  /** Called before one of its steps. */
  interrupt(): void;
  /** Looks at how it ended, and at what is left. @throws Error where that is wrong. */
  check(end: PromiseSettledResult<unknown>): Promise<void> | void;
}

/** How often work was interrupted, and how often it had its result all the same. */
export interface InterruptionCounts {
  readonly steps: number;
  readonly interruptions: number;
  readonly results: number;
}

/**
 * Does work over and over, once for each of its steps.
 * @param begin - makes the work anew.
 * @param most - interruptions; of more steps some are left out, evenly.
 * @throws Error that says at which step what was wrong.
 */
export async function interruptEverywhere(
  begin: () => Promise<InterruptedWork> | InterruptedWork,
  most = Number.POSITIVE_INFINITY,
): Promise<InterruptionCounts> {
  // What is loaded or compiled at the first time is no step of the second.
  await runUntil(await begin(), Number.POSITIVE_INFINITY);
  const { steps } = await runUntil(await begin(), Number.POSITIVE_INFINITY);
  const interruptions = Math.min(steps, most);
  let results = 0;
  for (let i = 1; i <= interruptions; i++) {
    const step = Math.ceil((i * steps) / interruptions);
    const work = await begin();
    try {
      if ((await runUntil(work, step)).hasResult) results++;
    } catch (cause) {
      throw new Error(`interrupted at step ${step} of ${steps}: ${cause}`, { cause });
    }
  }
  return { steps, interruptions, results };
}

async function runUntil(work: InterruptedWork, step: number): Promise<{ steps: number; hasResult: boolean }> {
  let steps = 0;
  // Before a callback of the system, Node's own streams do not bear it.
  const promises = new Set<number>();
  const hook = createHook({
    init(id, type) {
      if (type === 'PROMISE') promises.add(id);
    },
    before(id) {
      if (promises.has(id) && ++steps === step) work.interrupt();
    },
  }).enable();
  const [end] = await Promise.allSettled([work.run()]).finally(() => hook.disable());
  await work.check(end);
  return { steps, hasResult: end.status === 'fulfilled' };
}
