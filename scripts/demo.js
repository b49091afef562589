/** `npm run demo [-- FOLDER]`: the bundled portrait -> pictures, a GLB and JSON in `demo-output/`, with the open pack, offline. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KINDS = 'landmarks,points,render,depth,pncc,uv-texture,frontal,pose,boxes';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = join(root, 'dist/src/cli/main.js');
const out = process.argv[2] ?? 'demo-output';

if (!existsSync(command)) {
  console.error('demo: dist/ is missing; run npm ci (or npm run build) first');
  process.exit(1);
}
const flags = ['--weights', 'weights/open', '--draw', KINDS, '--mesh', 'glb'];
const { status } = spawnSync(
  process.execPath,
  [command, 'align', 'examples/astronaut.png', ...flags, '--out', out, '--json', join(out, 'astronaut.json')],
  { cwd: root, stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
console.log(`Pictures, a mesh for Blender and three.js, and all numbers are in ${out}`);
