import { createReadStream, existsSync } from 'node:fs';
import type { Command } from 'commander';
import { printable } from '../errors.ts';
import { type CollectedResults, collectResults } from '../queue/collect-results.ts';
import { CliError } from './cli-error.ts';
import { openLineWriter } from './line-writer.ts';
import { checkJsonPath } from './output-paths.ts';
import { createProgress } from './progress.ts';
import { addQueueFlags, counted, type QueueFlags, withQueue } from './queue-flags.ts';
import { DEFAULT_PARTS } from './queue-work.ts';
import type { Terminal } from './terminal.ts';

interface CollectFlags extends QueueFlags {
  readonly parts: string;
  readonly jsonl: string;
  readonly missing?: string;
}

const EXAMPLES = `
Examples:
  $ tddfa queue collect --parts /shared/parts --jsonl faces.jsonl
  $ tddfa queue collect --missing missing.txt >faces.jsonl

The exit status is 0 if every picture has a line, even if the line is an error, and 1 if any picture is missing.
`;

/** Maximum number of missing pictures listed on stderr. */
const NAMED_MISSING = 20;
const LINE_FEED = 10;

/** Registers `tddfa queue collect`. */
export function registerQueueCollect(program: Command, terminal: Terminal): void {
  addQueueFlags(program.command('collect'))
    .description('merge the results of all workers: each picture once, in the order it was added')
    .option('--parts <folder>', 'folder with the part files of all workers', DEFAULT_PARTS)
    .option('--jsonl <file>', 'write the results to this file; - for stdout', '-')
    .option('--missing <file>', 'write the pictures without a result to this file, one per line')
    .addHelpText('after', EXAMPLES)
    .action((flags: CollectFlags) => collect(flags, terminal));
}

async function collect(flags: CollectFlags, terminal: Terminal): Promise<void> {
  checkJsonPath(flags.jsonl);
  if (flags.missing !== undefined || flags.jsonl !== '-') terminal.goOnUnread?.();
  await withQueue(flags, terminal, async (queue) => {
    const results = openLineWriter(flags.jsonl, terminal);
    const missing = flags.missing === undefined ? undefined : openLineWriter(flags.missing, terminal);
    const progress = createProgress(terminal, 'items');
    let named = 0;
    let collected: CollectedResults;
    try {
      collected = await collectResults(queue, {
        parts: flags.parts,
        signal: terminal.signal,
        onHeader: (header) => results.write(JSON.stringify(header)),
        onLine: (line) => results.write(line),
        async onMissing(input, reason) {
          await missing?.write(input);
          progress.stop();
          if (named++ < NAMED_MISSING) terminal.stderr.write(`${printable(`missing: ${input}: ${reason}`)}\n`);
        },
        onProgress: (done, all) => progress.update('jobs', done, all),
      });
      progress.stop();
      await missing?.finish();
      await checkNothingIsLost(flags.jsonl, collected);
      await results.finish();
    } catch (error) {
      await results.abort();
      await missing?.abort();
      throw error;
    } finally {
      progress.stop();
    }
    if (named > NAMED_MISSING)
      terminal.stderr.write(`missing: ${named - NAMED_MISSING} more; --missing lists them all\n`);
    terminal.stderr.write(`${summary(collected)}\n`);
    if (collected.missing > 0) throw new CliError(`${counted(collected.missing, 'picture')} missing`);
  });
}

/**
 * Keeps an earlier, more complete collection.
 * @throws CliError if the file to replace holds more pictures than were found now.
 */
async function checkNothingIsLost(path: string, { pictures, missing }: CollectedResults): Promise<void> {
  if (missing === 0 || path === '-' || !existsSync(path)) return;
  const held = (await countLines(path)) - 1;
  if (held <= pictures) return;
  throw new CliError(
    `${path} is kept unchanged: it holds ${counted(held, 'picture')}; ${pictures} were found this time, ${missing} missing`,
  );
}

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    for (const byte of chunk) if (byte === LINE_FEED) count++;
  }
  return count;
}

function summary({ jobs, pictures, failed, missing, repeated }: CollectedResults): string {
  const parts = [
    `${counted(pictures, 'picture')} of ${counted(jobs, 'job')}`,
    `${failed} failed`,
    `${missing} missing`,
    ...(repeated > 0 ? [`${repeated} duplicates left out`] : []),
  ];
  return parts.join(', ');
}
