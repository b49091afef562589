import { join } from 'node:path';
import { packageRoot } from '../src/package-files.ts';

/** Root of this repository, also for what `npm run bench` builds of this file. */
export const repositoryRoot = packageRoot();

/** Reference data beside the repository: upstream's weights and what the Python original computes from them. */
export const sharedRoot = process.env.TDDFA_SHARED ?? join(repositoryRoot, '..', 'shared');

/** Path of a file of the reference data. */
export function sharedPath(...parts: string[]): string {
  return join(sharedRoot, ...parts);
}
