import { describeError } from './describe-error.ts';
import { coloursFor, type Terminal } from './terminal.ts';

/** Prints an error as one line on stderr, `tddfa: …`. */
export function reportError(error: unknown, terminal: Terminal): void {
  terminal.stderr.write(`${errorPrefix(terminal)} ${describeError(error)}\n`);
}

/** The start of every error line. */
export function errorPrefix(terminal: Terminal): string {
  return coloursFor(terminal.stderr, terminal.env).red('tddfa:');
}
