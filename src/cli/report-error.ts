import { describeError } from './describe-error.ts';
import { coloursFor, type Terminal } from './terminal.ts';

/** Prints an error as its one line on stderr, `tddfa: …`. */
export function reportError(error: unknown, terminal: Terminal): void {
  terminal.stderr.write(`${errorPrefix(terminal)} ${describeError(error)}\n`);
}

/** What every line of error begins with. */
export function errorPrefix(terminal: Terminal): string {
  return coloursFor(terminal.stderr, terminal.env).red('tddfa:');
}
