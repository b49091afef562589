import { extname } from 'node:path';
import { printable } from '../errors.ts';
import { usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** File extensions of tables and documents that are not JSON. */
const OTHER_DOCUMENTS: ReadonlySet<string> = new Set(
  [
    'csv',
    'tsv',
    'xls',
    'xlsx',
    'xml',
    'yml',
    'yaml',
    'txt',
    'html',
    'md',
    'png',
    'jpg',
    'svg',
    'npz',
    'npy',
    'parquet',
  ].map((ending) => `.${ending}`),
);

/** @throws CliError with exit status 2 for a `--json` path with the extension of another file type. */
export function checkJsonPath(path: string | undefined): void {
  const ending = extname(path ?? '').toLowerCase();
  if (OTHER_DOCUMENTS.has(ending)) throw usageError(`--json: writes JSON, not ${ending} (got '${path}')`);
}

/** Lists the files that a command wrote: on stdout, or on stderr if stdout holds a document. */
export function nameWritten(paths: readonly (string | undefined)[], terminal: Terminal, hasDocument = false): void {
  const stream = hasDocument ? terminal.stderr : terminal.stdout;
  for (const path of paths) if (path !== undefined && path !== '-') stream.write(`  wrote ${printable(path)}\n`);
}
