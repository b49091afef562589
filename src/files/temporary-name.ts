import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { extname, join } from 'node:path';
import { isRunning } from './is-running.ts';

/** The number of a process means nothing on another machine that has the same folder. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

const NAME = /\.tddfa-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.tmp(\.\w+)?$/;

/**
 * A name beside a path for what is written until it is complete. It names the process that writes it, so that a later one can
 * tell a leftover from a file at work.
 * @param keepsEnding - whether it ends as the path does, for programs that go by that.
 */
export function temporaryName(path: string, { keepsEnding = false } = {}): string {
  const ending = keepsEnding ? extname(path) : '';
  const stem = path.slice(0, path.length - ending.length);
  return `${stem}.tddfa-${HOST}-${process.pid}-${randomBytes(4).toString('hex')}.tmp${ending}`;
}

/** Folders in which this process has looked already. */
const cleaned = new Set<string>();

/**
 * Removes files under names of {@link temporaryName} whose processes are gone, once in each folder. What cannot be
 * removed stays: it is in nobody's way.
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
