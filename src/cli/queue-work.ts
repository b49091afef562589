import { type Command, InvalidArgumentError, Option } from 'commander';
import { printable } from '../errors.ts';
import type { DetectorOptions } from '../models/faceboxes/detector.ts';
import { FETCH_PICTURE_DEFAULTS } from '../queue/fetch-picture.ts';
import { newPartFile } from '../queue/part-file.ts';
import { runWorker, type WorkedTotals, type WorkerAligner } from '../queue/run-worker.ts';
import { type AlignerFlags, addAlignerFlags, describeRunOf, loadAligner } from './aligner-flags.ts';
import { isAbort } from './describe-error.ts';
import { parsePositive, parseShare, parseWholeNumber } from './number-flags.ts';
import { defaultJobs, MAX_JOBS, openPictureAligner, type PictureAligner, resultOfPicture } from './picture-aligner.ts';
import { createProgress } from './progress.ts';
import { addQueueFlags, allowPrivateOption, counted, type QueueFlags, withQueue } from './queue-flags.ts';
import { reportError } from './report-error.ts';
import type { Terminal } from './terminal.ts';

interface WorkFlags extends QueueFlags, AlignerFlags {
  readonly jobs: number;
  readonly parts: string;
  readonly root?: string;
  readonly minScore?: number;
  readonly untilEmpty?: true;
  readonly grace: number;
  readonly recoverAfter: number;
  readonly allowPrivate?: true;
  readonly urlMaxSize: number;
  readonly urlTimeout: number;
  readonly urlRedirects: number;
}

/** Default folder for part files. */
export const DEFAULT_PARTS = 'tddfa-parts';
/** Kubernetes and others kill a process after 30 s. */
const GRACE_SECONDS = 20;
const RECOVER_SECONDS = 30;
const MEGABYTE = 2 ** 20;

const NOTES = `
Examples:
  $ tddfa queue work --parts /shared/parts
  $ tddfa queue work --jobs 4 --until-empty           stop when the queue is empty
  $ tddfa queue work --weights packs/mine --root /mnt/photos

A worker runs until SIGTERM or Ctrl-C, then finishes its jobs or hands them back. Start one on every machine; they find each other
through Redis. Each writes its own part file; collect needs the part files of all workers.
`;

/** Registers `tddfa queue work`. */
export function registerQueueWork(program: Command, terminal: Terminal): void {
  addAlignerFlags(addQueueFlags(program.command('work')))
    .description('align the pictures in the queue')
    .addOption(
      new Option('--jobs <n>', 'pictures to align at once, each in its own thread')
        .argParser(parseJobs)
        .default(defaultJobs(), 'one per core'),
    )
    .option('--parts <folder>', 'folder for the results of this worker', DEFAULT_PARTS)
    .option('--root <folder>', 'folder that relative paths start from (default: the one they were added from)')
    .option('--min-score <number>', 'ignore detections below this score, 0..1 (default: 0.5)', parseShare)
    .option('--until-empty', 'stop when no job is waiting or running')
    .option(
      '--grace <seconds>',
      'time for running jobs to finish when the worker is stopped',
      parsePositive,
      GRACE_SECONDS,
    )
    .option(
      '--recover-after <seconds>',
      'give the jobs of a worker to others after it has been silent for this long',
      parsePositive,
      RECOVER_SECONDS,
    )
    .addOption(allowPrivateOption())
    .option(
      '--url-max-size <MiB>',
      'maximum size of a download',
      parsePositive,
      FETCH_PICTURE_DEFAULTS.maxBytes / MEGABYTE,
    )
    .option(
      '--url-timeout <seconds>',
      'time limit for one download',
      parsePositive,
      FETCH_PICTURE_DEFAULTS.timeoutMs / 1000,
    )
    .option(
      '--url-redirects <n>',
      'maximum number of redirects to follow',
      (text) => parseWholeNumber(text, 0),
      FETCH_PICTURE_DEFAULTS.maxRedirects,
    )
    .addHelpText('after', NOTES)
    .action((flags: WorkFlags) => work(flags, terminal));
}

function parseJobs(text: string): number {
  const jobs = parseWholeNumber(text, 1);
  if (jobs <= MAX_JOBS) return jobs;
  throw new InvalidArgumentError(`expected at most ${MAX_JOBS}, got '${text}'`);
}

async function work(flags: WorkFlags, terminal: Terminal): Promise<void> {
  try {
    // Redis is tried first: weights take a while.
    await withQueue(flags, terminal, (queue) => workAt(queue, flags, terminal), Infinity);
  } catch (error) {
    // Stopped before its first job: there is nothing to hand back.
    if (!isAbort(error)) throw error;
  }
}

async function workAt(queue: Parameters<typeof runWorker>[0], flags: WorkFlags, terminal: Terminal): Promise<void> {
  const aligner = await loadAligner(flags, terminal, (options) => openPictureAligner(options, flags.jobs));
  const progress = createProgress(terminal, 'items');
  const started = Date.now();
  const say = (text: string): void => {
    progress.stop();
    terminal.stderr.write(`${printable(text)}\n`);
  };
  try {
    const header = await describeRunOf(flags, aligner.aligner, { minScore: flags.minScore }, terminal);
    const part = newPartFile(flags.parts, header);
    const detection = flags.minScore === undefined ? {} : { minScore: flags.minScore };
    const totals = await runWorker(queue, part, workerAligner(aligner, detection), {
      name: part.name,
      jobs: flags.jobs,
      recoverAfterMs: flags.recoverAfter * 1000,
      graceMs: flags.grace * 1000,
      root: flags.root,
      untilEmpty: flags.untilEmpty === true,
      fetch: {
        maxBytes: flags.urlMaxSize * MEGABYTE,
        timeoutMs: flags.urlTimeout * 1000,
        maxRedirects: flags.urlRedirects,
        ...(flags.allowPrivate === true && { isAllowed: () => true }),
      },
      signal: terminal.signal,
      onJob: (done) => progress.update(rate(done, started), done.pictures),
      onFailure(path, reason) {
        progress.stop();
        reportError(new Error(`${path}: ${reason}`), terminal);
      },
      onNotice: say,
    });
    progress.stop();
    const where = totals.jobs === 0 ? '' : `, ${part.name}`;
    terminal.stdout.write(
      `${counted(totals.pictures, 'picture')} of ${counted(totals.jobs, 'job')}, ${totals.failed} failed, ${rate(totals, started)}${where}\n`,
    );
  } finally {
    progress.stop();
    await aligner.dispose();
  }
}

function rate({ pictures }: WorkedTotals, startedMs: number): string {
  return `${(pictures / ((Date.now() - startedMs) / 1000)).toFixed(1)} pictures per second`;
}

/** Side of the picture that tests whether an aligner still works, px. */
const PROBE_SIDE = 64;

function workerAligner(pictures: PictureAligner, detection: DetectorOptions): WorkerAligner {
  return {
    align: (picture) => resultOfPicture(pictures, picture, { detection }),
    async isHealthy() {
      const data = new Uint8Array(PROBE_SIDE * PROBE_SIDE * 4);
      return pictures.aligner.detect({ data, width: PROBE_SIDE, height: PROBE_SIDE }).then(
        () => true,
        () => false,
      );
    },
  };
}
