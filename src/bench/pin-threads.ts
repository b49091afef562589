import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const TASKS = '/proc/self/task';

/**
 * Runs something that starts threads, and on Linux pins the calling thread to the first core and the new ones to the
 * others. Some kernels of virtual machines put all threads of a program on one core as long as they sleep now and then,
 * as threads that wait for each other do: a benchmark of two threads then measures one core. Without `taskset`, it pins
 * nothing.
 */
export async function pinningNewThreads<T>(threads: number | undefined, start: () => Promise<T>): Promise<T> {
  // Not `availableParallelism`: it counts the cores available to this thread, which is one after pinning.
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
    // taskset is missing or not permitted: placement is then up to the scheduler.
  }
  return result;
}

function pin(task: string, core: number): void {
  execFileSync('taskset', ['-cp', String(core), task], { stdio: 'ignore' });
}
