import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { extname, join } from 'node:path';
import { isRunning } from './is-running.ts';

/** A process id means nothing on another machine that shares the folder. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

const NAME = /\.tddfa-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.tmp(\.\w+)?$/;

/**
 * A name beside a path for a file until it is complete. It contains the id of the writing process, so that a later
 * process can tell a leftover from a file in use.
 * @param keepsEnding - whether it keeps the path's extension, for programs that depend on it.
 */
export function temporaryName(path: string, { keepsEnding = false } = {}): string {
  const ending = keepsEnding ? extname(path) : '';
  const stem = path.slice(0, path.length - ending.length);
  return `${stem}.tddfa-${HOST}-${process.pid}-${randomBytes(4).toString('hex')}.tmp${ending}`;
}

/** Folders that this process has already checked. */
const cleaned = new Set<string>();

/**
 * Removes files named by {@link temporaryName} if their processes are gone, once per folder. Files that cannot be
 * removed stay: they do no harm.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  if (cleaned.has(folder)) return;
  cleaned.add(folder);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, host, processId] = NAME.exec(name) ?? [];
    if (host !== HOST || isRunning(Number(processId))) continue;
    await rm(join(folder, name), { force: true }).catch(() => {});
  }
}
