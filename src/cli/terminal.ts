import type { Readable, Writable } from 'node:stream';
import pc from 'picocolors';
import { undoUnfinishedWork } from '../files/unfinished-work.ts';
import { writeFailure } from '../files/write-file-atomically.ts';
import { EXIT_STATUS } from './cli-error.ts';

/** What a command sees of the process it runs in; tests supply their own. */
export interface Terminal {
  /** Results, and nothing else. */
  readonly stdout: TerminalStream;
  /** Errors, warnings and progress. */
  readonly stderr: TerminalStream;
  /** Prompts for answers only if it is a terminal. */
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted at the first Ctrl-C or SIGTERM; a second one ends the process at once, without its unfinished files. */
  readonly signal: AbortSignal;
  /** Called by a command that writes files: it then continues even if the reader of stdout has gone. */
  readonly goOnUnread?: () => void;
}

/** A stream that may be a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean };

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const controller = new AbortController();
  let goesOnUnread = false;
  const interrupt = (): void => {
    if (controller.signal.aborted) {
      undoUnfinishedWork();
      process.exit(EXIT_STATUS.interrupted);
    }
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // A reader that stops early (`tddfa … | head`) is not an error, nor a reason to leave files unwritten; a full disk is
  // a
  // one-line error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isUnread = error.code === 'EPIPE';
    if (isUnread && goesOnUnread) return;
    undoUnfinishedWork();
    if (isUnread) process.exit(EXIT_STATUS.success);
    process.stderr.write(`tddfa: cannot write to stdout: ${writeFailure(error)}\n`, () =>
      process.exit(EXIT_STATUS.badInput),
    );
  });
  // Unread messages are no reason to stop.
  process.stderr.on('error', () => {});
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    signal: controller.signal,
    goOnUnread() {
      goesOnUnread = true;
    },
  };
}

/** Colours for a stream: none unless it is a terminal, and none under `NO_COLOR`. */
export function coloursFor(stream: TerminalStream, env: Terminal['env']): ReturnType<typeof pc.createColors> {
  return pc.createColors(stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb');
}
