/** `npm run demo`: aligns the bundled portrait into `demo-output/` with the pack that the search order finds. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = join(root, 'dist/src/cli/main.js');
const align = ['align', 'examples/astronaut.png', '--draw', 'landmarks,pose,boxes', '--out', 'demo-output'];

if (!existsSync(command)) {
  console.error('demo: dist/ is missing; run npm ci (or npm run build) first');
  process.exit(1);
}
const result = spawnSync(process.execPath, [command, ...align, '--json', 'demo-output/astronaut.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (result.status === 0) console.log('Pictures and numbers are in demo-output/');
process.exit(result.status ?? 1);
