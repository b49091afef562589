/**
 * Work that one process at a time may do. The lock is a file that names its holder; one whose holder is gone, killed or
 * lost with its machine, is taken over. Node has no locks of the system, and the packages that make them of folders go by
 * time alone.
 */
import { constants, rmSync } from 'node:fs';
import { copyFile, link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './is-running.ts';
import { removeLeftovers, temporaryName } from './temporary-name.ts';
import { beginWork } from './unfinished-work.ts';

/** Options of {@link withLock}. */
export interface LockOptions {
  /** Ends the waiting; what is then thrown is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called once where another process has the lock. */
  readonly onWait?: (() => void) | undefined;
}

const POLL_MS = 100;
/** How often a holder shows that it is still there. */
const SIGN_OF_LIFE_MS = 5000;
/** A holder on another machine, or whose number another process may have by now, counts as gone after so long. */
const LOST_MS = 10 * 60_000;

/**
 * Does the work while no other process does work under the same lock.
 * @param path - the lock's file; its folder must be there.
 * @throws what the work throws; the system's error where the file cannot be made.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, onWait }: LockOptions = {},
): Promise<T> {
  const own = temporaryName(path);
  const endWork = beginWork(() => {
    rmSync(own, { force: true });
    if (isHeld) rmSync(path, { force: true });
  });
  let isHeld = false;
  try {
    await removeLeftovers(dirname(path));
    // A lock appears with its content, or not at all.
    await writeFile(own, JSON.stringify({ host: hostname(), processId: process.pid }), { flag: 'wx' });
    for (let isFirst = true; !(await tryLink(own, path)); isFirst = false) {
      signal?.throwIfAborted();
      if (await isAbandoned(path)) {
        await takeAway(path);
        continue;
      }
      if (isFirst) onWait?.();
      await sleep(POLL_MS);
    }
    isHeld = true;
    const timer = setInterval(() => {
      utimes(path, new Date(), new Date()).catch(() => {});
    }, SIGN_OF_LIFE_MS).unref();
    try {
      return await work();
    } finally {
      clearInterval(timer);
      await rm(path, { force: true }).catch(() => {});
      isHeld = false;
    }
  } finally {
    await rm(own, { force: true }).catch(() => {});
    endWork();
  }
}

async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EROFS') throw error;
  }
  // Not every file system has hard links.
  try {
    await copyFile(own, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > LOST_MS) return true;
    const { host, processId } = JSON.parse(await readFile(path, 'utf8')) as { host?: unknown; processId?: unknown };
    return host === hostname() && typeof processId === 'number' && !isRunning(processId);
  } catch {
    // It is gone, or nothing that can be understood: it will be old one day.
    return false;
  }
}

/** Removes an abandoned lock, unless somebody else has done so and has taken a new one. */
async function takeAway(path: string): Promise<void> {
  const away = temporaryName(path);
  try {
    await rename(path, away);
    if (!(await isAbandoned(away))) await link(away, path).catch(() => {});
  } catch {
    // Another process was faster.
  }
  await rm(away, { force: true }).catch(() => {});
}
