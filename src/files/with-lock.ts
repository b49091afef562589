/**
 * Work that only one process at a time may do. The lock is a file that names its holder; if the holder is gone, killed
 * or lost with its machine, the lock is taken over. Node has no system locks, and packages that build locks from
 * folders rely on time alone.
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
  /** Ends the wait, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called once if another process holds the lock. */
  readonly onWait?: (() => void) | undefined;
}

const POLL_MS = 100;
/** Interval at which a holder shows that it is still alive. */
const SIGN_OF_LIFE_MS = 5000;
/** A holder on another machine, or whose process id may have been reused, counts as gone after this long. */
const LOST_MS = 10 * 60_000;

/**
 * Does the work while no other process does work under the same lock.
 * @param path - the lock file; its folder must exist.
 * @throws what the work throws; the system's error if the file cannot be created.
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
    // A lock appears complete with its content, or not at all.
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
    // It is gone or unreadable: it will expire one day.
    return false;
  }
}

/** Removes an abandoned lock, unless another process has already done so and holds a new one. */
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
