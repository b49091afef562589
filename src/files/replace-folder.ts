/**
 * Folders that are replaced as a whole. No system call swaps two folders on every system, so the old one is moved away
 * before the new one is moved in. A process killed in between leaves no folder under the name but both beside it, and
 * the next process that looks puts the old one back.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { beginWork } from './unfinished-work.ts';
import { type LockOptions, withLock } from './with-lock.ts';

/** A folder beside another: `.pack.new-1a2b3c4d`. */
function beside(target: string, what: 'new' | 'old'): string {
  return join(dirname(target), `.${basename(target)}.${what}-${randomBytes(4).toString('hex')}`);
}

/** The name of the folder of which `name` is the old or the new version. */
export function nameOfReplaced(name: string): string | undefined {
  return /^\.(.+)\.(?:new|old)-[0-9a-f]{8}$/.exec(name)?.[1];
}

/**
 * Does work on a folder that is complete and that no other process changes meanwhile: leftovers of killed processes
 * beside it are first put back or removed. Parent folders are created, and removed again if the work fails.
 */
export async function withFolder<T>(target: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const above = dirname(target);
  const missing = await missingFolders(above);
  try {
    await makeFolder(above);
    return await withLock(
      join(above, `.${basename(target)}.lock`),
      async () => {
        await recoverFolder(target);
        return work();
      },
      options,
    );
  } catch (error) {
    for (const folder of missing) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** Puts back a folder that a killed process had moved away; otherwise writes nothing. */
export async function restoreFolder(target: string, options: LockOptions = {}): Promise<void> {
  if ((await isThere(target)) || !(await leftovers(target)).some(({ isOld }) => isOld)) return;
  await withFolder(target, async () => {}, options);
}

/**
 * Fills a folder beside `target` and puts it in its place; leaves nothing behind on failure. For use in {@link
 * withFolder}.
 */
export async function replaceFolder(target: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = beside(target, 'new');
  const endWork = beginWork(() => rmSync(temporary, { recursive: true, force: true }));
  try {
    await makeFolder(temporary);
    await fill(temporary);
    await swap(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  } finally {
    endWork();
  }
}

async function swap(temporary: string, target: string): Promise<void> {
  const old = beside(target, 'old');
  let hasOld = true;
  try {
    await rename(target, old);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    hasOld = false;
  }
  try {
    await rename(temporary, target);
  } catch (error) {
    if (hasOld) await rename(old, target);
    throw error;
  }
  if (hasOld) await rm(old, { recursive: true, force: true });
}

async function recoverFolder(target: string): Promise<void> {
  for (const left of await leftovers(target)) {
    // The old one is complete; the new one may be only half written.
    if (left.isOld && !(await isThere(target))) await rename(left.path, target);
    else await rm(left.path, { recursive: true, force: true });
  }
}

/** The latest first. */
async function leftovers(target: string): Promise<{ readonly path: string; readonly isOld: boolean }[]> {
  const above = dirname(target);
  const found: { readonly path: string; readonly isOld: boolean; readonly mtimeMs: number }[] = [];
  for (const name of await readdir(above).catch(() => [])) {
    if (nameOfReplaced(name) !== basename(target)) continue;
    const path = join(above, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
    found.push({ path, isOld: name.startsWith(`.${basename(target)}.old-`), mtimeMs });
  }
  return found.sort((a, b) => b.mtimeMs - a.mtimeMs);
}

/** `folder` and its parents, as far as they do not exist yet, innermost first. */
async function missingFolders(folder: string): Promise<string[]> {
  return (await isThere(folder)) || dirname(folder) === folder
    ? []
    : [folder, ...(await missingFolders(dirname(folder)))];
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
