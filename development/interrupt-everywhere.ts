/**
 * Interrupts a piece of work at each of its steps: before every continuation after an `await`. Steps that an interruption does not
 * reach, or reaches at the wrong moment, are where listeners, files and promises are left over.
 */
import { createHook } from 'node:async_hooks';

/** A piece of work that has not started. */
export interface InterruptedWork {
  run(): Promise<unknown>;
  /** Called before one of its steps. */
  interrupt(): void;
  /** Checks how it ended and what is left. @throws Error if something is wrong. */
  check(end: PromiseSettledResult<unknown>): Promise<void> | void;
}

/** How often work was interrupted, and how often it still produced its result. */
export interface InterruptionCounts {
  readonly steps: number;
  readonly interruptions: number;
  readonly results: number;
}

/**
 * Repeats work, once for each of its steps.
 * @param begin - creates fresh work.
 * @param most - maximum number of interruptions; with more steps, they are spread evenly.
 * @throws Error that names the step and what was wrong.
 */
export async function interruptEverywhere(
  begin: () => Promise<InterruptedWork> | InterruptedWork,
  most = Number.POSITIVE_INFINITY,
): Promise<InterruptionCounts> {
  // One-off loading and compiling in the first run are not steps of the second.
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
  // Only promises: Node's own streams do not tolerate an interruption before a system callback.
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
