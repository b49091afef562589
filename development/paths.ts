import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of this repository, whether this file runs in place or from the bundle that `npm run bench` makes. */
export const repositoryRoot = findRoot();

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, '/');
}

/** Reference data beside the repository: upstream's weights and the Python original's results from them. */
export const sharedRoot = process.env.TDDFA_SHARED ?? join(repositoryRoot, '..', 'shared');

/** Path of a file of the reference data. */
export function sharedPath(...parts: string[]): string {
  return join(sharedRoot, ...parts);
}
