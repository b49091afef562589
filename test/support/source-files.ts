import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './shared.ts';

/** Paths of all files of `folders`, relative to the repository, with `/`, sorted. */
export function filesOf(...folders: string[]): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(repositoryRoot, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(repositoryRoot.length).replaceAll('\\', '/')),
    )
    .sort();
}
