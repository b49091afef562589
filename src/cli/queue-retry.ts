import type { Command } from 'commander';
import { retryJobs } from '../queue/retry-jobs.ts';
import { addQueueFlags, jobsAndPictures, type QueueFlags, withQueue } from './queue-flags.ts';
import type { Terminal } from './terminal.ts';

interface RetryFlags extends QueueFlags {
  readonly parts?: string;
}

/** Registers `tddfa queue retry`. */
export function registerQueueRetry(program: Command, terminal: Terminal): void {
  addQueueFlags(program.command('retry'))
    .description('put jobs back into the queue: those that were given up and those with failed pictures')
    .option('--parts <folder>', 'also retry jobs whose results are not in this folder, for example after losing a disk')
    .action((flags: RetryFlags) =>
      withQueue(flags, terminal, async (queue) => {
        const retried = await retryJobs(queue, flags.parts, terminal.signal);
        terminal.stdout.write(`put back ${jobsAndPictures(retried)}\n`);
      }),
    );
}
