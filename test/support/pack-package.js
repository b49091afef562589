/** Runs before the tests of `test/packed/`: builds the package and packs it, once, as `npm publish` would. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let folder = '';

export default function packPackage() {
  folder = mkdtempSync(join(tmpdir(), 'tddfa-packed-'));
  // `npm pack` builds: `prepare` is what it runs first.
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, stdio: 'pipe' });
  const [archive] = readdirSync(folder);
  process.env.TDDFA_ARCHIVE = join(folder, archive);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
}
