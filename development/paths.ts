import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of this repository. */
export const repositoryRoot = fileURLToPath(new URL('../', import.meta.url));

/** Reference data beside the repository: upstream's weights and what the Python original computes from them. */
export const sharedRoot = process.env.TDDFA_SHARED ?? join(repositoryRoot, '..', 'shared');

/** Path of a file of the reference data. */
export function sharedPath(...parts: string[]): string {
  return join(sharedRoot, ...parts);
}
