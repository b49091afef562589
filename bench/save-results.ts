import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../development/paths.ts';

/**
 * Writes `bench/results/NAME.json` and prints its path.
 * @param results - what was measured, and of which machine and commit.
 */
export async function saveResults(name: string, results: object): Promise<void> {
  const folder = join(repositoryRoot, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nwritten: ${path}`);
}
