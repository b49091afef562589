import { clearScreenDown, moveCursor } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { printable } from '../errors.ts';
import type { PictureQueue } from '../queue/picture-queue.ts';
import { QueueCounter, type QueueCounts } from '../queue/queue-counts.ts';
import { addQueueFlags, counted, type QueueFlags, withQueue } from './queue-flags.ts';
import { coloursFor, type Terminal } from './terminal.ts';

interface StatusFlags extends QueueFlags {
  readonly json?: true;
  readonly once?: true;
}

const REFRESH_MS = 1000;

/** Registers `tddfa queue status`. */
export function registerQueueStatus(program: Command, terminal: Terminal): void {
  addQueueFlags(program.command('status'))
    .description('show jobs, pictures, rate and workers; on a terminal, as a live table until all is done or Ctrl-C')
    .option('--json', 'print JSON, once')
    .option('--once', 'print the table once')
    .action((flags: StatusFlags) => withQueue(flags, terminal, (queue) => status(queue, flags, terminal)));
}

async function status(queue: PictureQueue, flags: StatusFlags, terminal: Terminal): Promise<void> {
  const { stdout, signal } = terminal;
  const counter = new QueueCounter(queue);
  const first = await counter.count();
  if (flags.json === true) {
    stdout.write(`${JSON.stringify({ queue: queue.name, redis: queue.address.shown, ...first }, null, 2)}\n`);
    return;
  }
  let shown = table(first, queue, terminal);
  stdout.write(shown);
  if (flags.once === true || stdout.isTTY !== true) return;
  for (let counts = first; !isDone(counts); ) {
    await delay(REFRESH_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    counts = await counter.count();
    moveCursor(stdout, 0, -(shown.split('\n').length - 1));
    clearScreenDown(stdout);
    shown = table(counts, queue, terminal);
    stdout.write(shown);
  }
}

function isDone({ waiting, running, delayed }: QueueCounts): boolean {
  return waiting.jobs + running.jobs + delayed.jobs === 0;
}

function table(counts: QueueCounts, { name, address }: PictureQueue, terminal: Terminal): string {
  const { bold, red, dim } = coloursFor(terminal.stdout, terminal.env);
  const { waiting, running, delayed, done, failed, workers } = counts;
  const rows = [
    ['waiting', waiting],
    ['running', running],
    ['to retry', delayed],
    ['done', done],
    ['given up', failed],
  ] as const;
  const number = (value: number): string => value.toLocaleString('en').padStart(12);
  const lines = [
    `${bold(name)}  ${printable(address.shown)}`,
    dim(`${''.padEnd(10)}${'jobs'.padStart(12)}${'pictures'.padStart(12)}`),
    ...rows.map(([label, { jobs, pictures }]) => `${label.padEnd(10)}${number(jobs)}${number(pictures)}`),
    progressLine(counts),
    ...(counts.failedPictures > 0
      ? [red(`${counted(counts.failedPictures, 'picture')} failed; tddfa queue retry tries them again`)]
      : []),
    ...counts.failures.map(({ job, reason }) => red(printable(`given up: ${job}: ${reason}`))),
    workers.length === 0 ? 'no worker is connected' : counted(workers.length, 'worker'),
    ...workers.map((worker) => printable(`  ${worker.name}  ${worker.address}  ${duration(worker.connectedSeconds)}`)),
  ];
  return `${lines.join('\n')}\n`;
}

function progressLine({ waiting, running, delayed, done, failed, picturesPerSecond: rate }: QueueCounts): string {
  const left = waiting.pictures + running.pictures + delayed.pictures;
  const all = left + done.pictures + failed.pictures;
  if (all === 0) return 'nothing has been added yet';
  const share = `${((100 * (all - left)) / all).toFixed(1)} % of ${counted(all, 'picture')}`;
  if (left === 0) return share;
  return rate === 0 ? share : `${share}, ${rate.toFixed(1)} a second, ${duration(left / rate)} left`;
}

/** `1 h 02 min`, `3 min 20 s`, `12 s`. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
  return minutes > 0 ? `${minutes} min ${twoDigits(whole % 60)} s` : `${whole} s`;
}
