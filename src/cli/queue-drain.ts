import type { Command } from 'commander';
import { QueueCounter } from '../queue/queue-counts.ts';
import { CliError } from './cli-error.ts';
import { canPrompt, confirm } from './prompt.ts';
import { addQueueFlags, jobsAndPictures, type QueueFlags, withQueue } from './queue-flags.ts';
import type { Terminal } from './terminal.ts';

interface DrainFlags extends QueueFlags {
  readonly all?: true;
  readonly yes?: true;
}

/** Registers `tddfa queue drain`. */
export function registerQueueDrain(program: Command, terminal: Terminal): void {
  addQueueFlags(program.command('drain'))
    .description('remove waiting jobs; running jobs finish')
    .option('--all', 'remove the whole queue from Redis, including finished jobs; nothing can then be collected')
    .option('--yes', 'do not ask for confirmation of --all')
    .action((flags: DrainFlags) => drain(flags, terminal));
}

async function drain(flags: DrainFlags, terminal: Terminal): Promise<void> {
  await withQueue(flags, terminal, async (queue) => {
    const { waiting, delayed, running, done, failed } = await new QueueCounter(queue).count();
    const all = flags.all === true ? [waiting, delayed, running, done, failed] : [waiting, delayed];
    const removed = {
      jobs: all.reduce((sum, { jobs }) => sum + jobs, 0),
      pictures: all.reduce((sum, { pictures }) => sum + pictures, 0),
    };
    if (flags.all === true) {
      await checkConsent(`${queue.name} at ${queue.address.shown}: ${jobsAndPictures(removed)}`, flags, terminal);
      await queue.run((bull) => bull.obliterate({ force: true }));
    } else {
      await queue.run((bull) => bull.drain(true));
    }
    terminal.stdout.write(`removed ${jobsAndPictures(removed)}\n`);
  });
}

async function checkConsent(what: string, flags: DrainFlags, terminal: Terminal): Promise<void> {
  if (flags.yes === true) return;
  if (!canPrompt(terminal)) throw new CliError('nothing removed: pass --yes to remove the whole queue');
  if (await confirm(terminal, `Remove the whole queue ${what}?`)) return;
  throw new CliError('nothing removed');
}
