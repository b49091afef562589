import { execFileSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../../development/paths.ts';

/** What `dist/` is made of. */
const SOURCES = ['src', 'converters', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
/** What the build writes last. */
const RESULT = join('dist', 'browser', 'tddfa.js');

/** Builds `dist/` unless it is newer than all that it is made of. */
export async function buildPackage(): Promise<void> {
  if (!(await isBuilt())) execFileSync(process.execPath, ['scripts/build.js'], { cwd: repositoryRoot });
}

/** Whether `dist/` is newer than all that it is made of. */
export async function isBuilt(): Promise<boolean> {
  const built = await stat(join(repositoryRoot, RESULT)).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  for (const source of SOURCES) {
    if ((await newestChange(join(repositoryRoot, source))) >= built) return false;
  }
  return true;
}

/** When a file, or any file or folder in a folder, was changed last. */
async function newestChange(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const names = await readdir(path, { recursive: true });
  const changes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).mtimeMs));
  return Math.max(found.mtimeMs, ...changes);
}
