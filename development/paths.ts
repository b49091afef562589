import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of this repository, whether this file runs from its place or from what `npm run bench` builds of it. */
export const repositoryRoot = findRoot();

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, '/');
}

/** Reference data beside the repository: upstream's weights and what the Python original computes from them. */
export const sharedRoot = process.env.TDDFA_SHARED ?? join(repositoryRoot, '..', 'shared');

/** Path of a file of the reference data. */
export function sharedPath(...parts: string[]): string {
  return join(sharedRoot, ...parts);
}
