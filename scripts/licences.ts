/** `npm run licences`: the licence of every package that is installed with this one, from package-lock.json. */
import { readFileSync } from 'node:fs';
import { productionPackages, readLockfile } from './lockfile.ts';

const lockfile = readLockfile(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
for (const { name, version, licence } of productionPackages(lockfile)) {
  console.log(`${name.padEnd(34)} ${version.padEnd(10)} ${licence ?? 'none stated'}`);
}
