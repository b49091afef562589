import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packageIsBuilt } from '../../development/package-is-built.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { withLock } from '../../src/files/with-lock.ts';

/** Builds `dist/` unless it is newer than everything it is made of. Test files that run at once build it only once. */
export async function buildPackage(): Promise<void> {
  if (packageIsBuilt()) return;
  await withLock(join(repositoryRoot, 'node_modules', '.build.lock'), async () => {
    if (!packageIsBuilt()) execFileSync(process.execPath, ['scripts/build.js'], { cwd: repositoryRoot });
  });
}
