import type { Command } from 'commander';
import { registerQueueAdd } from './queue-add.ts';
import { registerQueueCollect } from './queue-collect.ts';
import { registerQueueDrain } from './queue-drain.ts';
import { registerQueueRetry } from './queue-retry.ts';
import { registerQueueStatus } from './queue-status.ts';
import { registerQueueWork } from './queue-work.ts';
import type { Terminal } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ npm install bullmq ioredis                        once, beside tddfa
  $ export TDDFA_REDIS=redis://:password@queue.example:6379
  $ tddfa queue add photos/ --recursive               on any machine
  $ tddfa queue work --parts /shared/parts            on every machine
  $ tddfa queue status
  $ tddfa queue collect --parts /shared/parts --jsonl faces.jsonl
`;

/** Registers `tddfa queue` and its commands. */
export function registerQueue(program: Command, terminal: Terminal): void {
  const queue = program
    .command('queue')
    .description('align pictures on many machines, with BullMQ on Redis or Valkey')
    .addHelpText('after', EXAMPLES);
  registerQueueAdd(queue, terminal);
  registerQueueWork(queue, terminal);
  registerQueueStatus(queue, terminal);
  registerQueueCollect(queue, terminal);
  registerQueueRetry(queue, terminal);
  registerQueueDrain(queue, terminal);
}
