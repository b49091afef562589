import { SingleBar } from 'cli-progress';
import { printable } from '../errors.ts';
import type { Terminal } from './terminal.ts';

/** Progress of a long piece of work. */
export interface Progress {
  /** Shows `label`, and a bar if `total` is known; both may change from call to call. */
  update(label: string, done: number, total?: number): void;
  /** Removes the bar. Idempotent; call it before anything else is printed. */
  stop(): void;
}

/**
 * A progress bar on stderr if it is a terminal, otherwise nothing at all.
 * @param unit - `bytes` are shown in megabytes, everything else as a count.
 */
export function createProgress(terminal: Terminal, unit: 'bytes' | 'items'): Progress {
  if (terminal.stderr.isTTY !== true) return { update() {}, stop() {} };
  let bar: SingleBar | undefined;
  const show = unit === 'bytes' ? (value: number) => `${(value / 1e6).toFixed(1)} MB` : String;
  return {
    update(label, done, total) {
      const payload = {
        label: printable(label),
        shownDone: show(done),
        shownTotal: total === undefined ? '?' : show(total),
      };
      if (bar === undefined) {
        bar = new SingleBar({
          format: '{bar} {label} {shownDone}/{shownTotal}',
          stream: terminal.stderr as NodeJS.WritableStream,
          barsize: 20,
          hideCursor: true,
          clearOnComplete: true,
          barCompleteChar: '█',
          barIncompleteChar: '░',
        });
        bar.start(total ?? 0, done, payload);
        return;
      }
      bar.setTotal(total ?? 0);
      bar.update(done, payload);
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}
