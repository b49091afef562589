import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { addJobs } from '../queue/add-jobs.ts';
import { checkWebAddress, isWebAddress } from '../queue/fetch-picture.ts';
import { cutIntoJobs } from '../queue/picture-job.ts';
import { isPublicAddress } from '../queue/public-address.ts';
import { CliError } from './cli-error.ts';
import { addInputFlags, type InputPlaces, listInputs } from './input-images.ts';
import { parseWholeNumber } from './number-flags.ts';
import { createProgress } from './progress.ts';
import {
  addQueueFlags,
  allowPrivateOption,
  counted,
  jobsAndPictures,
  type QueueFlags,
  withQueue,
} from './queue-flags.ts';
import { isStdin } from './read-input-image.ts';
import { reportError } from './report-error.ts';
import type { Terminal } from './terminal.ts';

interface AddFlags extends QueueFlags {
  readonly recursive?: true;
  readonly filesFrom?: string;
  readonly null?: true;
  readonly perJob: number;
  readonly maxWaiting: number;
  readonly attempts: number;
  readonly allowPrivate?: true;
}

/** About two seconds of work: little is repeated when a worker dies, and Redis is rarely queried. */
const PICTURES_PER_JOB = 50;
/** A million pictures at the default job size. */
const MAX_WAITING = 20_000;

const ATTEMPTS = 3;

const EXAMPLES = `
Examples:
  $ tddfa queue add photos/ --recursive
  $ find /data -name '*.jpg' -print0 | tddfa queue add --files-from - --null
  $ tddfa queue add https://example.org/portrait.jpg

Workers resolve relative paths against the folder they were added from, or against --root. Adding a list again adds only the
jobs that the queue does not have yet.
`;

/** Registers `tddfa queue add`. */
export function registerQueueAdd(program: Command, terminal: Terminal): void {
  addInputFlags(
    addQueueFlags(program.command('add'))
      .description('add pictures to the queue')
      .argument('[input...]', 'picture files, folders of them, or http(s) URLs'),
  )
    .option('--per-job <n>', 'pictures per job', (text) => parseWholeNumber(text, 1), PICTURES_PER_JOB)
    .option(
      '--max-waiting <n>',
      'pause while this many jobs are waiting for a worker',
      (text) => parseWholeNumber(text, 1),
      MAX_WAITING,
    )
    .option(
      '--attempts <n>',
      'attempts per job when downloads fail temporarily',
      (text) => parseWholeNumber(text, 1),
      ATTEMPTS,
    )
    .addOption(allowPrivateOption())
    .addHelpText('after', EXAMPLES)
    .action((inputs: string[], flags: AddFlags) => add(inputs, flags, terminal));
}

async function add(paths: readonly string[], flags: AddFlags, terminal: Terminal): Promise<void> {
  if (paths.length === 0 && flags.filesFrom === undefined) {
    throw new CliError('nothing to add: name pictures, folders or --files-from', { exitStatus: 2 });
  }
  if (paths.some(isStdin)) throw new CliError('-: the queue takes files, not standard input', { exitStatus: 2 });
  await withQueue(flags, terminal, async (queue) => {
    let refused = 0;
    async function* inputs(): AsyncGenerator<string> {
      for await (const { path, error } of listAll(paths, flags, terminal)) {
        try {
          if (error !== undefined) throw error;
          if (isWebAddress(path)) checkWebAddress(path, flags.allowPrivate === true ? () => true : isPublicAddress);
          yield path;
        } catch (refusal) {
          refused++;
          progress.stop();
          reportError(refusal, terminal);
        }
      }
    }
    const progress = createProgress(terminal, 'items');
    let hasWaited = false;
    try {
      const added = await addJobs(queue, cutIntoJobs(inputs(), process.cwd(), flags.perJob), {
        maxWaiting: flags.maxWaiting,
        attempts: flags.attempts,
        signal: terminal.signal,
        onProgress({ pictures }, isWaiting) {
          if (isWaiting && !hasWaited) {
            hasWaited = true;
            progress.stop();
            terminal.stderr.write(`${counted(flags.maxWaiting, 'job')} are waiting; continuing as workers take them\n`);
          }
          progress.update(isWaiting ? 'pictures; waiting for workers' : 'pictures', pictures);
        },
      });
      progress.stop();
      const known = { jobs: added.knownJobs, pictures: added.knownPictures };
      terminal.stdout.write(
        `added ${jobsAndPictures(added)}${known.jobs === 0 ? '' : `; ${jobsAndPictures(known)} were already there`}\n`,
      );
    } finally {
      progress.stop();
    }
    if (refused > 0) throw new CliError(`${counted(refused, 'input')} not added`);
  });
}

/** URLs are passed through; folders are expanded. */
async function* listAll(paths: readonly string[], flags: AddFlags, terminal: Terminal) {
  for (const path of paths) {
    if (isWebAddress(path)) yield { path, error: undefined };
    else if (!existsSync(path)) yield { path, error: new CliError(`${path}: no such file or folder`) };
    else yield* list({ paths: [path], isRecursive: flags.recursive === true }, terminal);
  }
  if (flags.filesFrom === undefined) return;
  yield* list({ paths: [], filesFrom: flags.filesFrom, isNullSeparated: flags.null === true }, terminal);
}

async function* list(places: InputPlaces, terminal: Terminal) {
  for await (const { path, error } of listInputs(places, terminal)) yield { path, error };
}
