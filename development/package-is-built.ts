import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './paths.ts';

/** What `dist/` is made of. */
const SOURCES = ['src', 'converters', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
/** What the build writes last. */
const RESULT = join('dist', 'browser', 'tddfa.js');

/** Whether `dist/` is newer than everything it is made of. */
export function packageIsBuilt(): boolean {
  const built = statSync(join(repositoryRoot, RESULT), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return SOURCES.every((source) => newestChange(join(repositoryRoot, source)) < built);
}

/** When a file, or any file or folder in a folder, was last changed. */
function newestChange(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.reduce((newest, name) => Math.max(newest, statSync(join(path, name)).mtimeMs), found.mtimeMs);
}
