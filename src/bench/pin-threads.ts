import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const TASKS = '/proc/self/task';

/**
 * Runs something that starts threads, and on Linux gives the calling thread the first core and the new ones the others. Some
 * kernels of virtual machines pack all threads of a program onto one core for as long as they sleep now and then, which
 * threads that wait for each other do: then a benchmark of two threads measures one core. Without `taskset`, nothing is done.
 */
export async function pinningNewThreads<T>(threads: number | undefined, start: () => Promise<T>): Promise<T> {
  // Not `availableParallelism`: it counts the cores that this thread may have, and after this it is one.
  const cores = cpus().length;
  if (threads === undefined || threads > cores || process.platform !== 'linux') return start();
  const before = new Set(readdirSync(TASKS));
  const result = await start();
  try {
    pin(String(process.pid), 0);
    for (const [i, task] of readdirSync(TASKS)
      .filter((name) => !before.has(name))
      .entries()) {
      pin(task, 1 + (i % (cores - 1)));
    }
  } catch {
    // No taskset, or it may not: the figures are then the scheduler's.
  }
  return result;
}

function pin(task: string, core: number): void {
  execFileSync('taskset', ['-cp', String(core), task], { stdio: 'ignore' });
}
